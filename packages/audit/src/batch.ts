import type { Head } from "./head.ts";
import { writeLine } from "./line.ts";

/** Lines that go to the file in one write: their bytes, one behind the other, and one promise for all of them. */
export class Batch {
  readonly written: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
  #memory: Buffer;
  #length = 0;
  #head: Head;
  #count = 0;

  /**
   * @param memory for the bytes, until there are more of them: the batch's own as long as it lives.
   * @param head what its first line is chained to.
   */
  constructor(memory: Buffer, head: Head) {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.written = promise;
    this.resolve = resolve;
    this.reject = reject;
    this.#memory = memory;
    this.#head = head;
  }

  /** Its last line. */
  get head(): Head {
    return this.#head;
  }

  /** Its lines. */
  get count(): number {
    return this.#count;
  }

  get memory(): Buffer {
    return this.#memory;
  }

  get bytes(): Buffer {
    return this.#memory.subarray(0, this.#length);
  }

  /**
   * Adds the line that follows its last one.
   * @param event as JSON.
   * @param length bytes of the whole line.
   */
  add(event: string, time: string, length: number): void {
    const start = this.#length;
    const end = start + length;
    if (end > this.#memory.length) this.#grow(end);
    const hash = writeLine(this.#memory, start, event, time, this.#head);
    this.#head = { seq: this.#head.seq + 1, hash };
    this.#length = end;
    this.#count++;
  }

  #grow(needed: number): void {
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.#memory.length * 2));
    this.#memory.copy(larger, 0, 0, this.#length);
    this.#memory = larger;
  }
}
