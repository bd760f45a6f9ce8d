import type { Sink } from "../../src/masking/sink.ts";

/** What breaks off what is not what it says. */
export const malformed = { name: "GatehouseError", code: "PROTOCOL_VIOLATION" };

/** Takes all, and remembers it. */
export class Collected implements Sink {
  readonly pieces: Buffer[] = [];
  ended = 0;
  aborted = 0;
  /** What `write` answers with: no room until it resolves. */
  room: Promise<void> | undefined;

  write(content: readonly Buffer[]): Promise<void> | undefined {
    if (this.ended + this.aborted > 0) throw new Error("written to behind its end");
    this.pieces.push(...content);
    return this.room;
  }

  end(): undefined {
    this.ended++;
    return undefined;
  }

  abort(): void {
    this.aborted++;
  }

  get bytes(): Buffer {
    return Buffer.concat(this.pieces);
  }

  get text(): string {
    return this.bytes.toString("utf8");
  }
}

/** @param size of a piece, the last may be smaller */
export function inPieces(bytes: Buffer, size: number): Buffer[] {
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += size) pieces.push(bytes.subarray(at, at + size));
  return pieces;
}

/** Hands on a whole body, each piece by itself. */
export async function pour(pieces: readonly Buffer[], sink: Sink): Promise<void> {
  for (const piece of pieces) await sink.write([piece]);
  await sink.end();
}

/** What comes out of one step. @param make the step, in front of what is given to it */
export async function through(make: (next: Sink) => Sink, pieces: readonly Buffer[]): Promise<Buffer> {
  const next = new Collected();
  await pour(pieces, make(next));
  if (next.ended !== 1) throw new Error(`ended ${next.ended} times`);
  return next.bytes;
}
