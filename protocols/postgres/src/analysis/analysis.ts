import type { Access } from "@gatehouse/core";

/** What a text of SQL does, as far as its grammar tells. Names are qualified: `public.orders`. */
export interface Analysis {
  readonly statements: number;
  readonly verbs: readonly string[];
  readonly access: Access;
  readonly reads: readonly string[];
  readonly writes: readonly string[];
  readonly functions: readonly string[];
  /** It has an UPDATE or DELETE without WHERE, or a TRUNCATE. */
  readonly unfiltered: boolean;
  /** Why it can't be let through whatever the policy says: the analysis of what follows would be wrong. */
  readonly unsupported?: string;
  /** Prepared statements and portals whose names change their meaning at the server when this runs. */
  readonly forgets: {
    readonly statements: readonly string[] | "all";
    readonly portals: readonly string[] | "all";
  };
  /** Cursors that it fetches from: one may be a portal of the protocol's, with a command of its own behind it. */
  readonly fetches: readonly string[];
  /** For the audit log, where the grammar has a place for a secret: the text with its literals taken out. */
  readonly redacted?: string;
}

/** What the analysis of a text came to. */
export type AnalysisResult =
  | { readonly ok: true; readonly analysis: Analysis }
  /** It has no grammar: PostgreSQL's own message, and where (in characters, from 1). */
  | { readonly ok: false; readonly why: "syntax"; readonly message: string; readonly position: number }
  /** The parser gave up on it: too deep, too long a time. */
  | { readonly ok: false; readonly why: "unparsable"; readonly message: string };

const RANK: Readonly<Record<Access, number>> = { read: 0, write: 1, ddl: 2, admin: 3, unknown: 4 };

/** The wider of two. What is not understood outranks all: it may be any of them. */
export function widest(a: Access, b: Access): Access {
  return RANK[a] >= RANK[b] ? a : b;
}
