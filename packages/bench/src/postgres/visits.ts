import { join } from "node:path";
import { z } from "zod";
import { run } from "../processes.ts";
import type { Level } from "./levels.ts";
import type { PostgresPeer } from "./stage.ts";
import type { Site } from "./site.ts";

const MAIN = join(import.meta.dirname, "visits-main.ts");
/** Above what it was told: for the last sessions. */
const GRACE = 60_000;

const printed = z.object({
  /** Milliseconds from the first byte to the connection's end, of each session that had its answer. */
  times: z.array(z.number()),
  /** Why the others have none. */
  failures: z.array(z.string()),
  /** Seconds until the last had ended. */
  took: z.number(),
});
export type Visits = z.infer<typeof printed>;

export interface VisitsOptions {
  readonly level: Level;
  readonly seconds: number;
  /** Sessions that begin in a second; one after the other, when left out. */
  readonly pace?: number;
}

/** Has sessions come, ask for one row, and go. */
export async function visit(
  site: Site,
  peer: PostgresPeer,
  { level, seconds, pace = 0 }: VisitsOptions,
): Promise<Visits> {
  const output = await run(
    {
      program: process.execPath,
      args: ["--disable-warning=ExperimentalWarning", MAIN, String(seconds), String(pace)],
      env: peer.clientEnvironment(level),
      cwd: site.folder,
      signal: site.signal,
    },
    seconds * 1000 + GRACE,
  );
  return printed.parse(JSON.parse(output));
}
