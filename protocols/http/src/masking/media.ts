import { Malformed } from "../codec/malformed.ts";
import type { Sink } from "./sink.ts";

/** Bytes at the beginning of pictures, sound and the like among which there are some that no text has, in each of their forms. */
const HEAD = 512;

/**
 * Pictures, sound and the like on their way. What says that it is one and is a text is broken off before any of it goes on: there are stores that
 * say of what they keep what their clients ask them to.
 */
export class Media implements Sink {
  readonly #next: Sink;
  #head: Buffer = Buffer.alloc(0);
  #isKnown = false;

  constructor(next: Sink) {
    this.#next = next;
  }

  write(content: readonly Buffer[]): Promise<void> | undefined {
    if (this.#isKnown) return this.#next.write(content);
    this.#head = Buffer.concat([this.#head, ...content]);
    const head = this.#head;
    this.#isKnown = head.subarray(0, HEAD).some(isInNoText);
    if (!this.#isKnown && head.length >= HEAD) throw noMedia();
    return this.#isKnown ? this.#next.write([head]) : undefined;
  }

  end(): Promise<void> | undefined {
    if (!this.#isKnown && this.#head.length > 0) throw noMedia();
    return this.#next.end();
  }

  abort(): void {
    this.#next.abort();
  }
}

/** Control characters, but for those that space a text, and the one that colours it. */
function isInNoText(byte: number): boolean {
  return byte < 0x20 && byte !== 0x1b && !(byte >= 0x09 && byte <= 0x0d);
}

function noMedia(): Malformed {
  return new Malformed("a text that says that it is a picture, or the like");
}
