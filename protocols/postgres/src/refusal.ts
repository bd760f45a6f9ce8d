import type { Refusal, RefusalKind } from "@gatehouse/core";
import { encodeErrorResponse } from "./codec/error-response.ts";

/** Each kind of no in PostgreSQL's own words (Appendix A, "PostgreSQL Error Codes"). */
const SQLSTATE: Readonly<Record<RefusalKind, string>> = {
  plaintext: "28000",
  credential: "28P01",
  target: "3D000",
  level: "28000",
  policy: "42501",
  protocol: "08P01",
  syntax: "42601",
  unknown_name: "26000",
  unknown_cursor: "34000",
  unsupported: "0A000",
  encoding: "22021",
  canceled: "57014",
  too_large: "54000",
  unavailable: "08001",
  busy: "57P01",
  too_many: "53300",
  expired: "57P01",
  revoked: "57P01",
  idle: "57P05",
  idle_in_transaction: "25P03",
  internal: "XX000",
};

/** What the server would have said itself, had it been asked: the client is told so in the same words, and no more. */
const SERVERS_OWN: ReadonlySet<RefusalKind> = new Set([
  "protocol",
  "syntax",
  "encoding",
  "unknown_name",
  "unknown_cursor",
]);

/** Where a log-in has what was refused of it. */
const WHERE: Partial<Readonly<Record<RefusalKind, string>>> = {
  target: "The database's name is the target's name.",
  level: "The user is the level.",
};

/**
 * A refusal as an ErrorResponse. ERROR leaves the session as any error of the server's would; FATAL ends it.
 * The reference stands in the detail: it finds the event on the audit log.
 */
export function encodeRefusal(refusal: Refusal, severity: "ERROR" | "FATAL"): Buffer {
  const detail = SERVERS_OWN.has(refusal.kind) ? refusal.detail : `Reference: ${refusal.reference}`;
  return encodeErrorResponse({
    severity,
    sqlstate: refusal.code ?? SQLSTATE[refusal.kind],
    message: refusal.message,
    ...(detail === undefined ? {} : { detail }),
    ...(refusal.hint === undefined ? {} : { hint: refusal.hint }),
    ...(refusal.position === undefined ? {} : { position: refusal.position }),
  });
}

/** The same of a log-in that the gate refuses: the client is told where it has said what was refused. */
export function encodeLoginRefusal(refusal: Refusal): Buffer {
  const hint = [WHERE[refusal.kind], refusal.hint].filter((text) => text !== undefined).join(" ");
  return encodeRefusal(hint === "" ? refusal : { ...refusal, hint }, "FATAL");
}

/** What PostgreSQL says to a client that does not keep to the protocol; the connection ends with it. */
export function encodeViolation(message: string): Buffer {
  return encodeErrorResponse({ severity: "FATAL", sqlstate: "08P01", message });
}

/** The same among a COPY's data: there it fails the COPY first. */
export function encodeViolationInCopy(message: string): Buffer {
  return Buffer.concat([
    encodeErrorResponse({ severity: "ERROR", sqlstate: "08P01", message }),
    encodeViolation("terminating connection because protocol synchronization was lost"),
  ]);
}
