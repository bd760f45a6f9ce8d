import { GatehouseError } from "@gatehouse/core";
import { isFieldValue, isTarget, isToken } from "./codec/characters.ts";
import type { Field } from "./codec/fields.ts";
import type { Framing, Version } from "./codec/framing.ts";
import type { AnswerHead } from "./incoming.ts";
import type { OutgoingHead } from "./outgoing.ts";

/** @param value of which each unit is a byte */
export function fieldOf(name: string, value: string): Field {
  return { name, lower: name.toLowerCase(), value };
}

/** The fields that say how the body is framed: always the gateway's own words, never those that came. */
function framingFields(framing: Framing): readonly Field[] {
  if (framing.kind === "length") return [fieldOf("Content-Length", String(framing.length))];
  return framing.kind === "chunked" ? [fieldOf("Transfer-Encoding", "chunked")] : [];
}

/**
 * A request's head as it is sent to a target (RFC 9112, section 3).
 * @throws GatehouseError INTERNAL where a part of it would begin a line of its own: nothing is sent
 */
export function encodeRequestHead(head: OutgoingHead): Buffer {
  const { method, target, host, framing, last, trailers, switches = false } = head;
  if (!isToken(method) || !isTarget(target)) throw unfit("request line");
  const options = [...(last ? ["close"] : []), ...(trailers ? ["TE"] : []), ...(switches ? ["Upgrade"] : [])];
  return encoded(`${method} ${target} HTTP/1.1`, [
    fieldOf("Host", host),
    ...head.fields,
    ...(options.length > 0 ? [fieldOf("Connection", options.join(", "))] : []),
    ...(trailers ? [fieldOf("TE", "trailers")] : []),
    ...framingFields(framing),
  ]);
}

/** How an answer's head goes out on a connection of HTTP/1. */
export interface EncodedAnswer {
  readonly bytes: Buffer;
  /** How its body has to be framed. */
  readonly framing: Framing;
  /** Whether the connection ends behind it. */
  readonly last: boolean;
}

/**
 * An answer's head as it is sent to a client (RFC 9112, section 4).
 * @param version the client's
 * @param last whether its connection takes no other request after this one
 * @throws as `encodeRequestHead` does
 */
export function encodeAnswerHead(head: AnswerHead, version: Version, last: boolean): EncodedAnswer {
  const framing = framingFor(head.framing, version);
  const ends = last || version === "1.0" || framing.kind === "close";
  const bytes = encodeResponseHead(head.status, head.reason, [
    ...head.fields,
    ...(ends ? [fieldOf("Connection", "close")] : []),
    ...framingFields(framing),
  ]);
  return { bytes, framing, last: ends };
}

/**
 * A response's head of these fields alone, and nothing of its connection.
 * @throws as `encodeRequestHead` does
 */
export function encodeResponseHead(status: number, reason: string, fields: readonly Field[]): Buffer {
  if (!Number.isInteger(status) || status < 100 || status > 599 || !isFieldValue(reason)) {
    throw unfit("status line");
  }
  return encoded(`HTTP/1.1 ${status} ${reason}`, fields);
}

function framingFor(framing: Framing, version: Version): Framing {
  if (framing.kind === "none" || framing.kind === "length") return framing;
  return { kind: version === "1.1" ? "chunked" : "close" };
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
