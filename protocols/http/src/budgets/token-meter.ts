import type { FactValue } from "@gatehouse/core";
import type { ApiDecoder, Piece } from "../api/decoder.ts";
import type { Use } from "./budgets.ts";

/** Characters of a text that are taken for a token where nobody says how many it has. */
const CHARACTERS = 4;
/** More than any answer has: what a target says beyond it is no number of tokens. */
const MOST = 1_000_000_000;

/**
 * The tokens that one request costs: what its answer says, or, where that says nothing, an estimate by the length of the texts. The
 * estimate is counted as they pass, so that an answer that is broken off is paid for; at the end it is put right.
 */
export class TokenMeter {
  readonly #use: Pick<Use, "tokens">;
  readonly #api: Pick<ApiDecoder, "usage" | "pieces"> | undefined;
  #characters = 0;
  #counted = 0;
  #said: number | undefined;
  #ended = false;

  constructor(use: Pick<Use, "tokens">, api?: Pick<ApiDecoder, "usage" | "pieces">) {
    this.#use = use;
    this.#api = api;
  }

  /** A text that passes, or as many bytes of a body that nobody reads. */
  text(characters: number): void {
    if (this.#ended) return;
    this.#characters += characters;
    const counted = Math.ceil(this.#characters / CHARACTERS);
    this.#count(counted - this.#counted);
  }

  /** An answer that was read whole; its length is to be told as a text's. */
  answer(answer: FactValue): void {
    const said = this.#api?.usage(answer);
    // Of several events that say it, each says all up to there.
    if (said !== undefined && said >= 0 && said <= MOST) this.#said = Math.max(this.#said ?? 0, said);
  }

  /** One event of a streamed answer: of all its bytes the pieces of texts alone are an answer's. */
  event(event: FactValue): void {
    this.answer(event);
    for (const piece of this.#api?.pieces(event) ?? []) this.text(textAt(event, piece).length);
  }

  /**
   * To be called when the request is over, however it ended.
   * @param whole the answer came to its end: of one that was broken off, what it said last is not what it has cost
   */
  end(whole: boolean): void {
    if (this.#ended) return;
    this.#ended = true;
    if (this.#said !== undefined && (whole || this.#said > this.#counted)) {
      this.#count(this.#said - this.#counted);
    }
  }

  #count(tokens: number): void {
    if (tokens === 0) return;
    this.#counted += tokens;
    this.#use.tokens(tokens);
  }
}

function textAt(event: FactValue, { path }: Piece): string {
  let at: unknown = event;
  for (const step of path) {
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, step)) return "";
    at = (at as Readonly<Record<string | number, unknown>>)[step];
  }
  return typeof at === "string" ? at : "";
}
