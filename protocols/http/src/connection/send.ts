import type { Writable } from "node:stream";
import { GatehouseError } from "@gatehouse/core";

const SHORT = 4096;
const NOTHING: Uint8Array = Buffer.alloc(0);

/**
 * Writes pieces as one.
 * @returns undefined where there is room for more at once; else resolves when there is
 * @throws GatehouseError PROTOCOL_VIOLATION where the receiver has gone
 */
export function send(to: Writable, pieces: readonly Uint8Array[]): Promise<void> | undefined {
  if (!to.writable) throw gone();
  return write(to, pieces) ? undefined : drained(to);
}

function write(to: Writable, pieces: readonly Uint8Array[]): boolean {
  const [only = NOTHING, ...more] = pieces;
  if (more.length === 0) return to.write(only);
  // What is short is copied sooner than a list of buffers is made ready.
  if (pieces.reduce((sum, { length }) => sum + length, 0) <= SHORT) return to.write(Buffer.concat(pieces));
  to.cork();
  let room = true;
  for (const piece of pieces) room = to.write(piece);
  to.uncork();
  return room;
}

function drained(to: Writable): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = () => {
      to.off("drain", settle);
      to.off("close", settle);
      if (to.destroyed) reject(gone());
      else resolve();
    };
    to.on("drain", settle);
    to.on("close", settle);
  });
}

function gone(): GatehouseError {
  return new GatehouseError("PROTOCOL_VIOLATION", "The receiver has gone.");
}
