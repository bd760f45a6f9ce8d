import { Worker } from "node:worker_threads";
import { LRUCache } from "lru-cache";
import type { AnalysisResult } from "./analysis.ts";
import type { ParseReply, ParseRequest } from "./parser-worker.ts";

/** Bytes of text whose analysis is kept. Traffic repeats itself; a client that never does evicts only itself. */
const CACHE_SIZE = 32 * 1024 * 1024;
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
  readonly #cache = new LRUCache<string, AnalysisResult>({
    maxSize: CACHE_SIZE,
    sizeCalculation: (result, key) => key.length * 2 + namesOf(result) * 128 + 1024,
  });
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

  /** @param schema where unqualified names are looked for. Resolves for every text; it does not reject. */
  analyze(text: string, schema: string): AnalysisResult | Promise<AnalysisResult> {
    const key = `${schema}\0${text}`;
    const known = this.#cache.get(key);
    if (known) return known;
    // The parser reads to the first NUL, and the server would refuse it: they must not read two texts.
    if (text.includes("\0")) {
      return { ok: false, why: "unparsable", message: "a statement can't hold a NUL character" };
    }
    if (text.split("/*", MAX_COMMENTS + 2).length > MAX_COMMENTS + 1) {
      return { ok: false, why: "unparsable", message: `it opens more than ${MAX_COMMENTS} comments` };
    }
    return new Promise<AnalysisResult>((resolve) => {
      this.#queue.push({ request: { text, schema }, resolve });
      this.#next();
    }).then((result) => {
      // What the thread gave up on may have been the thread's own trouble: it is tried again.
      if (result.ok || result.why === "syntax") this.#cache.set(key, result);
      return result;
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
    this.#current = this.#queue.shift();
    if (!this.#current) return;
    this.#deadline = setTimeout(() => {
      this.#finish(unparsable("it takes too long to parse"), { restart: true });
    }, PARSE_DEADLINE);
    worker.postMessage(this.#current.request);
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
      } else if (!reply.ok && reply.why === "broken") {
        this.#finish(unparsable("it is nested too deeply to be analysed"), { restart: true });
      } else {
        this.#finish(reply, { restart: false });
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

/** How many names an analysis holds: they take the most of its memory. */
function namesOf(result: AnalysisResult): number {
  if (!result.ok) return 0;
  const { verbs, reads, writes, functions } = result.analysis;
  return verbs.length + reads.length + writes.length + functions.length;
}

function unparsable(why: string): AnalysisResult {
  return { ok: false, why: "unparsable", message: why };
}
