import { JsonRewriter, type JsonVisitor, type Replacement } from "./json-rewriter.ts";

/** Where a value stands: the names of members and the places in lists that lead to it. */
export type JsonPlace = readonly (string | number)[];

/**
 * A JSON text with some of its strings replaced, and all else as it is written.
 * @param leaf is asked for each string but the names of members: what stands in its place; undefined leaves it
 * @throws Malformed where it is not JSON, is nested too deep, or has a string that is too long
 */
export function rewriteJson(text: string, leaf: (path: JsonPlace, value: string) => Replacement): string {
  const visitor: JsonVisitor<JsonPlace> = {
    root: [],
    member: (of, name) => [...of, name],
    item: (of, index) => [...of, index],
    name: () => undefined,
    scalar: (place, value, kind) => (kind === "string" ? leaf(place, value) : undefined),
    container: () => undefined,
  };
  return rewrittenWhole(text, visitor);
}

/** @throws Malformed */
export function rewrittenWhole<Place>(text: string, visitor: JsonVisitor<Place>): string {
  const rewriter = new JsonRewriter(visitor, { units: "utf16", values: "one" });
  const out = rewriter.write(text);
  return out + rewriter.end();
}
