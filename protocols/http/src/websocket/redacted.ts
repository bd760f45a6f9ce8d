import type { Sink } from "../masking/sink.ts";

/** A message without the target's credential. */
export class Redacted {
  readonly #sink: Sink;
  #pieces: Buffer[] = [];

  /** @param redacted takes the credential out of what goes on to the next */
  constructor(redacted: (next: Sink) => Sink) {
    this.#sink = redacted({
      write: (content) => {
        this.#pieces.push(...content);
        return undefined;
      },
      end: () => undefined,
      abort: () => undefined,
    });
  }

  /** @returns what may go on by now */
  async write(content: Buffer, isLast: boolean): Promise<Buffer> {
    if (content.length > 0) await this.#sink.write([content]);
    if (isLast) await this.#sink.end();
    const [only, ...others] = this.#pieces;
    const pieces = this.#pieces;
    this.#pieces = [];
    return only !== undefined && others.length === 0 ? only : Buffer.concat(pieces);
  }
}
