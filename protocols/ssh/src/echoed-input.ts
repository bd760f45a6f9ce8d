/** Characters of lines that wait to be echoed; what a person has typed ahead of a program that does not read is rarely more. */
const MOST = 4096;
const CR = 13;
const LF = 10;

/**
 * Tells which lines that were typed at a terminal it has shown, all of them: those alone may be recorded as input. Whether echo is on,
 * nobody tells a gateway; a password is what is typed and not shown. A line that a shell's editor paints in its own way is left
 * out as well: it is in the output.
 */
export class EchoedInput {
  readonly #record: (line: Buffer) => void;
  #typed: number[] = [];
  /** How many of them were shown, without anything between. */
  #shown = 0;

  /** @param record is given whole lines */
  constructor(record: (line: Buffer) => void) {
    this.#record = record;
  }

  typed(bytes: Buffer): void {
    if (this.#typed.length + bytes.length > MOST) this.#forget();
    // More at once is no typing; its echo is in the output.
    if (bytes.length <= MOST) this.#typed.push(...bytes);
  }

  shown(bytes: Buffer): void {
    let afterReturn = false;
    for (const byte of bytes) {
      // A terminal shows the end of a line as two.
      if (afterReturn && byte === LF) {
        afterReturn = false;
        continue;
      }
      const next = this.#typed[this.#shown];
      if (next === undefined) {
        // More is shown than was typed: what stands there before its line's end may be a program's.
        if (this.#shown > 0) this.#forget();
        return;
      }
      if (isEnd(next) ? !isEnd(byte) : next !== byte) {
        this.#forgetLine();
        return;
      }
      this.#shown++;
      afterReturn = byte === CR;
      if (!isEnd(next)) continue;
      this.#record(Buffer.from(this.#typed.splice(0, this.#shown)));
      this.#shown = 0;
    }
  }

  #forget(): void {
    this.#typed = [];
    this.#shown = 0;
  }

  #forgetLine(): void {
    const end = this.#typed.findIndex(isEnd);
    this.#typed = end === -1 ? [] : this.#typed.slice(end + 1);
    this.#shown = 0;
  }
}

function isEnd(byte: number): boolean {
  return byte === CR || byte === LF;
}
