import { type ErrorCode, errorCodes, GatehouseError } from "@gatehouse/core";
import type { ErrorBody } from "./bodies.ts";

/** Too much at once from one client. */
export class Limited extends GatehouseError {
  /** Milliseconds. */
  readonly wait: number;

  constructor(wait: number, message: string) {
    super("REQUEST_LIMITED", message, { hint: "Wait for as long as Retry-After says." });
    this.wait = wait;
  }
}

export interface Failure {
  readonly status: number;
  readonly body: ErrorBody;
}

/** The status that goes with each code that the API answers with. Every other one is the gateway's own trouble: 500. */
const STATUS: Partial<Record<ErrorCode, number>> = {
  APPROVAL_ANSWERED: 409,
  APPROVAL_ENDED: 409,
  APPROVAL_NOT_YOURS: 403,
  APPROVAL_OWN: 403,
  APPROVAL_REASON: 422,
  APPROVAL_UNKNOWN: 404,
  AUDIT_FAILED: 503,
  CALLBACK_REFUSED: 401,
  CALLBACK_REPLAYED: 409,
  CALLBACK_STALE: 401,
  GRANT_ENDED: 409,
  GRANT_NOT_NEEDED: 409,
  GRANT_UNKNOWN: 404,
  IDENTITY_ALGORITHM: 401,
  IDENTITY_AUDIENCE: 401,
  IDENTITY_EXPIRED: 401,
  IDENTITY_INVALID: 401,
  IDENTITY_NOT_YET: 401,
  IDENTITY_UNAVAILABLE: 503,
  REQUEST_INVALID: 400,
  REQUEST_LIMITED: 429,
  STORE_FAILED: 503,
};

export function statusOf(code: ErrorCode): number {
  return STATUS[code] ?? 500;
}

/**
 * What a client is told. Errors about approvals, grants and requests are written for whoever asks. Those of the other families
 * are for the operator (what is wrong with a token or a signature, where the disk is): of them a client learns what the
 * code means, and the reference by which the operator finds the rest.
 */
export function failureOf(error: unknown, reference: string): Failure {
  if (error instanceof GatehouseError && statusOf(error.code) !== 500) {
    const { code, hint } = error;
    const status = statusOf(code);
    if (!/^(?:APPROVAL|GRANT|REQUEST)_/.test(code))
      return { status, body: { error: { code, message: errorCodes[code], reference } } };
    return {
      status,
      body: { error: { code, message: error.message, ...(hint === undefined ? {} : { hint }), reference } },
    };
  }
  const status = statusOfFastify(error);
  if (status !== undefined)
    return {
      status,
      body: { error: { code: "REQUEST_INVALID", message: textOf(error), reference } },
    };
  return { status: 500, body: { error: { code: "INTERNAL", message: errorCodes.INTERNAL, reference } } };
}

/** What fastify itself refuses before a handler is asked: a body that is too long, of another type, or no JSON. */
function statusOfFastify(error: unknown): number | undefined {
  if (!(error instanceof Error) || !("code" in error) || !("statusCode" in error)) return undefined;
  const { code, statusCode } = error;
  if (typeof code !== "string" || !code.startsWith("FST_") || typeof statusCode !== "number")
    return undefined;
  return statusCode >= 400 && statusCode < 500 ? statusCode : undefined;
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : "The request can't be read.";
}
