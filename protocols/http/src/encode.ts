import { GatehouseError } from "@gatehouse/core";
import { isFieldValue, isTarget, isToken } from "./codec/characters.ts";
import type { Field } from "./codec/fields.ts";
import type { Framing } from "./codec/framing.ts";

/** @param value of which each unit is a byte */
export function fieldOf(name: string, value: string): Field {
  return { name, lower: name.toLowerCase(), value };
}

/** The fields that say how the body is framed: always the gateway's own words, never those that came. */
export function framingFields(framing: Framing): readonly Field[] {
  if (framing.kind === "length") return [fieldOf("Content-Length", String(framing.length))];
  return framing.kind === "chunked" ? [fieldOf("Transfer-Encoding", "chunked")] : [];
}

/**
 * A request's head as it is sent (RFC 9112, section 3).
 * @throws GatehouseError INTERNAL where a part of it would begin a line of its own: nothing is sent
 */
export function encodeRequestHead(method: string, target: string, fields: readonly Field[]): Buffer {
  if (!isToken(method) || !isTarget(target)) throw unfit("request line");
  return encoded(`${method} ${target} HTTP/1.1`, fields);
}

/**
 * A response's head as it is sent (RFC 9112, section 4).
 * @throws as `encodeRequestHead` does
 */
export function encodeResponseHead(status: number, reason: string, fields: readonly Field[]): Buffer {
  if (!Number.isInteger(status) || status < 100 || status > 599 || !isFieldValue(reason)) {
    throw unfit("status line");
  }
  return encoded(`HTTP/1.1 ${status} ${reason}`, fields);
}

function encoded(first: string, fields: readonly Field[]): Buffer {
  let text = `${first}\r\n`;
  for (const { name, value } of fields) {
    // What was read has been looked at already; what the gateway puts in comes from a config and from others' answers.
    if (!isToken(name) || !isFieldValue(value)) throw unfit("field");
    text += `${name}: ${value}\r\n`;
  }
  return Buffer.from(`${text}\r\n`, "latin1");
}

/** Without a word of it: it may be a credential. */
function unfit(part: string): GatehouseError {
  return new GatehouseError("INTERNAL", `A ${part} has characters that it must not have; nothing was sent.`);
}
