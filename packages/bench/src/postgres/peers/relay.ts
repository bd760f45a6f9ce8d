import { join } from "node:path";
import { freePort } from "@gatehouse/testkit";
import { accepts, startService } from "../../processes.ts";
import { roleOf } from "../levels.ts";
import type { PostgresPeer } from "../stage.ts";
import type { Site } from "../site.ts";
import { clientEnvironment, socketOptions } from "./ways.ts";

const MAIN = join(import.meta.dirname, "relay-main.ts");

/** What TLS on both sides costs in Node when nothing is done between them: the floor under the gateway. */
export async function startRelay(site: Site): Promise<PostgresPeer> {
  const port = await freePort();
  const { ca, cert, key } = site.tls;
  const { pid, stop } = await startService(
    {
      program: process.execPath,
      args: [
        "--disable-warning=ExperimentalWarning",
        MAIN,
        String(port),
        String(site.serverPort),
        cert,
        key,
        ca,
      ],
      cwd: site.folder,
      signal: site.signal,
    },
    () => accepts(socketOptions({ port })),
  );
  return {
    name: "relay",
    pid,
    clientEnvironment: (level) => ({
      ...clientEnvironment(site, { port }, roleOf(level), site.passwords[roleOf(level)]),
      // The two TLS sessions are not one: a proof that is bound to one of them does not hold in the other.
      PGCHANNELBINDING: "disable",
    }),
    stop: () => stop("SIGTERM"),
  };
}
