import type { Identity, Session } from "@gatehouse/core";
import { LRUCache } from "lru-cache";
import type { AnalysisResult, Reading } from "./analysis.ts";
import { KnownResults } from "./known-results.ts";
import { type Parser, ParserThread } from "./parser-thread.ts";
import type { ParseRequest } from "./parser-worker.ts";
import { Turns } from "./turns.ts";

/** PostgreSQL's lexer takes quadratic time over nested comments: 25,000 of them, and the thread is busy for seconds. */
const MAX_COMMENTS = 1_000;
/** Milliseconds for which an identity that has sent a slow text is kept apart from the others. */
const KEPT_APART = 60_000;
/** Identities that are kept apart at once: each has cost the thread its time, so there are few. */
const MAX_KEPT_APART = 1_000;
/** The asker of what no session asks for. */
const NOBODY = "";

interface Waiting {
  readonly request: ParseRequest;
  /** The identity, in one string. */
  readonly asker: string;
  readonly session: Session | undefined;
  readonly resolve: (result: AnalysisResult) => void;
}

/** One parser, and whose texts it takes. */
interface Lane {
  readonly parser: Parser;
  readonly takes: (asker: string) => boolean;
  busy: boolean;
}

/**
 * Texts of SQL in, what they do out. Parsing happens on threads of its own, each with one text at a time, so that the
 * text which breaks it or takes too long is known and is the only one refused.
 *
 * Identities take turns, so that one with many texts keeps none of the others waiting for more than one of them. One
 * whose text was slow has its next ones parsed on a second thread, with its like, so that it does not do even that.
 */
export class Analyzer {
  readonly #results = new KnownResults();
  readonly #turns = new Turns<Waiting>();
  readonly #slow = new LRUCache<string, true>({ max: MAX_KEPT_APART, ttl: KEPT_APART, ttlResolution: 0 });
  readonly #lanes: readonly Lane[];

  /** @param parser makes one; a thread that nobody needs is not started */
  constructor(parser: () => Parser = () => new ParserThread()) {
    this.#lanes = [
      { parser: parser(), takes: (asker) => !this.#slow.has(asker), busy: false },
      { parser: parser(), takes: (asker) => this.#slow.has(asker), busy: false },
    ];
  }

  /** What is known of the text already, without waiting; undefined where it has to be parsed first. */
  known(text: string, reading: Reading): AnalysisResult | undefined {
    return this.#results.get(text, reading);
  }

  /**
   * Resolves for every text; it does not reject.
   * @param session that asks, with one text at a time: no identity has more waiting than it has sessions
   */
  async analyze(text: string, reading: Reading, session?: Session): Promise<AnalysisResult> {
    const known = this.known(text, reading);
    if (known) return known;
    // The parser reads to the first NUL, and the server would refuse it: they must not read two texts.
    if (text.includes("\0")) return unparsable("a statement can't hold a NUL character");
    if (opensTooManyComments(text)) return unparsable(`it opens more than ${MAX_COMMENTS} comments`);
    return new Promise((resolve) => {
      const asker = session ? askerOf(session.identity) : NOBODY;
      this.#turns.add({ request: { text, reading }, asker, session, resolve });
      this.#parse();
    });
  }

  /** A session has ended: what it waits for is not parsed, so that nobody queues up more than open sessions can. */
  withdraw(session: Session): void {
    this.#refuse((waiting) => waiting.session === session, "its session has ended");
  }

  /** Ends the threads. What still waits is refused. */
  async dispose(): Promise<void> {
    this.#refuse(() => true, "the gateway is shutting down");
    await Promise.all(this.#lanes.map(async ({ parser }) => parser.dispose()));
  }

  /** Has every parser that is idle take what it may. */
  #parse(): void {
    for (const lane of this.#lanes) {
      if (!lane.busy) void this.#run(lane);
    }
  }

  async #run(lane: Lane): Promise<void> {
    lane.busy = true;
    for (let next = this.#next(lane); next; next = this.#next(lane)) {
      const { request, asker, resolve } = next;
      const { result, holds, slow } = await lane.parser.parse(request);
      if (holds !== "once") this.#results.keep(request.text, request.reading, result, holds === "text");
      if (slow) this.#slow.set(asker, true);
      this.#turns.over(asker);
      resolve(result);
      // What waits may have become the other parser's to take.
      this.#parse();
    }
    lane.busy = false;
  }

  /** The next that has to be parsed: what waited may have become known by a text before it. */
  #next({ takes }: Lane): Waiting | undefined {
    for (let next = this.#turns.next(takes); next; next = this.#turns.next(takes)) {
      const result = this.#results.get(next.request.text, next.request.reading);
      if (!result) return next;
      this.#turns.over(next.asker);
      next.resolve(result);
    }
    return undefined;
  }

  #refuse(which: (waiting: Waiting) => boolean, why: string): void {
    for (const { resolve } of this.#turns.remove(which)) resolve(unparsable(why));
  }
}

/** A subject is one identity's within its issuer alone. */
function askerOf({ subject, proof }: Identity): string {
  return JSON.stringify([proof.issuer, subject]);
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
