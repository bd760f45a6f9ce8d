import { isUserFunction } from "../../src/analysis/builtins.ts";
import { Tally } from "../support/tally.ts";
import type { Judged } from "./oracle.ts";

/** Causes shown of each kind. */
const SHOWN = 25;
/** Characters of a text that are shown. */
const EXCERPT = 160;

/** Statements with the test that they stand in. */
export type Found = Judged & { readonly test: string };

/** How many there are of each verdict. */
export function figures(title: string, all: readonly Found[]): string {
  const tally = new Tally();
  for (const { text, verdict } of all) tally.add(text, verdict);
  const beside = all.flatMap(({ verdict }) =>
    verdict.kind === "held" && verdict.beside ? [verdict.beside.join()] : [],
  );
  const sequences = beside.filter((grants) => grants.includes("ON SEQUENCE")).length;
  const functions = beside.filter((grants) => grants.includes("ON ROUTINE")).length;
  return `${title}: ${tally.figures}
  held with sequences that values name: ${sequences}; with PostgreSQL's own functions in defaults, checks and indexes: ${functions}
`;
}

/** Why statements are unknown or not judged, most frequent first, with an example of each cause. */
export function causes(kind: "unknown" | "not judged", all: readonly Found[], title: string = kind): string {
  const counted = new Map<string, { count: number; readonly example: Found }>();
  for (const found of all.filter(({ verdict }) => verdict.kind === kind)) {
    const cause = found.verdict.kind === "not judged" ? shape(found.verdict.why) : whyUnknown(found);
    const known = counted.get(cause) ?? { count: 0, example: found };
    known.count++;
    counted.set(cause, known);
  }
  const sorted = [...counted].sort(([, one], [, other]) => other.count - one.count);
  const lines = sorted
    .slice(0, SHOWN)
    .map(
      ([cause, { count, example }]) =>
        `${String(count).padStart(6)}  ${cause}\n          ${excerpt(example)}\n`,
    );
  const rest = sorted.slice(SHOWN).reduce((sum, [, { count }]) => sum + count, 0);
  return `${title}, by cause:\n${lines.join("")}${rest > 0 ? `${String(rest).padStart(6)}  of other causes\n` : ""}`;
}

/** What the analysis was wrong about, each with the server's word. */
export function wrong(all: readonly Found[]): string {
  return all
    .flatMap((found) =>
      found.verdict.kind === "missed" ? [`${found.verdict.message}\n    ${excerpt(found)}\n`] : [],
    )
    .join("");
}

function whyUnknown({ analysis }: Found): string {
  if (analysis?.unsupported !== undefined) return analysis.unsupported;
  if (analysis?.userFunctions) return "it calls a function of somebody's own";
  const own = analysis?.functions.filter((name) => {
    const [schema, routine = ""] = name.split(".");
    return isUserFunction(schema, routine);
  });
  if (own?.length) return "it calls a function or an operator that may be somebody's own";
  return `${analysis?.verbs.join(", ") ?? ""}: ${analysis?.functions.join(", ") ?? ""}`;
}

/** What errors of one kind have in common: names and numbers are each one's own. */
function shape(why: string): string {
  return why.replaceAll(/"[^"]*"|'[^']*'/g, "...").replaceAll(/\d{2,}(?=\s|$)/g, "N");
}

function excerpt({ test, text }: Found): string {
  const line = text.replaceAll(/\s+/g, " ");
  return `${test}: ${line.length > EXCERPT ? `${line.slice(0, EXCERPT)} ...` : line}`;
}
