import type { Access } from "@gatehouse/core";
import type { GrammarError } from "./grammar-errors.ts";
import type { CatalogView } from "../catalog/session-catalog.ts";
import type { Lineage } from "../lineage/lineage.ts";
import type { CopyFormat } from "./copy-format.ts";
import type { FunctionKind } from "./function-kinds.ts";
import type { TableLock } from "./locks.ts";

/** What a text of SQL does, as far as its grammar and the target's catalog tell. Names are qualified: `public.orders`. */
export interface Analysis {
  readonly statements: number;
  readonly verbs: readonly string[];
  /** `unknown` where it runs something by name: what that is, only the session knows (`effects`). */
  readonly access: Access;
  /**
   * Where it calls functions that somebody has made, by every name that each may have, and runs nothing by name: what
   * its access is but for them. They alone may make it unknown.
   */
  readonly userFunctions?: { readonly names: readonly string[]; readonly otherwise: Access };
  /** The access of all that stands in the text itself, with what it runs by name left aside. */
  readonly own: Access;
  /** The relations and other objects that the text itself names, whatever it does with them. */
  readonly named: readonly string[];
  /** With what lies behind views, partitions and foreign keys, as far as the catalog is known. */
  readonly reads: readonly string[];
  readonly writes: readonly string[];
  /** With what runs without being named. */
  readonly functions: readonly string[];
  readonly functionKinds: readonly FunctionKind[];
  readonly locks: readonly TableLock[];
  /** It has an UPDATE or DELETE without WHERE, or a TRUNCATE. */
  readonly unfiltered: boolean;
  /** It has a SELECT of its own that gives rows without LIMIT or FETCH FIRST. */
  readonly unlimited: boolean;
  /** It may change what other statements do beside what they say: triggers, functions, views. */
  readonly defines: boolean;
  /** Why it can't be let through whatever the policy says: the analysis of what follows would be wrong. */
  readonly unsupported?: string;
  /** What it does to the names and settings of its session, in the order in which the server will. */
  readonly effects: readonly Effect[];
  /** It is answered by the contents of the database in a form of their own: a walsender's stream. */
  readonly streams?: true;
  /** For the audit log, where the grammar has a place for a secret: the text with its literals taken out. */
  readonly redacted?: string;
  /** Where its values come from. Absent where the target's catalog is not known. */
  readonly lineage?: Lineage;
  /** Of its statements that are a COPY to the client (counted from 0): how the rows are written. */
  readonly copies?: readonly { readonly statement: number; readonly format: CopyFormat }[];
}

/** A text that does nothing. */
export const DOES_NOTHING: Analysis = {
  statements: 0,
  verbs: [],
  access: "read",
  own: "read",
  named: [],
  reads: [],
  writes: [],
  functions: [],
  functionKinds: [],
  locks: [],
  unfiltered: false,
  unlimited: false,
  defines: false,
  effects: [],
};

/**
 * What one of a text's statements (counted from 0) does to its session's names and settings. A name that is undefined
 * stands for all of its kind; `text` is the statement's own, without the others of a text that has several.
 */
export type Effect = { readonly statement: number } & (
  | { readonly kind: "prepare"; readonly name: string; readonly text: string; readonly body: Analysis }
  | { readonly kind: "execute"; readonly name: string }
  | { readonly kind: "deallocate"; readonly name: string | undefined }
  | {
      readonly kind: "declare";
      readonly name: string;
      readonly hold: boolean;
      readonly text: string;
      readonly body: Analysis;
    }
  /** FETCH or MOVE. */
  | { readonly kind: "fetch"; readonly name: string }
  | { readonly kind: "close"; readonly name: string | undefined }
  /** DISCARD ALL. */
  | { readonly kind: "discard" }
  /** A setting that decides how later texts are read may have another value behind it. */
  | { readonly kind: "reading" }
  /** COMMIT, ROLLBACK, ROLLBACK TO, PREPARE TRANSACTION: what was set inside the transaction may be as it was before. */
  | { readonly kind: "transaction" }
);

/** How the server reads a text at the moment: the settings that an analysis holds for. */
export interface Reading {
  /** The schemas in which unqualified names are looked for, in order. */
  readonly path: readonly string[];
  /** standard_conforming_strings is off: a backslash in '...' begins an escape. */
  readonly backslashes: boolean;
  /** The path, or who acts, may have been set in the transaction that is open: its end may take that back. */
  readonly touched: boolean;
  /** The path names `$user`: whoever acts changes it by acting as another. */
  readonly usesUser: boolean;
  /** What its names mean and where its values come from is looked up in this; absent where nobody asks for it. */
  readonly catalog?: CatalogView | undefined;
}

/** What the analysis of a text came to. */
export type AnalysisResult =
  | { readonly ok: true; readonly analysis: Analysis }
  /** It has no grammar. */
  | ({ readonly ok: false; readonly why: "syntax" } & GrammarError)
  /** The server reads it otherwise than the parser does. */
  | { readonly ok: false; readonly why: "unsupported"; readonly message: string; readonly hint: string }
  /** The parser gave up on it: too deep, too long a time. */
  | { readonly ok: false; readonly why: "unparsable"; readonly message: string };

/** Whether it is on how later texts are read, and not on names. */
export function onSettings({ kind }: Effect): boolean {
  return kind === "reading" || kind === "transaction";
}

const RANK: Readonly<Record<Access, number>> = { read: 0, write: 1, ddl: 2, admin: 3, unknown: 4 };

/** The wider of two. What is not understood outranks all: it may be any of them. */
export function widest(a: Access, b: Access): Access {
  return RANK[a] >= RANK[b] ? a : b;
}

const combined = new WeakMap<Analysis, WeakMap<Analysis, Analysis>>();

/** What one of a text's statements (counted from 0) runs by name. */
export interface Body {
  readonly statement: number;
  readonly analysis: Analysis;
}

/**
 * A text with what it runs by name: prepared statements and cursors. The same object for the same parts, so that
 * decisions which rest on it are found again.
 * @param known whether all that it runs by name is among `bodies`; otherwise its access stays unknown
 */
export function combine(analysis: Analysis, bodies: readonly Body[], known: boolean): Analysis {
  const [only] = bodies;
  if (only === undefined || bodies.length > 1 || !known) return joined(analysis, bodies, known);
  const byBody = combined.get(analysis) ?? new WeakMap<Analysis, Analysis>();
  combined.set(analysis, byBody);
  const result = byBody.get(only.analysis) ?? joined(analysis, bodies, known);
  byBody.set(only.analysis, result);
  return result;
}

function joined(analysis: Analysis, named: readonly Body[], known: boolean): Analysis {
  const bodies = named.map((body) => body.analysis);
  const all = [analysis, ...bodies];
  const { userFunctions: _, ...rest } = analysis;
  const union = <T>(of: (part: Analysis) => readonly T[]) => [...new Set(all.flatMap(of))];
  const access = bodies.map((body) => body.access).reduce(widest, known ? analysis.own : analysis.access);
  return {
    ...rest,
    access,
    own: access,
    ...(known ? userFunctionsOf(analysis, bodies) : {}),
    verbs: union(({ verbs }) => verbs),
    named: union(({ named }) => named).sort(),
    reads: union(({ reads }) => reads).sort(),
    writes: union(({ writes }) => writes).sort(),
    functions: union(({ functions }) => functions).sort(),
    functionKinds: union(({ functionKinds }) => functionKinds).sort(),
    locks: union(({ locks }) => locks).sort(),
    unfiltered: all.some(({ unfiltered }) => unfiltered),
    unlimited: all.some(({ unlimited }) => unlimited),
    defines: all.some(({ defines }) => defines),
    effects: [...analysis.effects, ...bodies.flatMap(({ effects }) => effects.filter(onSettings))],
    ...(analysis.lineage ? { lineage: lineageWith(analysis.lineage, named) } : {}),
  };
}

function userFunctionsOf(analysis: Analysis, bodies: readonly Analysis[]): Pick<Analysis, "userFunctions"> {
  const names = bodies.flatMap(({ userFunctions }) => userFunctions?.names ?? []);
  if (names.length === 0) return {};
  const otherwise = bodies.map(({ access, userFunctions }) => userFunctions?.otherwise ?? access);
  return {
    userFunctions: { names: [...new Set(names)].sort(), otherwise: otherwise.reduce(widest, analysis.own) },
  };
}

/** With what is run by name in its place. Where that is not known, the statement stays as it is, and can't be masked. */
function lineageWith(lineage: Lineage, named: readonly Body[]): Lineage {
  return lineage.map((own, index) => {
    const body = own.byName && named.find(({ statement }) => statement === index)?.analysis.lineage?.[0];
    return body ? { ...body, gaps: [...own.gaps, ...body.gaps] } : own;
  });
}

/**
 * An analysis with where its values come from. The lineage of a PREPARE or a DECLARE, which gives nothing itself, is that
 * of what it prepares or declares.
 */
export function withLineage(analysis: Analysis, lineage: Lineage): Analysis {
  const effects = analysis.effects.map((effect) => {
    const own = lineage[effect.statement];
    return "body" in effect && own ? { ...effect, body: { ...effect.body, lineage: [own] } } : effect;
  });
  return { ...analysis, effects, lineage };
}
