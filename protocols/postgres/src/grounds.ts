import type { AdapterRefusal } from "@gatehouse/core";
import type { AnalysisResult } from "./analysis/analysis.ts";

/* The grounds on which the adapter refuses a message by itself, before there is a Command to decide. */

/** How much of a text that was not analysed goes on the audit log. */
const EXCERPT = 1024;

/** A text that could not be understood, or that would make what follows be misunderstood. */
export function refusedByAnalysis(result: AnalysisResult, text: string): AdapterRefusal | undefined {
  if (result.ok) {
    const { unsupported, redacted } = result.analysis;
    return unsupported === undefined
      ? undefined
      : { kind: "unsupported", message: unsupported, text: redacted ?? text };
  }
  if (result.why === "syntax") {
    const { ok: _ok, why: kind, ...said } = result;
    const audited = withheld(text);
    const reason = audited === text ? {} : { reason: "it has no grammar" };
    return { kind, ...said, text: audited, ...reason };
  }
  const message = `The statement can't be analysed: ${result.message}.`;
  if (result.why === "unsupported") {
    return { kind: "unsupported", message, hint: result.hint, text: withheld(text) };
  }
  const hint = "Write it with less nesting, or in several statements.";
  return { kind: "too_large", message, hint, text: withheld(text) };
}

/** Without a grammar nobody can say where in a text a password stands. */
function withheld(text: string): string {
  const mayHoldOne = /pass|secret|identified|credential|\b(role|user|subscription|mapping|server)\b/i.test(
    text,
  );
  return mayHoldOne ? "(withheld: it may spell a secret)" : text;
}

/** What the text means can't be told without the catalog. */
export function catalogUnavailable(text: string): AdapterRefusal {
  return {
    kind: "unavailable",
    // object_not_in_prerequisite_state: the connection is as good as it was.
    code: "55000",
    message:
      "The gateway can't read the target's catalog at the moment, and so can't tell what this would do.",
    hint: "Try again; the gateway's readyz says what is wrong.",
    text: withheld(text.slice(0, EXCERPT)),
  };
}

/** A parameter's type can stand outside of the text, where the analysis does not see what it runs. */
export function checkedParameter(text: string): AdapterRefusal {
  return {
    kind: "unsupported",
    message: "A parameter is declared to be of a type whose values are checked by a function.",
    hint: "Leave its type to the server, or cast it in the text.",
    text: withheld(text),
  };
}

/** What PostgreSQL says of a name that means nothing. */
export function noSuchName(what: "portal" | "prepared statement", name: string): AdapterRefusal {
  return {
    kind: what === "portal" ? "unknown_cursor" : "unknown_name",
    message: name === "" ? `unnamed ${what} does not exist` : `${what} "${name}" does not exist`,
    text: `${what} "${name}"`,
  };
}

/** @param bytes the text's own, in whatever encoding */
export function tooLong(bytes: Buffer, limit: number): AdapterRefusal {
  return {
    kind: "too_large",
    message: `A statement of ${bytes.length} bytes is larger than the gateway analyses (${limit}).`,
    hint: "Pass long values as parameters, or many rows by COPY.",
    text: withheld(bytes.toString("utf8", 0, EXCERPT)),
  };
}

/** A message of which nothing was stored. */
export function tooLarge(type: number, size: number, limit: number): AdapterRefusal {
  const letter = String.fromCharCode(type);
  return {
    kind: "too_large",
    message: `A message of ${size} bytes is larger than the gateway takes (${limit}).`,
    hint: "Send long values by COPY, or raise limits.message in the gateway's config.",
    text: `a message of type ${letter} with ${size} bytes`,
  };
}

/** A message that breaks its own grammar, in PostgreSQL's words. */
export function malformed(message: string, type: number): AdapterRefusal {
  // PostgreSQL has a code of its own for a name that is none in its encoding.
  const kind = message.startsWith("invalid byte sequence") ? "encoding" : "protocol";
  return { kind, message, text: `a malformed message of type ${String.fromCharCode(type)}` };
}

export function notEncoded(encoding: string, size: number): AdapterRefusal {
  return {
    kind: "encoding",
    message: `invalid byte sequence for encoding "${encoding}"`,
    hint: "Send texts in the encoding that client_encoding says.",
    text: `${size} bytes that are no text in ${encoding}`,
  };
}

/** Behind a change of search_path in a transaction that has failed, only its end is understood for sure. */
export function notAlone(text: string): AdapterRefusal {
  return {
    kind: "unsupported",
    message: "In a failed transaction, its end has to be sent alone.",
    hint: "Send ROLLBACK first, and the other statements behind it.",
    text: withheld(text.slice(0, EXCERPT)),
  };
}

export function replicationOnly(text: string): AdapterRefusal {
  return {
    kind: "unsupported",
    message: "cannot execute SQL commands in WAL sender for physical replication",
    hint: "Connect with replication=database, or without replication.",
    text: withheld(text.slice(0, EXCERPT)),
  };
}

/** @param kept bytes */
export function crowded(statements: number, portals: number, kept: number): AdapterRefusal {
  return {
    kind: "too_large",
    message: "This session keeps more prepared statements and portals than the gateway follows.",
    hint: "Close those that are not needed any more.",
    text: `${statements} statements, ${portals} portals, ${kept} bytes`,
  };
}

/** A prepared statement's or a cursor's name that the server may know by another beginning. */
export function notAsciiName(name: string): AdapterRefusal {
  return {
    kind: "unsupported",
    message: "In a database that is not in UTF-8, names of statements and cursors have to be ASCII.",
    hint: "Give it another name.",
    text: name,
  };
}
