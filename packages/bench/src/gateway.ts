import { join } from "node:path";
import type { Call } from "./processes.ts";

const MAIN = join(import.meta.dirname, "..", "..", "cli", "src", "main.ts");

/** Folders of policies, one for each subject's gateway. */
export const POLICIES = join(import.meta.dirname, "..", "policies");

/**
 * `gatehouse serve`, as `npm run gatehouse` and the systemd unit have it.
 * @param profiles where V8's CPU profile is written when the gateway stops; none is, when undefined
 */
export function gatewayCall(config: string, profiles: string | undefined): Pick<Call, "program" | "args"> {
  return {
    program: process.execPath,
    args: [
      ...["--disable-warning=ExperimentalWarning", "--min-semi-space-size=2", "--max-semi-space-size=2"],
      ...(profiles === undefined ? [] : ["--cpu-prof", "--cpu-prof-dir", profiles]),
      ...[MAIN, "serve", "--config", config],
    ],
  };
}
