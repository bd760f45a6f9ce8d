import { isFieldValue } from "./characters.ts";
import { type Fields, parseFields } from "./fields.ts";
import { type Framing, responseFraming, type Version } from "./framing.ts";
import type { Head } from "./head.ts";
import { Malformed } from "./malformed.ts";

/** A response's head (RFC 9112, section 4). */
export interface ResponseHead {
  readonly version: Version;
  readonly status: number;
  readonly reason: string;
  readonly fields: Fields;
  readonly framing: Framing;
}

/**
 * @param method of the request that it answers
 * @throws Malformed
 */
export function parseResponseHead({ lines }: Head, method: string): ResponseHead {
  const [line, ...rest] = lines;
  const [, protocol, digits, reason = ""] = /^HTTP\/(1\.[01]) ([1-5][0-9]{2})(?: (.*))?$/.exec(line) ?? [];
  if ((protocol !== "1.0" && protocol !== "1.1") || !isFieldValue(reason)) {
    throw new Malformed("a status line that is none");
  }
  const status = Number(digits);
  const fields = parseFields(rest);
  return {
    version: protocol,
    status,
    reason,
    fields,
    framing: responseFraming(fields, protocol, status, method),
  };
}
