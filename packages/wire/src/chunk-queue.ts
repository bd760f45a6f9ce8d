/** Chunks below this are joined with their neighbours: a peer that sends byte by byte must not cost an object a byte. */
const SMALL = 16 * 1024;

/** One for all: even an empty buffer takes some hundred bytes. */
const NOTHING = Buffer.alloc(0);

/** Bytes that have come and wait to be a whole message. Chunks of a usual size are copied only when asked for. */
export class ChunkQueue {
  readonly #chunks: Buffer[] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(chunk: Buffer): void {
    if (chunk.length === 0) return;
    this.#length += chunk.length;
    // Joined with a neighbour that is no larger: each byte is copied a logarithmic number of times.
    let last = chunk;
    for (let before = this.#chunks.at(-1); before !== undefined; before = this.#chunks.at(-1)) {
      if (before.length > last.length || before.length + last.length > SMALL) break;
      this.#chunks.pop();
      last = Buffer.concat([before, last]);
    }
    this.#chunks.push(last);
  }

  /** The next `size` bytes, left where they are; undefined while there are fewer. */
  peek(size: number): Buffer | undefined {
    if (size > this.#length) return undefined;
    const [first] = this.#chunks;
    if (first !== undefined && first.length >= size) return first.subarray(0, size);
    // Joined once and put back: asking again, or for more, copies nothing twice.
    let joined = 0;
    let count = 0;
    while (joined < size) joined += this.#chunks[count++]?.length ?? 0;
    const front = Buffer.concat(this.#chunks.splice(0, count), joined);
    this.#chunks.unshift(front);
    return front.subarray(0, size);
  }

  /** The next `size` bytes, taken away; undefined while there are fewer. */
  take(size: number): Buffer | undefined {
    const taken = this.peek(size);
    if (taken === undefined || size === 0) return taken;
    const [first = taken] = this.#chunks;
    if (first.length === size) this.#chunks.shift();
    else this.#chunks[0] = first.subarray(size);
    this.#length -= size;
    return taken;
  }

  /** All that is there, taken away. */
  takeAll(): Buffer {
    const [only = NOTHING] = this.#chunks;
    const all = this.#chunks.length < 2 ? only : Buffer.concat(this.#chunks, this.#length);
    this.#chunks.length = 0;
    this.#length = 0;
    return all;
  }
}
