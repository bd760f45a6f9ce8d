import type { HiddenOutput, Hiding, Mask, MaskingOutcome, RuleReference, Transform } from "@gatehouse/core";
import type { Analysis } from "../analysis/analysis.ts";
import type { CopyFormat } from "../analysis/copy-format.ts";
import type { OutputColumn, StatementLineage } from "../lineage/lineage.ts";
import { type ColumnMatch, columnMatch } from "./columns.ts";
import type { Origins } from "./origins.ts";
import { serves } from "./types.ts";

/** What becomes of the rows of one statement. */
export interface StatementPlan {
  /** By the column's place: how it is hidden; undefined where it passes. Absent where none is hidden. */
  readonly columns?: readonly (Hiding | undefined)[];
  /** Object ids of the columns' types, as far as the lineage tells: the answer of a COPY has none. */
  readonly types: readonly (number | undefined)[];
  /** Of a COPY to the client: how it writes its rows. */
  readonly copy?: CopyFormat;
  /** Where its columns come from, as the server will say; absent where that does not matter. */
  readonly origins?: Origins;
}

/** What becomes of a text's answers on their way back. */
export interface MaskPlan {
  readonly statements: readonly StatementPlan[];
  /** A masked column is read or changed: what the server says of it, in errors and notices, may quote a value. */
  readonly touches: boolean;
  /** Masks that look for values in whatever is not hidden already. */
  readonly detecting: readonly Mask[];
}

/** It gives rows of which some column is looked at: they have to be described. */
export function masksRows({ statements, detecting }: MaskPlan): boolean {
  return detecting.length > 0 || statements.some(({ columns }) => columns !== undefined);
}

/** It gives columns of relations: which ones, the server has to say. */
export function hasOrigins({ statements }: MaskPlan): boolean {
  return statements.some(({ origins }) => origins?.some((one) => one !== undefined));
}

export type Planned =
  /** Without a plan, the answer passes as it is. */
  | (Extract<MaskingOutcome, { readonly ok: true }> & { readonly plan?: MaskPlan })
  | Extract<MaskingOutcome, { readonly ok: false }>;

/** As far as a plan rests on it. */
export type Maskable = Pick<Analysis, "statements" | "lineage" | "copies">;

/** A mask of columns, and the columns that it means. */
interface ColumnMask {
  readonly mask: Mask;
  readonly means: ColumnMatch;
}

interface Compiled {
  readonly columns: readonly ColumnMask[];
  readonly detecting: readonly Mask[];
  readonly plans: WeakMap<Maskable, Planned>;
}

const compiled = new WeakMap<readonly Mask[], Compiled>();
const NOTHING_TO_DO: Planned = { ok: true, applied: [] };

/** Of several masks on one column, the one that leaves less: the first of these. */
const STRICTEST: readonly Transform["kind"][] = ["null", "redact", "constant", "hash", "partial"];
const WITHHELD: Hiding = { kind: "withheld" };

/** The gap of a statement in whose place the session has put nothing. */
export const RUN_BY_NAME = "what it runs by its name";

/**
 * What the masks do to the answer of a text, or why it can't be let through. Found again at no cost for the same
 * objects.
 */
export function planMasks(analysis: Maskable, masks: readonly Mask[]): Planned {
  const ready = compiled.get(masks) ?? compile(masks);
  let planned = ready.plans.get(analysis);
  if (planned === undefined) {
    planned = plan(analysis, ready);
    ready.plans.set(analysis, planned);
  }
  return planned;
}

function compile(masks: readonly Mask[]): Compiled {
  const ready = {
    columns: masks
      .filter(({ columns }) => columns.length > 0)
      .map((mask) => ({ mask, means: columnMatch(mask.columns) })),
    detecting: masks.filter(({ detect }) => detect.length > 0),
    plans: new WeakMap<Maskable, Planned>(),
  };
  compiled.set(masks, ready);
  return ready;
}

function plan({ statements, lineage, copies = [] }: Maskable, { columns, detecting }: Compiled): Planned {
  if (columns.length === 0 && detecting.length === 0) return NOTHING_TO_DO;
  // What is not known of a statement has no masked columns to be found in it.
  const [first] = columns;
  if (first && lineage?.length !== statements) return notFollowed(first.mask.rule);
  const applied = new Map<Mask, string[]>();
  const found: HiddenOutput[] = [];
  const plans: StatementPlan[] = [];
  let touches = false;
  for (let index = 0; index < statements; index++) {
    const statement = lineage?.[index];
    const copy = copies.find((one) => one.statement === index)?.format;
    if (statement && columns.length > 0) {
      const refused = refusedBy(statement, columns);
      if (refused) return refused;
      // A row that can't be as it is to become is quoted whole, be it one of another table that follows the change.
      touches ||= statement.triggers === true || statement.writes.length > 0;
      touches ||= [...statement.reads, ...(statement.computed ?? [])].some((name) =>
        columns.some(({ means }) => means(name)),
      );
    }
    const outputs = statement?.outputs ?? [];
    for (const output of outputs) {
      const refused = notServed(output, columns);
      if (refused) return refused;
    }
    const hidden = outputs.map((output) => transformOf(output, columns, applied, found));
    const hides = hidden.some((transform) => transform !== undefined);
    const [masking = detecting[0]] = outputs.flatMap(({ from }) => masksOf(from, columns));
    if (masking && copy?.kind === "unknown") return copyNotFollowed(copy.option, masking.rule);
    plans.push({
      types: outputs.map(({ type }) => type),
      ...(hides ? { columns: hidden } : {}),
      ...(columns.length > 0 && !copy ? { origins: outputs.map(({ origins }) => origins) } : {}),
      ...(copy ? { copy } : {}),
    });
    touches ||= hides;
  }
  for (const mask of detecting) applied.set(mask, [...(applied.get(mask) ?? []), ...mask.detect]);
  if (detecting.length === 0 && !touches && !lineage?.some(({ outputs }) => outputs)) return NOTHING_TO_DO;
  return {
    ok: true,
    plan: { statements: plans, touches, detecting },
    applied: Array.from(applied, ([{ rule }, hides]) => ({ rule, hides })),
    ...(found.length > 0 ? { hidden: found } : {}),
  };
}

function transformOf(
  { name, from, exact }: OutputColumn,
  columns: readonly ColumnMask[],
  applied: Map<Mask, string[]>,
  found: HiddenOutput[],
): Hiding | undefined {
  const matching = masksOf(from, columns);
  for (const mask of matching) {
    const names = applied.get(mask);
    if (names) names.push(name);
    else applied.set(mask, [name]);
  }
  const [strictest] = matching;
  if (strictest === undefined) return undefined;
  const hiding = exact || strictest.with.kind === "null" ? strictest.with : WITHHELD;
  found.push({ name, with: hiding, rules: matching.map(({ rule }) => rule) });
  return hiding;
}

/** Those that mean one of these stored columns, the strictest first. */
function masksOf(stored: readonly string[], columns: readonly ColumnMask[]): readonly Mask[] {
  return columns
    .filter(({ means }) => stored.some(means))
    .map(({ mask }) => mask)
    .sort((a, b) => STRICTEST.indexOf(a.with.kind) - STRICTEST.indexOf(b.with.kind));
}

/** A mask that promises what can't be made of the column's type: what it would leave, nobody has decided. */
function notServed({ name, from, exact, type }: OutputColumn, columns: readonly ColumnMask[]) {
  const [mask] = exact ? masksOf(from, columns) : [];
  if (mask === undefined || type === undefined || serves(mask.with, type)) return undefined;
  return {
    ok: false,
    message: `The column ${name} of the answer is masked in a way that can't be put on its type.`,
    hint: "Leave it out, and tell whoever keeps the policies.",
    rule: mask.rule,
  } as const;
}

function refusedBy(statement: StatementLineage, columns: readonly ColumnMask[]): Planned | undefined {
  // Nothing has been put in its place.
  const [gap] = statement.byName ? [RUN_BY_NAME] : statement.gaps;
  const [first] = columns;
  if (gap !== undefined && first) {
    return {
      ok: false,
      message: `Columns of this target are masked, and a part of the statement can't be followed: ${gap}.`,
      hint: "Write that part in another way, or name the columns that are wanted.",
      rule: first.mask.rule,
    };
  }
  const named = (names: readonly string[], among: readonly ColumnMask[]) => {
    for (const column of names) {
      const found = among.find(({ means }) => means(column));
      if (found) return { column, rule: found.mask.rule };
    }
    return undefined;
  };
  const deciding = columns.filter(({ mask }) => mask.predicates === "refuse");
  const predicate = named(statement.predicates, deciding);
  if (predicate) {
    return {
      ok: false,
      message: `The column ${predicate.column} is masked, and the statement's rows, or their order, depend on it.`,
      hint: "Leave it out of WHERE, JOIN, GROUP BY, ORDER BY and the like.",
      rule: predicate.rule,
    };
  }
  const failing = named(statement.failing ?? [], deciding);
  if (failing) {
    return {
      ok: false,
      message: `The column ${failing.column} is masked, and whether the statement fails could depend on it.`,
      hint: "Leave out what is computed from it: it would be hidden anyway.",
      rule: failing.rule,
    };
  }
  for (const { from, to } of statement.flows) {
    const flowing = named(from, columns);
    if (!flowing) continue;
    return {
      ok: false,
      message: `The column ${flowing.column} is masked, and the statement would put its values into ${to}.`,
      hint: "Leave the column out of what is put there.",
      rule: flowing.rule,
    };
  }
  return undefined;
}

function notFollowed(rule: RuleReference): Planned {
  return {
    ok: false,
    message:
      "Columns of this target are masked, and the gateway does not know what this statement reads of them.",
    hint: "Try again; if it goes on, ask whoever runs the gateway whether the target's catalog can be read.",
    rule,
  };
}

function copyNotFollowed(option: string, rule: RuleReference): Planned {
  return {
    ok: false,
    message: `The rows of this COPY are masked, and its option ${option} can't be followed.`,
    hint: "Leave the option out, or use a SELECT.",
    rule,
  };
}
