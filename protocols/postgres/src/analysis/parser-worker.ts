/**
 * The thread that parses. PostgreSQL's own parser, as WebAssembly, recurses with the text: here it has a
 * stack of its own, and when it breaks all the same, the thread is thrown away and nothing else.
 */
import { parentPort } from "node:worker_threads";
import { hasSqlDetails, loadModule, parseSync } from "libpg-query";
import type { AnalysisResult, Reading } from "./analysis.ts";
import { analyze } from "./analyze.ts";
import { grammarError } from "./grammar-errors.ts";
import { escapesByBackslash, redact } from "./tokens.ts";

export interface ParseRequest {
  readonly text: string;
  readonly reading: Reading;
}

interface Answer {
  readonly result: AnalysisResult;
  /** It holds for this text alone, and not for others that differ in literals. */
  readonly literals: boolean;
}

export type ParseReply =
  /** `took`: milliseconds. */
  | (Answer & { readonly took: number })
  /** The parser's memory can't be trusted after this; the thread has to go. */
  | "broken";

const BACKSLASH: Answer = {
  result: {
    ok: false,
    why: "unsupported",
    message: "it has a backslash in '...', which escapes while standard_conforming_strings is off",
    hint: "Write E'...' where a backslash is to escape, or turn standard_conforming_strings on.",
  },
  literals: true,
};

function parse({ text, reading }: ParseRequest): Answer | "broken" {
  try {
    // The parser refuses to be asked for nothing; PostgreSQL answers with EmptyQueryResponse.
    const stmts = /^[ \t\n\r\f\v]*$/.test(text) ? [] : (parseSync(text).stmts ?? []);
    if (reading.backslashes && escapesByBackslash(text)) return BACKSLASH;
    const { analysis, literals, spellsSecret } = analyze(text, stmts, reading);
    if (!spellsSecret) return { result: { ok: true, analysis }, literals };
    return { result: { ok: true, analysis: { ...analysis, redacted: redact(text) } }, literals: true };
  } catch (error) {
    if (error instanceof Error && hasSqlDetails(error) && error.sqlDetails) {
      // What is no SQL with the setting on may be some with it off.
      if (reading.backslashes && text.includes("\\")) return BACKSLASH;
      return { result: { ok: false, why: "syntax", ...grammarError(error.sqlDetails) }, literals: true };
    }
    return "broken";
  }
}

function reply(request: ParseRequest): ParseReply {
  const begun = performance.now();
  const answer = parse(request);
  return answer === "broken" ? answer : { ...answer, took: performance.now() - begun };
}

await loadModule();
parentPort?.on("message", (request: ParseRequest) => parentPort?.postMessage(reply(request)));
parentPort?.postMessage("ready");
