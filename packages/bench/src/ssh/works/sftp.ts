import { run } from "../../processes.ts";
import type { SshWork } from "../stage.ts";
import { rate } from "./streams.ts";

const LIMIT = 5 * 60_000;
const NOW = "!date +%s%N";

/** One file, fetched and sent by sftp; nothing is written to a disk. */
export function sftp(): SshWork[] {
  const work = (name: string, batch: (file: string) => string): SshWork => ({
    name,
    lines: [{ name, unit: "MB/s", against: "bastion", wanted: { atLeast: 1 } }],
    peers: ["direct", "bastion", "gateway"],
    set: "sftp",
    async sample({ site }, peer) {
      const { programs, folder, signal, bulk } = site;
      const commands = await site.put("sftp-batch", `${NOW}\n${batch(bulk.file)}\n${NOW}\n`);
      const args = ["-q", "-S", peer.sftpProgram, "-b", commands, "bench"];
      return rate(await run({ program: programs.sftp, args, cwd: folder, signal }, LIMIT), bulk.bytes);
    },
  });
  return [
    work("sftp get", (file) => `get ${file} /dev/null`),
    work("sftp put", (file) => `put ${file} /dev/null`),
  ];
}
