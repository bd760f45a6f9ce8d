import { setFlagsFromString } from "node:v8";
import { Worker } from "node:worker_threads";
import type { CatalogView } from "../catalog/session-catalog.ts";
import type { AnalysisResult } from "./analysis.ts";
import { HandedCatalogs } from "./handed-catalogs.ts";
import type { ParseReply, ParseRequest, ToParser } from "./parser-worker.ts";

/**
 * Milliseconds. A text that takes longer is refused, and the thread with it. The slowest of 100 KB that has been tried takes
 * 400; of 256 KB, thousands of CTEs or terms of a sum can run into it.
 */
const PARSE_DEADLINE = 1_000;
/** Milliseconds. Nearly every text takes a few; whose texts take longer than this should keep nobody else waiting. */
const SLOW = 100;
/** Megabytes. With it, no shape of 100 KB that has been tried breaks the parser. */
const STACK = 32;

/**
 * V8's optimizing compiler takes 600 MB and a second for one function of the parser's, as soon as a few texts have been
 * parsed: more than the gateway ever holds otherwise. The baseline compiler's code is about as fast. V8 looks at this
 * when it compiles a module, so it has to be said before there is one.
 */
for (const flag of ["--no-wasm-tier-up", "--no-wasm-dynamic-tiering"]) setFlagsFromString(flag);

/** What came of one text. */
export interface Parsed {
  readonly result: AnalysisResult;
  /** Which texts it holds for when they come again: all of one shape, the same text, or none. */
  readonly holds: "shape" | "text" | "once";
  /** It took long, or cost the thread. */
  readonly slow: boolean;
}

/** Parses one text at a time: the next is handed in when the one before it is done. */
export interface Parser {
  /** Does not reject. */
  parse(request: ParseRequest): Promise<Parsed>;
  /** What it is at is refused. It can be used again. */
  dispose(): Promise<void>;
}

/** A thread that is started when there is something to parse, and anew when a text has broken it or taken too long. */
export class ParserThread implements Parser {
  readonly #stack: number;
  #worker: Worker | undefined;
  #ready = false;
  #catalogs = new HandedCatalogs();
  #current: { readonly request: ParseRequest; readonly resolve: (parsed: Parsed) => void } | undefined;
  #deadline: NodeJS.Timeout | undefined;

  /** @param stack megabytes that the thread may use for the nesting of a text */
  constructor(stack = STACK) {
    this.#stack = stack;
  }

  async parse(request: ParseRequest): Promise<Parsed> {
    return new Promise((resolve) => {
      this.#current = { request, resolve };
      this.#worker ??= this.#start();
      this.#post();
    });
  }

  async dispose(): Promise<void> {
    const worker = this.#worker;
    this.#worker = undefined;
    this.#ready = false;
    this.#finish(broken("the parser was stopped"));
    await worker?.terminate();
  }

  #post(): void {
    if (!this.#ready || !this.#current) return;
    const { text, reading } = this.#current.request;
    const { catalog, ...rest } = reading;
    // Handing a large one over takes its time, which is not the text's.
    if (catalog && !this.#catalogs.has(catalog.data)) {
      this.#tell({ catalog: catalog.data, gone: this.#catalogs.add(catalog.data) });
      return;
    }
    // Said again, it would take as long again: that it is refused is remembered.
    const late = { ...broken("it takes too long to parse"), holds: "text" } as const;
    this.#deadline = setTimeout(() => this.#replace(late), PARSE_DEADLINE);
    this.#tell({ text, reading: rest, ...(catalog ? { catalog: named(catalog) } : {}) });
  }

  #tell(message: ToParser): void {
    this.#worker?.postMessage(message);
  }

  #start(): Worker {
    this.#catalogs = new HandedCatalogs();
    const worker = new Worker(new URL("./parser-worker.ts", import.meta.url), {
      resourceLimits: { stackSizeMb: this.#stack },
      // It reads what anybody sends, and needs neither the process's secrets nor what the process loads at its start.
      execArgv: [],
      env: {},
    });
    worker.unref();
    worker.on("message", (reply: "ready" | ParseReply) => {
      if (worker !== this.#worker) return;
      if (reply === "ready" || reply === "catalog") {
        this.#ready = true;
        this.#post();
      } else if (reply === "broken") {
        this.#replace(broken("it is nested too deeply to be analysed"));
      } else {
        const { result, literals, took } = reply;
        this.#finish({ result, holds: literals ? "text" : "shape", slow: took > SLOW });
      }
    });
    const died = () => {
      if (worker === this.#worker) this.#replace(broken("the parser gave up on it"));
    };
    worker.on("error", died);
    worker.on("exit", died);
    return worker;
  }

  /** Throws the thread away. The next starts at once, so that whoever comes next does not wait for that too. */
  #replace(parsed: Parsed): void {
    const worker = this.#worker;
    // One that can't even start would be started for ever: it is tried again when there is something to parse.
    this.#worker = this.#ready ? this.#start() : undefined;
    this.#ready = false;
    this.#finish(parsed);
    void worker?.terminate();
  }

  #finish(parsed: Parsed): void {
    const current = this.#current;
    clearTimeout(this.#deadline);
    this.#current = undefined;
    current?.resolve(parsed);
  }
}

function named({ data: { version }, ...seen }: CatalogView) {
  return { version, ...seen };
}

/** Of a text that the parser has no answer to. */
function broken(why: string): Parsed {
  return { result: { ok: false, why: "unparsable", message: why }, holds: "once", slow: true };
}
