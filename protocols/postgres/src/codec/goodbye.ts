import { typeCode } from "./framing.ts";

const HEADER = 5;
const TERMINATE = typeCode("X");

/** Looks for a Terminate in what a client has sent and nobody has taken yet. Of the messages before it, only the lengths matter. */
export class Goodbye {
  /** Bytes of a message that are still to come. */
  #skip: number;
  #header = Buffer.alloc(0);
  /** What stands there is no message: whoever takes it will say so. */
  #lost = false;

  /** @param skip bytes of the message that is under way */
  constructor(skip: number) {
    this.#skip = skip;
  }

  /** @returns whether a Terminate stands in it */
  found(chunk: Buffer): boolean {
    let at = 0;
    while (!this.#lost) {
      const step = Math.min(this.#skip, chunk.length - at);
      this.#skip -= step;
      at += step;
      if (at === chunk.length) return false;
      const header = Buffer.concat([this.#header, chunk.subarray(at, at + HEADER - this.#header.length)]);
      at += header.length - this.#header.length;
      if (header[0] === TERMINATE) return true;
      this.#header = header.length < HEADER ? header : Buffer.alloc(0);
      if (header.length < HEADER) return false;
      this.#skip = header.readInt32BE(1) - 4;
      this.#lost = this.#skip < 0;
    }
    return false;
  }
}
