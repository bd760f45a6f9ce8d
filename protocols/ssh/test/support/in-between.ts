import type { Socket } from "node:net";
import { PacketWriter } from "../../src/transport/packet-writer.ts";
import { number } from "../../src/codec/numbers.ts";
import { sockets } from "./transports.ts";

/** What somebody in between does to what one of the two sends. */
export interface Tampering {
  readonly of: "server" | "client";
  /** Is put in before its NEWKEYS. */
  readonly put?: Buffer;
  /** Packets that are taken away right behind the NEWKEYS. */
  readonly take: number;
}

/** A client's end and a server's end, with somebody in between who can't decrypt, and tampers with what goes one way. */
export async function inBetween(
  tampering: Tampering,
  proof: number,
): Promise<{ readonly client: Socket; readonly server: Socket }> {
  const [near, far] = await Promise.all([sockets(), sockets()]);
  const [from, to] = tampering.of === "server" ? [far.client, near.server] : [near.server, far.client];
  to.pipe(from);
  let left = tampering.take;
  let stage: "identification" | "clear" | "taking" | "passing" = "identification";
  let waiting = Buffer.alloc(0);
  const pass = (bytes: Buffer) => to.write(bytes);
  from.on("data", (chunk: Buffer) => {
    waiting = Buffer.concat([waiting, chunk]);
    while (waiting.length > 0) {
      let end = waiting.length;
      if (stage === "identification") {
        end = waiting.indexOf("\n") + 1;
        if (end === 0) return;
        pass(waiting.subarray(0, end));
        stage = "clear";
      } else if (stage === "passing") {
        pass(waiting);
      } else {
        if (waiting.length < 4) return;
        end = 4 + waiting.readUInt32BE() + (stage === "taking" ? proof : 0);
        if (waiting.length < end) return;
        if (stage === "taking") {
          if (--left <= 0) stage = "passing";
        } else {
          const isNewKeys = waiting[5] === number.newKeys;
          if (isNewKeys && tampering.put) pass(Buffer.concat(new PacketWriter().write([tampering.put])));
          pass(waiting.subarray(0, end));
          if (isNewKeys) stage = left > 0 ? "taking" : "passing";
        }
      }
      waiting = waiting.subarray(end);
    }
  });
  far.client.on("close", () => near.server.destroy());
  near.server.on("close", () => far.client.destroy());
  for (const socket of [near.server, far.client]) socket.on("error", () => socket.destroy());
  return { client: near.client, server: far.server };
}
