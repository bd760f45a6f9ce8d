/**
 * The thread that parses. PostgreSQL's own parser, as WebAssembly, recurses with the text: here it has a
 * stack of its own, and when it breaks all the same, the thread is thrown away and nothing else.
 */
import { parentPort } from "node:worker_threads";
import { hasSqlDetails, loadModule, parseSync } from "libpg-query";
import type { AnalysisResult } from "./analysis.ts";
import { analyze } from "./analyze.ts";
import { redact } from "./redact.ts";

export interface ParseRequest {
  readonly text: string;
  readonly schema: string;
}

/** `broken`: the parser's memory can't be trusted after this; the thread has to go. */
export type ParseReply = AnalysisResult | { readonly ok: false; readonly why: "broken" };

function parse({ text, schema }: ParseRequest): ParseReply {
  try {
    // The parser refuses to be asked for nothing; PostgreSQL answers with EmptyQueryResponse.
    const stmts = /^[ \t\n\r\f\v]*$/.test(text) ? [] : (parseSync(text).stmts ?? []);
    const { spellsSecret, ...analysis } = analyze(stmts, schema);
    return { ok: true, analysis: spellsSecret ? { ...analysis, redacted: redact(text) } : analysis };
  } catch (error) {
    if (error instanceof Error && hasSqlDetails(error) && error.sqlDetails) {
      const { message, cursorPosition } = error.sqlDetails;
      return { ok: false, why: "syntax", message, position: cursorPosition + 1 };
    }
    return { ok: false, why: "broken" };
  }
}

await loadModule();
parentPort?.on("message", (request: ParseRequest) => parentPort?.postMessage(parse(request)));
parentPort?.postMessage("ready");
