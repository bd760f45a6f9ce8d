import type { FactValue } from "@gatehouse/core";
import type { ApiDecoder } from "../api/decoder.ts";
import { Malformed } from "../codec/malformed.ts";
import type { AnswerForm } from "../masking/answer-form.ts";
import { EventReader, type StreamEvent } from "../masking/events.ts";
import type { Sink } from "../masking/sink.ts";
import type { Use } from "./budgets.ts";
import type { Budget } from "./setting.ts";
import { TokenMeter } from "./token-meter.ts";

/** Bytes of a JSON answer that are read for what it says of its tokens, at the most. */
const LARGEST = 1024 * 1024;

/** What one request spends of its identity's budget. */
export class Spending {
  readonly #use: Use;
  readonly #meter: TokenMeter;
  readonly #countsTokens: boolean;
  readonly #reads: boolean;

  /** @param api whose answers say what they cost, where there is one */
  constructor(use: Use, { tokens }: Budget, api: ApiDecoder | undefined) {
    this.#use = use;
    this.#meter = new TokenMeter(use, api);
    this.#countsTokens = tokens !== undefined;
    this.#reads = api !== undefined;
  }

  /** A piece of the request's body passes. */
  sent(bytes: number): void {
    this.#use.bytes(bytes);
    this.#meter.text(bytes);
  }

  /** A piece of the answer's body has come. */
  received(bytes: number): void {
    this.#use.bytes(bytes);
  }

  /** Looks at the answer's content on its way; nothing of it is changed, or kept back. */
  watched(form: AnswerForm | undefined, next: Sink): Sink {
    if (!this.#countsTokens) return next;
    if (!this.#reads || (form !== "json" && form !== "events")) {
      return beside(next, { content: (bytes) => this.#meter.text(bytes.length), end: () => undefined });
    }
    return beside(next, form === "json" ? this.#json() : this.#events());
  }

  /** It is over. @param whole the answer came to its end */
  end(whole: boolean): void {
    this.#meter.end(whole);
  }

  #json(): Watcher {
    const pieces: Buffer[] = [];
    let length = 0;
    return {
      content: (bytes) => {
        this.#meter.text(bytes.length);
        length += bytes.length;
        if (length <= LARGEST) pieces.push(bytes);
        else pieces.length = 0;
      },
      end: () => {
        const answer = length <= LARGEST ? jsonOf(Buffer.concat(pieces).toString("utf8")) : undefined;
        if (answer !== undefined) this.#meter.answer(answer);
      },
    };
  }

  #events(): Watcher {
    const reader = new EventReader();
    let isReadable = true;
    const told = ({ data }: StreamEvent) => {
      const event = data === undefined ? undefined : jsonOf(data);
      if (event !== undefined) this.#meter.event(event);
    };
    return {
      content: (bytes) => {
        try {
          if (isReadable) reader.push(bytes).forEach(told);
        } catch (error) {
          if (!(error instanceof Malformed)) throw error;
          // Whoever has to read it finds that out; here it is counted by its length.
          isReadable = false;
        }
        if (!isReadable) this.#meter.text(bytes.length);
      },
      end: () => undefined,
    };
  }
}

interface Watcher {
  content(bytes: Buffer): void;
  end(): void;
}

function beside(next: Sink, watcher: Watcher): Sink {
  return {
    write(content) {
      for (const piece of content) watcher.content(piece);
      return next.write(content);
    },
    end() {
      watcher.end();
      return next.end();
    },
    abort: () => {
      next.abort();
    },
  };
}

function jsonOf(json: string): FactValue | undefined {
  try {
    return JSON.parse(json) as FactValue;
  } catch {
    return undefined;
  }
}
