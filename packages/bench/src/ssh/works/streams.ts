import { run } from "../../processes.ts";
import type { Sample } from "../../work.ts";
import type { Site } from "../site.ts";
import type { SshPeer, SshWork } from "../stage.ts";

const LIMIT = 5 * 60_000;
const MB = 1e6;

/** Prints when its input's first byte is there, and when its last is: to connect is not in the figures. */
const TIMED = "head -c 1 > /dev/null; date +%s%N; cat > /dev/null; date +%s%N";

/** What a command prints, and what it reads: many bytes of text. */
export function streams(): SshWork[] {
  const work = (name: string, sample: (site: Site, peer: SshPeer) => Promise<string>): SshWork => ({
    name,
    lines: [{ name, unit: "MB/s", against: "bastion", wanted: { atLeast: 1 } }],
    peers: ["direct", "bastion", "gateway"],
    set: "streams",
    sample: async ({ site }, peer) => rate(await sample(site, peer), site.bulk.bytes),
  });
  return [
    work("exec out", (site, peer) =>
      piped(site, `"$@" | { ${TIMED}; }`, peer.ssh({ command: `cat ${site.bulk.file}` })),
    ),
    {
      ...work("exec out, secrets masked", (site, peer) =>
        piped(site, `"$@" | { ${TIMED}; }`, peer.ssh({ command: `cat ${site.bulk.file}`, masked: true })),
      ),
      lines: [{ name: "exec out, secrets masked", unit: "MB/s", against: "bastion" }],
    },
    work("exec in", (site, peer) => piped(site, `"$@" < '${site.bulk.file}'`, peer.ssh({ command: TIMED }))),
  ];
}

/** Runs ssh as a part of a script, where it is `"$@"`. */
function piped({ programs, folder, signal }: Site, script: string, args: readonly string[]): Promise<string> {
  const call = ["-c", `set -o pipefail; ${script}`, "bench", programs.ssh, ...args];
  return run({ program: programs.bash, args: call, cwd: folder, signal }, LIMIT);
}

/** Megabytes a second, from two times in nanoseconds that were printed. */
export function rate(printed: string, bytes: number): Sample {
  const [begun, ended, ...more] = printed
    .split("\n")
    .filter((line) => /^\d{15,}$/.test(line))
    .map(Number);
  if (begun === undefined || ended === undefined || more.length > 0 || ended <= begun) {
    throw new Error(`No two times were printed: ${printed.slice(0, 200)}`);
  }
  return { figures: [(bytes / MB / (ended - begun)) * 1e9], count: bytes / MB };
}
