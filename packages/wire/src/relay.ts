import type { Duplex } from "node:stream";

/**
 * Passes what comes from one socket on to another, through `transform`. When the receiver is slow, the
 * sender is paused, so that what waits in memory is one socket buffer and not a result set.
 *
 * @param transform the chunk's bytes as they shall go on; an empty list for nothing. What it throws ends the relay.
 * @param signal ends it at once, with the sender left as it is
 * @returns resolves when the sender has ended or gone; rejects with what `transform` threw.
 */
export function relay(
  from: Duplex,
  to: Duplex,
  transform: (chunk: Buffer) => readonly Buffer[],
  signal?: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const resume = () => from.resume();
    const stop = () => {
      from.off("data", pass);
      from.off("end", done);
      from.off("close", done);
      to.off("drain", resume);
      to.off("close", resume);
      signal?.removeEventListener("abort", done);
    };
    const done = () => {
      stop();
      resolve();
    };
    const pass = (chunk: Buffer) => {
      try {
        let room = true;
        const pieces = transform(chunk);
        // Together: over TLS each would be a record of its own, and a call of the system.
        if (pieces.length > 1) to.cork();
        for (const piece of pieces) room = to.write(piece);
        if (pieces.length > 1) to.uncork();
        // A receiver that is gone never drains: its sender is left to run, and its bytes to vanish.
        if (!room && !to.destroyed) from.pause();
      } catch (error) {
        stop();
        reject(error instanceof Error ? error : new Error(String(error)));
      }
    };
    if (from.destroyed || from.readableEnded || signal?.aborted === true) {
      resolve();
      return;
    }
    signal?.addEventListener("abort", done);
    to.on("drain", resume);
    to.on("close", resume);
    from.on("end", done);
    from.on("close", done);
    from.on("data", pass);
  });
}
