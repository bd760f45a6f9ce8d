import { type Parser, ParserThread } from "../../src/analysis/parser-thread.ts";

/** Real parsers that keep some texts for as long as a test wants them to be busy. */
export class HeldParsers {
  /** The texts that were begun, in order. */
  readonly begun: string[] = [];
  readonly #held = new Map<string, Promise<void>>();

  /** @returns lets go of the text */
  hold(text: string): () => void {
    let release: () => void = () => undefined;
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    this.#held.set(text, released);
    return release;
  }

  /** One more parser, with so small a stack that a text is soon too deep for it. */
  readonly make = (): Parser => {
    const thread = new ParserThread(1);
    return {
      parse: async (request) => {
        this.begun.push(request.text);
        await this.#held.get(request.text);
        return thread.parse(request);
      },
      dispose: () => thread.dispose(),
    };
  };
}

/** A text that costs such a parser its thread. */
export const tooDeep = (length: number): string => `select ${Array.from({ length }, () => "1").join("+")}`;
