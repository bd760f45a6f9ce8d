import { settled } from "../../settled.ts";
import type { PostgresWork } from "../stage.ts";
import { withHeld, withSessions } from "../held-sessions.ts";
import { HELD } from "./approvals.ts";
import { comeAndGo } from "./memory.ts";

/** What a session keeps in RAM while its command waits, beside what one keeps that has had its command. */
export function heldMemory(): PostgresWork {
  const name = `memory, ${HELD} held`;
  return {
    name,
    lines: [{ name, unit: "KB each", against: "unheld" }],
    peers: ["unheld", "gateway"],
    transport: "tls",
    set: name,
    fresh: true,
    rounds: 3,
    async sample({ site }, peer) {
      const { pid } = peer;
      if (pid === undefined) throw new Error(`${peer.name} has no process to look at.`);
      await comeAndGo(site, peer);
      const before = await settled(pid);
      const grown = async () => ({ figures: [((await settled(pid)) - before) / HELD / 1024] });
      if (peer.name === "gateway") return withHeld(site, peer, HELD, grown);
      return withSessions(site, peer, { level: "writer", count: HELD }, async (sessions) => {
        await Promise.all(sessions.map((session) => session.change()));
        return grown();
      });
    },
  };
}
