import type { MaskingStream } from "@gatehouse/core";

/** Bytes of a value that is put back. A target that repeats a placeholder must not make of a short answer an endless one. */
const LONGEST = 1024;

/**
 * Puts the values of a request back where its answer repeats what stands for them. It works on what is written, and needs to know no form: what
 * would be written otherwise in a string of JSON, or in one within that, is not put back.
 */
export class Restore {
  readonly #placeholder: RegExp;
  /** By placeholder; each unit is a byte. */
  readonly #values: ReadonlyMap<string, string>;
  readonly #longest: number;

  /** @param sign the end of each placeholder @param placeholders by value */
  constructor(sign: string, placeholders: ReadonlyMap<string, string>) {
    this.#placeholder = new RegExp(`\\[[a-z]+-[0-9]+-${sign}\\]`, "g");
    this.#values = new Map(
      [...placeholders]
        .filter(([value]) => isPlain(value))
        .map(([value, placeholder]) => [placeholder, Buffer.from(value, "utf8").toString("latin1")]),
    );
    this.#longest = Math.max(0, ...[...this.#values.keys()].map(({ length }) => length));
  }

  get isEmpty(): boolean {
    return this.#values.size === 0;
  }

  /** In a text that is whole. */
  readonly whole = (text: string): string => {
    if (!text.includes("[")) return text;
    return text.replace(this.#placeholder, (placeholder) => {
      const value = this.#values.get(placeholder);
      return value === undefined ? placeholder : Buffer.from(value, "latin1").toString("utf8");
    });
  };

  /** In a text that comes in pieces: only what can be the beginning of a placeholder is kept back. */
  readonly stream = (): MaskingStream => {
    let kept = "";
    return {
      write: (chunk) => {
        if (kept === "" && !chunk.includes("[")) return chunk.length === 0 ? [] : [chunk];
        const text = kept + chunk.toString("latin1");
        const from = this.#beginning(text);
        kept = text.slice(from);
        return this.#restored(text.slice(0, from));
      },
      flush: () => {
        const rest = kept;
        kept = "";
        return this.#restored(rest);
      },
      get pending() {
        return kept !== "";
      },
      get kept() {
        return kept.length;
      },
      found: new Set(),
    };
  };

  /** Where the beginning of a placeholder begins of which the end has not come; behind the text where there is none. */
  #beginning(text: string): number {
    const at = text.lastIndexOf("[");
    if (at === -1 || text.length - at >= this.#longest) return text.length;
    const beginning = text.slice(at);
    for (const placeholder of this.#values.keys()) {
      if (placeholder.length > beginning.length && placeholder.startsWith(beginning)) return at;
    }
    return text.length;
  }

  #restored(text: string): readonly Buffer[] {
    if (text === "") return [];
    const restored = text.replace(
      this.#placeholder,
      (placeholder) => this.#values.get(placeholder) ?? placeholder,
    );
    return [Buffer.from(restored, "latin1")];
  }
}

/** Whether a value is written in a string of JSON as it is in a text. */
function isPlain(value: string): boolean {
  return !/["\\\p{Cc}]/u.test(value) && value.isWellFormed() && Buffer.byteLength(value) <= LONGEST;
}
