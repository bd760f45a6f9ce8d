import type { Writable } from "node:stream";
import { GatehouseError } from "@gatehouse/core";

/**
 * Writes pieces as one.
 * @returns undefined where there is room for more at once; else resolves when there is
 * @throws GatehouseError PROTOCOL_VIOLATION where the receiver has gone
 */
export function send(to: Writable, pieces: readonly Uint8Array[]): Promise<void> | undefined {
  if (!to.writable) throw gone();
  let room = true;
  if (pieces.length > 1) to.cork();
  for (const piece of pieces) room = to.write(piece);
  if (pieces.length > 1) to.uncork();
  return room ? undefined : drained(to);
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
