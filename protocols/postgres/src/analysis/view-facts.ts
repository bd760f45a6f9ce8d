import { FIRST_OWN } from "../catalog/queries.ts";
import type { Relation } from "../catalog/catalog.ts";
import type { CatalogIndex } from "../catalog/catalog-index.ts";
import { type Analysis, DOES_NOTHING } from "./analysis.ts";
import { analyze } from "./analyze.ts";
import type { ViewFacts } from "./consequences.ts";

/** Views that rest on each other. */
const MAX_NESTING = 32;

const known = new WeakMap<CatalogIndex, ViewFacts>();

/**
 * What the views of a catalog do when they are read: each is looked at once.
 * @param parse the statements of a view's text; it may throw
 */
export function viewFactsOf(catalog: CatalogIndex, parse: (text: string) => readonly unknown[]): ViewFacts {
  const facts = known.get(catalog) ?? lookingInto(catalog, parse);
  known.set(catalog, facts);
  return facts;
}

function lookingInto(catalog: CatalogIndex, parse: (text: string) => readonly unknown[]): ViewFacts {
  const found = new Map<number, Analysis | undefined>();
  const begun = new Set<number>();
  const factsOf: ViewFacts = (view) => {
    if (found.has(view.id)) return found.get(view.id);
    // A view can't rest on itself; what was read of it is not what the server has.
    if (begun.has(view.id) || begun.size >= MAX_NESTING) return undefined;
    begun.add(view.id);
    const facts = look(view, catalog, parse, factsOf);
    begun.delete(view.id);
    found.set(view.id, facts);
    return facts;
  };
  return factsOf;
}

function look(
  view: Relation,
  catalog: CatalogIndex,
  parse: (text: string) => readonly unknown[],
  viewFacts: ViewFacts,
): Analysis | undefined {
  if (view.definition === undefined) return undefined;
  let stmts: readonly unknown[];
  try {
    stmts = parse(view.definition);
  } catch {
    // A server of another version may write what this grammar does not have.
    return undefined;
  }
  // Every name in it stands with its schema, unless that is pg_catalog.
  const reading = { path: [], backslashes: false, touched: false, usesUser: false };
  const surroundings = { catalog, unsettled: false, redefined: false, viewFacts };
  const { analysis } = analyze(view.definition, stmts, reading, surroundings);
  if (analysis.unsupported !== undefined) return undefined;
  // What comes with the server does no more than it says: of its own views only what they read matters.
  return view.id < FIRST_OWN ? { ...DOES_NOTHING, named: analysis.named, reads: analysis.reads } : analysis;
}
