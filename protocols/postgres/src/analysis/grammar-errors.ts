import type { SqlErrorDetails } from "libpg-query";

/** An error of PostgreSQL's grammar, as the server reports it. */
export interface GrammarError {
  readonly message: string;
  /** Its SQLSTATE, where that is not 42601 (syntax_error). */
  readonly code?: string;
  readonly detail?: string;
  readonly hint?: string;
  /** In characters, from 1; undefined where the server names no place. */
  readonly position?: number;
}

type Rest = Pick<GrammarError, "code" | "detail" | "hint"> & { readonly placed?: false };

// "PostgreSQL Error Codes" (Appendix A).
const UNSUPPORTED = { code: "0A000" };
const NOT_ENCODED = { code: "22021", placed: false } as const;
const BAD_VALUE = { code: "22023" };
const BAD_ESCAPE = { code: "22025" };
const DUPLICATE = { code: "42710" };
const RESERVED = { code: "42939" };
const BAD_FRAME = { code: "42P20" };

/**
 * What comes with which message, where it is more than 42601 and a place: gram.y, scan.l, parser.c of version 18. What
 * the parser here never says, since its settings are the usual ones, is left out.
 */
const RESTS: readonly (readonly [RegExp, Rest])[] = [
  [/^LIMIT #,# syntax is not supported$/, { hint: "Use separate LIMIT and OFFSET clauses." }],
  [/^missing argument$/, { hint: "Use NONE to denote the missing argument of a unary operator." }],
  [
    /^unrecognized row security option "/,
    { hint: "Only PERMISSIVE or RESTRICTIVE policies are supported currently." },
  ],
  [
    /^invalid publication object list$/,
    {
      detail: "One of TABLE or TABLES IN SCHEMA must be specified before a standalone table or schema name.",
    },
  ],
  [
    /^UNENCRYPTED PASSWORD is no longer supported$/,
    { ...UNSUPPORTED, hint: "Remove UNENCRYPTED to store the password in encrypted form instead." },
  ],
  [/^[A-Z ]+ constraints cannot be marked /, UNSUPPORTED],
  [/^constraints cannot be altered to be NOT VALID$/, UNSUPPORTED],
  [/^CREATE ASSERTION is not yet implemented$/, UNSUPPORTED],
  [/^CREATE EXTENSION \.\.\. FROM is no longer supported$/, UNSUPPORTED],
  [/^CREATE OR REPLACE CONSTRAINT TRIGGER is not supported$/, UNSUPPORTED],
  [/^CREATE SCHEMA IF NOT EXISTS cannot include schema elements$/, UNSUPPORTED],
  [/^MATCH PARTIAL not yet implemented$/, UNSUPPORTED],
  [/^UNIQUE predicate is not yet implemented$/, UNSUPPORTED],
  [/^WITH CHECK OPTION not supported on recursive views$/, UNSUPPORTED],
  [/^a column list with [A-Z ]+ is only supported for ON DELETE actions$/, UNSUPPORTED],
  [/^aggregates cannot have output arguments$/, UNSUPPORTED],
  [/^an ordered-set aggregate with a VARIADIC direct argument must have /, UNSUPPORTED],
  [/^current database cannot be changed$/, UNSUPPORTED],
  [/^only string constants are supported in JSON_TABLE path specification$/, UNSUPPORTED],
  [/^column number must be in range from 1 to /, BAD_VALUE],
  [/^precision for type float must be /, BAD_VALUE],
  [/^unrecognized JSON encoding: /, BAD_VALUE],
  [/^unrecognized partitioning strategy "/, BAD_VALUE],
  [/^(modulus|remainder) for hash partition provided more than once$/, DUPLICATE],
  [/^[A-Z_]+ cannot be used as a role name here$/, RESERVED],
  [/^role name "(none|public)" is reserved$/, RESERVED],
  [/^frame (start cannot be|end cannot be|starting from) /, BAD_FRAME],
  [/^invalid byte sequence for encoding "/, NOT_ENCODED],
  [/^STDIN\/STDOUT not allowed with PROGRAM$/, { placed: false }],
];

const UNICODE_ESCAPE = "invalid Unicode escape";

/** The parser gives an error's message and place; the rest hangs on the message. */
export function grammarError(details: SqlErrorDetails): GrammarError {
  const { message, cursorPosition } = details;
  const { placed = true, ...rest } = restOf(details);
  return placed ? { message, ...rest, position: cursorPosition + 1 } : { message, ...rest };
}

function restOf({ message, functionName }: SqlErrorDetails): Rest {
  if (message !== UNICODE_ESCAPE) return RESTS.find(([words]) => words.test(message))?.[1] ?? {};
  // U&'...' and E'...' are read in two places, which say it in the same words.
  return functionName === "str_udeescape"
    ? { hint: String.raw`Unicode escapes must be \XXXX or \+XXXXXX.` }
    : { ...BAD_ESCAPE, hint: String.raw`Unicode escapes must be \uXXXX or \UXXXXXXXX.` };
}
