import { run } from "../../processes.ts";
import type { HttpWork } from "../stage.ts";
import { BULK, UPLOADS } from "../targets.ts";

const LIMIT = 5 * 60_000;
const MB = 1e6;

/** One large file, fetched and sent by curl, several times on one connection; nothing is written to a disk. */
export function bulk(): HttpWork[] {
  const work = (name: string, path: string, options: (file: string) => readonly string[]): HttpWork => ({
    name,
    lines: [{ name, unit: "MB/s", against: "nginx", wanted: { atLeast: 0.9 } }],
    peers: ["direct", "nginx", "node", "gateway"],
    set: "bulk",
    async sample({ site }, peer, seconds) {
      const { programs, folder, signal, tls, token, bulk: sent } = site;
      const headers = await site.put("curl-headers", `Authorization: Bearer ${token}\nExpect:\n`);
      const url = peer.url({ target: "api", path });
      const each = [...options(sent.file), "-o", "/dev/null", url];
      const all = [
        "-sSf",
        "--http1.1",
        "--cacert",
        tls.ca,
        "-H",
        `@${headers}`,
        "-w",
        "%{time_pretransfer} %{time_total}\\n",
      ];
      // What stands behind --next has no options of what is before it.
      const args = Array.from({ length: seconds }, (_, index) => [
        ...(index > 0 ? ["--next"] : []),
        ...all,
        ...each,
      ]);
      const output = await run({ program: programs.curl, args: args.flat(), cwd: folder, signal }, LIMIT);
      const times = secondsOf(output);
      if (times.length !== seconds) throw new Error(`curl timed ${times.length} of ${seconds} files.`);
      const megabytes = (sent.bytes * seconds) / MB;
      return { figures: [megabytes / times.reduce((sum, time) => sum + time, 0)], count: megabytes };
    },
  });
  return [work("download", BULK, () => []), work("upload", UPLOADS, (file) => ["-T", file])];
}

/** Seconds of each transfer, without connecting: from two times that curl prints for each. */
export function secondsOf(output: string): number[] {
  return output
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const [begun, ended, ...more] = line.split(" ").map(Number);
      if (begun === undefined || ended === undefined || more.length > 0 || !(ended > begun)) {
        throw new Error(`curl printed no two times: ${line.slice(0, 200)}`);
      }
      return ended - begun;
    });
}
