import { setTimeout as pause } from "node:timers/promises";
import { quantile } from "../../statistics.ts";
import type { Line } from "../../work.ts";
import type { SshWork } from "../stage.ts";
import { startTerminal } from "../terminal.ts";

/** Milliseconds between an echo and the next key: nobody types as fast. */
const BETWEEN = 5;
/** Keys of a line: a terminal takes no line without end. */
const LINE = 60;

/** How long it takes until a key that is typed is echoed by the target's terminal. */
export function keystrokes({ masked }: { readonly masked: boolean }): SshWork {
  const name = masked ? "keystroke, secrets masked" : "keystroke";
  const line = (percentile: string, wanted: Pick<Line, "wanted"> = {}): Line => ({
    ...{ name: `${name} ${percentile}`, unit: "ms", against: "beyond bastion" },
    ...wanted,
  });
  return {
    name,
    lines: [line("p50"), line("p99", masked ? {} : { wanted: { atMost: 2 } })],
    peers: ["direct", "bastion", "gateway"],
    set: "keystrokes",
    async sample({ site }, peer, seconds) {
      const terminal = await startTerminal(site, peer, { masked });
      try {
        const times: number[] = [];
        const end = performance.now() + seconds * 1000;
        while (performance.now() < end) {
          const key = times.length % LINE === LINE - 1 ? "\n" : "x";
          const begun = performance.now();
          await terminal.echoed(key);
          times.push(performance.now() - begun);
          await pause(BETWEEN);
        }
        return { figures: [quantile(times, 0.5), quantile(times, 0.99)], count: times.length };
      } finally {
        await terminal.stop();
      }
    },
  };
}
