import type { Socket } from "node:net";
import type { Channel } from "./connection/channel.ts";

/** Passes what two channels send to each other, and their ends. What a channel may ask for is for others to know. */
export function pipeChannels(a: Channel, b: Channel): void {
  lead(a, b);
  lead(b, a);
}

function lead(from: Channel, to: Channel): void {
  from.events = {
    data: (bytes, type) => to.write(bytes, type, from),
    request: (_, answer) => answer(false),
    eof: () => to.end(),
    closed: () => to.close(),
  };
}

/** The same with a socket at the other end. */
export function pipeSocket(channel: Channel, socket: Socket): void {
  channel.events = {
    data: (bytes) => {
      // Called also where the socket is gone: there is nobody to slow down then.
      socket.write(bytes, () => channel.consumed(bytes.length));
    },
    request: (_, answer) => answer(false),
    eof: () => socket.end(),
    // What it has sent before is on its way still.
    closed: () => socket.destroySoon(),
  };
  socket.on("data", (chunk: Buffer) => {
    socket.pause();
    channel.write(chunk, undefined, { consumed: () => socket.resume() });
  });
  socket.on("end", () => channel.end());
  socket.on("close", () => channel.close());
  socket.on("error", () => socket.destroy());
}
