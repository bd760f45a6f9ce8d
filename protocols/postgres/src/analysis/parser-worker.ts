/**
 * The thread that parses. PostgreSQL's own parser, as WebAssembly, recurses with the text: here it has a
 * stack of its own, and when it breaks all the same, the thread is thrown away and nothing else.
 */
import { parentPort } from "node:worker_threads";
import { hasSqlDetails, loadModule, parseSync } from "libpg-query";
import { CatalogIndex } from "../catalog/catalog-index.ts";
import type { CatalogData } from "../catalog/catalog.ts";
import type { CatalogView } from "../catalog/session-catalog.ts";
import { lineageOf } from "../lineage/lineage-of.ts";
import { type AnalysisResult, type Reading, withLineage } from "./analysis.ts";
import { analyze, type Found } from "./analyze.ts";
import { viewFactsOf } from "./view-facts.ts";
import { grammarError } from "./grammar-errors.ts";
import { escapesByBackslash, redact } from "./tokens.ts";

export interface ParseRequest {
  readonly text: string;
  readonly reading: Reading;
}

/** What the thread is told. A catalog is handed over once, and named by its version from then on. */
export type ToParser =
  | {
      readonly catalog: CatalogData;
      /** Versions that no text will name any more. */
      readonly gone: readonly string[];
    }
  | {
      readonly text: string;
      readonly reading: Omit<Reading, "catalog">;
      readonly catalog?: Omit<CatalogView, "data"> & { readonly version: string };
    };

interface Answer {
  readonly result: AnalysisResult;
  /** It holds for this text alone, and not for others that differ in literals. */
  readonly literals: boolean;
}

export type ParseReply =
  /** It has the catalog. */
  | "catalog"
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

const catalogs = new Map<string, CatalogIndex>();

type Text = Extract<ToParser, { text: string }>;

function parse({ text, reading, catalog }: Text): Answer | "broken" {
  try {
    // The parser refuses to be asked for nothing; PostgreSQL answers with EmptyQueryResponse.
    const stmts = /^[ \t\n\r\f\v]*$/.test(text) ? [] : parsed(text);
    if (reading.backslashes && escapesByBackslash(text)) return BACKSLASH;
    const { analysis, literals, spellsSecret } = look(text, stmts, reading, catalog);
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

/** What it does; with a catalog, also what follows from that, and where its values come from. */
function look(
  text: string,
  stmts: readonly unknown[],
  reading: Text["reading"],
  catalog: Text["catalog"],
): Found {
  if (!catalog) return analyze(text, stmts, reading);
  const index = catalogs.get(catalog.version);
  // By its grammar alone, a text would seem to do less than it does.
  if (!index) throw new TypeError("The catalog was not handed over.");
  const { unsettled, redefined } = catalog;
  const viewFacts = viewFactsOf(index, parsed);
  const found = analyze(text, stmts, reading, { catalog: index, unsettled, redefined, viewFacts });
  const { path, touched, usesUser } = reading;
  const { lineage, literals } = lineageOf(stmts, index, path, {
    parse: parsed,
    trusted: NOBODY,
    temporary: NOBODY,
    unsettled,
    fixed: !touched && !usesUser,
    unknown: found.analysis.own === "unknown",
  });
  return {
    ...found,
    analysis: withLineage(found.analysis, lineage),
    literals: found.literals || literals,
  };
}

function parsed(text: string): readonly unknown[] {
  return parseSync(text).stmts ?? [];
}

const NOBODY: ReadonlySet<string> = new Set();

function reply(message: ToParser): ParseReply {
  if ("text" in message) return answer(message);
  for (const version of message.gone) catalogs.delete(version);
  catalogs.set(message.catalog.version, new CatalogIndex(message.catalog));
  return "catalog";
}

function answer(request: Text): ParseReply {
  const begun = performance.now();
  const answer = parse(request);
  return answer === "broken" ? answer : { ...answer, took: performance.now() - begun };
}

await loadModule();
parentPort?.on("message", (message: ToParser) => parentPort?.postMessage(reply(message)));
parentPort?.postMessage("ready");
