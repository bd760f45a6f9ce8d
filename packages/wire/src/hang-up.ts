import type { Socket } from "node:net";

/**
 * Ends a connection so that its last words arrive: what the peer still sends is read and dropped, since closing on
 * unread bytes is a reset, and a reset takes away what the peer has not read yet. A peer that does not close
 * its side within `patience` milliseconds is cut off.
 * @returns resolves when the connection is closed
 */
export function hangUp(socket: Socket, patience: number, lastWords?: Uint8Array): Promise<void> {
  if (socket.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(() => socket.destroy(), patience);
    socket.once("close", () => {
      clearTimeout(timer);
      resolve();
    });
    if (lastWords === undefined || socket.writableEnded) socket.end();
    else socket.end(lastWords);
    socket.resume();
  });
}
