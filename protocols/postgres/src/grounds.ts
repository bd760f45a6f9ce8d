import type { AdapterRefusal } from "@gatehouse/core";
import type { AnalysisResult } from "./analysis/analysis.ts";

/* The grounds on which the adapter refuses a message by itself, before there is a Command to decide. */

/** How much of a text that was not analysed goes on the audit log. */
const EXCERPT = 1024;

/** A text that could not be understood, or that would make what follows be misunderstood. */
export function refusedByAnalysis(result: AnalysisResult, text: string): AdapterRefusal | undefined {
  if (result.ok) {
    const { access, statements, unsupported, redacted } = result.analysis;
    const audited = redacted ?? text;
    if (unsupported !== undefined) return { kind: "unsupported", message: unsupported, text: audited };
    if (access !== "unknown" || statements === 1) return undefined;
    // It may change what the names behind it mean, before those are looked up.
    return {
      kind: "unsupported",
      message: "A statement that can't be judged has to be sent alone.",
      hint: "Send the statements one by one.",
      text: audited,
    };
  }
  if (result.why === "syntax") {
    return { kind: "syntax", message: result.message, position: result.position, text: withheld(text) };
  }
  return {
    kind: "too_large",
    message: `The statement can't be analysed: ${result.message}.`,
    hint: "Write it with less nesting, or in several statements.",
    text: withheld(text),
  };
}

/** Without a grammar nobody can say where in a text a password stands. */
function withheld(text: string): string {
  const mayHoldOne = /pass|secret|identified|credential|\b(role|user|subscription|mapping|server)\b/i.test(
    text,
  );
  return mayHoldOne ? "(withheld: it may spell a secret)" : text;
}

/** A FETCH of what a Bind has put into a portal. */
export function fetchOfPortal(portal: string, text: string): AdapterRefusal {
  return {
    kind: "unsupported",
    message: `The portal "${portal}" was opened by a Bind; FETCH can't run it through the gateway.`,
    hint: "Run it by Execute, or open a cursor by DECLARE.",
    text,
  };
}

/** What PostgreSQL says of a name that means nothing. */
export function noSuchName(what: string, name: string): AdapterRefusal {
  return {
    kind: "unknown_name",
    message: name === "" ? `unnamed ${what} does not exist` : `${what} "${name}" does not exist`,
    text: `${what} "${name}"`,
  };
}

export function tooLong(text: string, limit: number): AdapterRefusal {
  return {
    kind: "too_large",
    message: `A statement of ${Buffer.byteLength(text)} bytes is larger than the gateway analyses (${limit}).`,
    hint: "Pass long values as parameters, or many rows by COPY.",
    text: withheld(text.slice(0, EXCERPT)),
  };
}

/** A statement in the same segment behind one of unknown access. */
export function withoutSync(text: string): AdapterRefusal {
  return {
    kind: "unsupported",
    message: "What stands behind a statement that can't be judged needs a Sync before it.",
    hint: "End the pipeline behind that statement.",
    text: withheld(text.slice(0, EXCERPT)),
  };
}
