/** Cuts a stream of bytes into lines at `\n`, and keeps no more than the line that has not ended yet. */
export class LineCutter {
  #parts: Buffer[] = [];
  #pending = 0;

  /** Bytes after the last `\n` so far. */
  get pending(): number {
    return this.#pending;
  }

  /** The lines that end in this chunk, without their `\n`. They share the chunk's memory. */
  *push(chunk: Buffer): Generator<Buffer, void, undefined> {
    let start = 0;
    for (let end = chunk.indexOf(0x0a); end !== -1; end = chunk.indexOf(0x0a, start)) {
      const rest = chunk.subarray(start, end);
      start = end + 1;
      if (this.#pending === 0) {
        yield rest;
        continue;
      }
      const line = Buffer.concat([...this.#parts, rest]);
      this.#parts = [];
      this.#pending = 0;
      yield line;
    }
    if (start === chunk.length) return;
    this.#parts.push(chunk.subarray(start));
    this.#pending += chunk.length - start;
  }
}
