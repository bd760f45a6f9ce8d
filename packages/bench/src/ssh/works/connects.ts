import { run } from "../../processes.ts";
import type { SshWork } from "../stage.ts";

const LIMIT = 60_000;

/** Connections that have one command run, one after the other, by so many clients at once. */
export function connects(clients: number): SshWork {
  const name = `connect ${clients}`;
  return {
    name,
    lines: [{ name, unit: "a second", against: "bastion", wanted: { atLeast: 1 } }],
    peers: ["direct", "bastion", "gateway"],
    set: "connect",
    async sample({ site }, peer, seconds) {
      const { programs, folder, signal } = site;
      const call = { program: programs.ssh, args: peer.ssh({ command: "true" }), cwd: folder, signal };
      const begun = performance.now();
      let count = 0;
      const client = async () => {
        while (performance.now() - begun < seconds * 1000) {
          await run(call, LIMIT);
          count++;
        }
      };
      await Promise.all(Array.from({ length: clients }, client));
      return { figures: [(count * 1000) / (performance.now() - begun)], count };
    },
  };
}
