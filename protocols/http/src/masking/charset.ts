import { TextDecoder } from "node:util";
import { Malformed } from "../codec/malformed.ts";
import type { Sink } from "./sink.ts";

/** Whether a charset is UTF-8, or a part of it: of ASCII it is the same bytes. */
export function isUtf8Label(charset: string): boolean {
  return /^(?:utf-?8|us-ascii)$/i.test(charset);
}

/**
 * A text of another charset, on its way to being one of UTF-8: that is what is looked into, and sent on.
 * @param charset as Content-Type has it
 * @returns undefined where nobody here can read it
 */
export function fromCharset(charset: string, next: Sink): Sink | undefined {
  if (isUtf8Label(charset)) return next;
  const decoder = decoderOf(charset);
  return decoder && new Decoded(decoder, next);
}

/** What is not of the charset is an error: else it could hide a part of something. */
function decoderOf(charset: string): TextDecoder | undefined {
  try {
    return new TextDecoder(charset, { fatal: true });
  } catch {
    return undefined;
  }
}

class Decoded implements Sink {
  readonly #decoder: TextDecoder;
  readonly #next: Sink;

  constructor(decoder: TextDecoder, next: Sink) {
    this.#decoder = decoder;
    this.#next = next;
  }

  write(content: readonly Buffer[]): Promise<void> | undefined {
    const out = content.map((piece) => this.#decoded(piece)).filter(({ length }) => length > 0);
    return out.length === 0 ? undefined : this.#next.write(out);
  }

  end(): Promise<void> | undefined {
    const rest = this.#decoded();
    const room = rest.length === 0 ? undefined : this.#next.write([rest]);
    return room ? room.then(() => this.#next.end()) : this.#next.end();
  }

  abort(): void {
    this.#next.abort();
  }

  /** @param piece absent at the end */
  #decoded(piece?: Buffer): Buffer {
    try {
      const text = piece ? this.#decoder.decode(piece, { stream: true }) : this.#decoder.decode();
      return Buffer.from(text, "utf8");
    } catch {
      throw new Malformed("a text that is not of its charset");
    }
  }
}
