import { Worker } from "node:worker_threads";
import type { AnalysisResult, Reading } from "./analysis.ts";
import { KnownResults } from "./known-results.ts";
import type { ParseReply, ParseRequest } from "./parser-worker.ts";

/** A text that takes longer is refused, and the thread with it. The slowest statement of 100 KB takes 0.2 s. */
const PARSE_DEADLINE = 1_000;
/** PostgreSQL's lexer takes quadratic time over nested comments: 25,000 of them, and the thread is busy for seconds. */
const MAX_COMMENTS = 1_000;
/** Megabytes. With it, no shape of 100 KB that has been tried breaks the parser. */
const STACK = 32;

interface Waiting {
  readonly request: ParseRequest;
  readonly resolve: (result: AnalysisResult) => void;
}

/**
 * Texts of SQL in, what they do out. Parsing happens on a thread of its own, one text at a time, so that the
 * text which breaks it or takes too long is known and is the only one refused.
 */
export class Analyzer {
  readonly #results = new KnownResults();
  readonly #queue: Waiting[] = [];
  readonly #stack: number;
  #worker: Worker | undefined;
  #ready = false;
  #current: Waiting | undefined;
  #deadline: NodeJS.Timeout | undefined;

  /** @param options.stack megabytes that the thread may use for the nesting of a text */
  constructor(options: { readonly stack?: number } = {}) {
    this.#stack = options.stack ?? STACK;
  }

  /** What is known of the text already, without waiting; undefined where it has to be parsed first. */
  known(text: string, reading: Reading): AnalysisResult | undefined {
    return this.#results.get(text, reading);
  }

  /** Resolves for every text; it does not reject. */
  async analyze(text: string, reading: Reading): Promise<AnalysisResult> {
    const known = this.known(text, reading);
    if (known) return known;
    // The parser reads to the first NUL, and the server would refuse it: they must not read two texts.
    if (text.includes("\0")) return unparsable("a statement can't hold a NUL character");
    if (opensTooManyComments(text)) return unparsable(`it opens more than ${MAX_COMMENTS} comments`);
    return new Promise((resolve) => {
      this.#queue.push({ request: { text, reading }, resolve });
      this.#next();
    });
  }

  /** Ends the thread. What still waits is refused. */
  async dispose(): Promise<void> {
    const worker = this.#worker;
    this.#abandon();
    for (const { resolve } of this.#queue.splice(0)) resolve(unparsable("the gateway is shutting down"));
    await worker?.terminate();
  }

  #next(): void {
    this.#worker ??= this.#start();
    const worker = this.#worker;
    if (!this.#ready || this.#current !== undefined) return;
    this.#current = this.#nextUnknown();
    if (!this.#current) return;
    this.#deadline = setTimeout(() => {
      const result = unparsable("it takes too long to parse");
      // Said again, it would take as long again, and from all others.
      this.#keep({ result, literals: true });
      this.#finish(result, { restart: true });
    }, PARSE_DEADLINE);
    worker.postMessage(this.#current.request);
  }

  /** The next that has to be parsed: what waited may have become known by a text before it. */
  #nextUnknown(): Waiting | undefined {
    for (let waiting = this.#queue.shift(); waiting; waiting = this.#queue.shift()) {
      const result = this.#results.get(waiting.request.text, waiting.request.reading);
      if (!result) return waiting;
      waiting.resolve(result);
    }
    return undefined;
  }

  #start(): Worker {
    const worker = new Worker(new URL("./parser-worker.ts", import.meta.url), {
      resourceLimits: { stackSizeMb: this.#stack },
    });
    worker.unref();
    worker.on("message", (reply: "ready" | ParseReply) => {
      if (worker !== this.#worker) return;
      if (reply === "ready") {
        this.#ready = true;
        this.#next();
      } else if (reply === "broken") {
        this.#finish(unparsable("it is nested too deeply to be analysed"), { restart: true });
      } else {
        this.#keep(reply);
        this.#finish(reply.result, { restart: false });
      }
    });
    const died = () => {
      if (worker !== this.#worker) return;
      // A thread that can't even start would be started for ever: who waits for it is refused instead.
      if (!this.#ready) this.#current ??= this.#queue.shift();
      this.#finish(unparsable("the parser gave up on it"), { restart: true });
    };
    worker.on("error", died);
    worker.on("exit", died);
    return worker;
  }

  #keep({ result, literals }: Exclude<ParseReply, "broken">): void {
    const request = this.#current?.request;
    if (request) this.#results.keep(request.text, request.reading, result, literals);
  }

  #finish(result: AnalysisResult, { restart }: { restart: boolean }): void {
    const worker = this.#worker;
    const current = this.#current;
    clearTimeout(this.#deadline);
    this.#current = undefined;
    if (restart) {
      this.#abandon();
      void worker?.terminate();
    }
    current?.resolve(result);
    if (this.#queue.length > 0) this.#next();
  }

  #abandon(): void {
    clearTimeout(this.#deadline);
    const current = this.#current;
    this.#worker = undefined;
    this.#ready = false;
    this.#current = undefined;
    current?.resolve(unparsable("the parser was stopped"));
  }
}

function opensTooManyComments(text: string): boolean {
  let count = 0;
  for (let at = text.indexOf("/*"); at >= 0; at = text.indexOf("/*", at + 2)) {
    if (++count > MAX_COMMENTS) return true;
  }
  return false;
}

function unparsable(why: string): AnalysisResult {
  return { ok: false, why: "unparsable", message: why };
}
