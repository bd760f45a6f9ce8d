import { setTimeout as pause } from "node:timers/promises";
import type { Line, Wanted } from "../../work.ts";
import type { PostgresWork } from "../stage.ts";
import { withHeld } from "../held-sessions.ts";
import { HELD } from "./approvals.ts";
import { latency } from "./latency.ts";
import { type Mode, select } from "./pgbench-works.ts";

/** Milliseconds in which the sessions that were just opened come to rest, at the gateway and at the server. */
const SETTLING = 1000;

/** What others get done while commands wait: as much as without, but for what the machine makes of it. */
export function besideHolds(): PostgresWork[] {
  const modes: readonly Mode[] = ["simple", "extended"];
  return modes.flatMap((mode) => [
    beside(select(mode, 8, "tls"), { atLeast: 0.95 }),
    beside(latency(mode), { atMost: 1.05 }),
  ]);
}

/** The same work at one gateway, in one turn while nothing waits, in the other while commands do. */
function beside(work: PostgresWork, wanted: Wanted): PostgresWork {
  const [first, ...rest] = work.lines.map(
    ({ name, unit }): Line => ({ name: `${name}, ${HELD} held`, unit, against: "unheld" }),
  );
  if (!first) throw new Error("A work has a line.");
  return {
    ...work,
    name: `${work.name}, ${HELD} held`,
    // What is wanted of a second line, at p99, would be wanted of the machine.
    lines: [{ ...first, wanted }, ...rest],
    peers: ["unheld", "gateway"],
    set: "beside holds",
    around: ({ site }, peer, measure) => {
      const measured = async () => {
        await pause(SETTLING, undefined, { signal: site.signal });
        return measure();
      };
      return peer.name === "gateway" ? withHeld(site, peer, HELD, measured) : measured();
    },
  };
}
