import type { Wanted, Work } from "../../work.ts";
import { withHeld } from "../held-sessions.ts";
import type { Stage } from "../stage.ts";
import { HELD } from "./approvals.ts";
import { latency } from "./latency.ts";
import { type Mode, select } from "./pgbench-works.ts";

/** What others get done while commands wait: as much as without, but for what the machine makes of it. */
export function besideHolds(): Work<Stage>[] {
  const modes: readonly Mode[] = ["simple", "extended"];
  return modes.flatMap((mode) => [
    beside(select(mode, 8, "tls"), { atLeast: 0.95 }),
    beside(latency(mode), { atMost: 1.05 }),
  ]);
}

/** The same work at one gateway, in one turn while nothing waits, in the other while commands do. */
function beside(work: Work<Stage>, wanted: Wanted): Work<Stage> {
  const [first, ...rest] = work.lines.map((line) => ({
    ...line,
    name: `${line.name}, ${HELD} held`,
    against: "unheld" as const,
    wanted,
  }));
  if (!first) throw new Error("A work has a line.");
  return {
    ...work,
    name: `${work.name}, ${HELD} held`,
    lines: [first, ...rest],
    peers: ["unheld", "gateway"],
    set: "beside holds",
    sample: (stage, peer, seconds) => {
      const sample = () => work.sample(stage, peer, seconds);
      return peer.name === "gateway" ? withHeld(stage.site, peer, HELD, sample) : sample();
    },
  };
}
