import { GatehouseError } from "@gatehouse/core";
import { isFieldValue, isToken } from "../codec/characters.ts";
import { checkedField, type Field, isPadded, MOST_FIELDS } from "../codec/fields.ts";
import type { Framing } from "../codec/framing.ts";
import { Malformed } from "../codec/malformed.ts";

/** Fields of a connection of HTTP/1, which have no place here (RFC 9113, section 8.2.2). Whoever sends them on opens a door to smuggling. */
const OF_CONNECTION = new Set([
  ...["connection", "proxy-connection", "keep-alive", "transfer-encoding", "upgrade", "http2-settings"],
]);

/** Bytes of a header list, with 32 for each field, as SETTINGS_MAX_HEADER_LIST_SIZE counts them (section 6.5.2). */
export const LIST_LIMIT = 32 * 1024;

/**
 * Reads a header list (RFC 9113, section 8.2 and 8.3). Each rule is kept here whatever the library before it has checked.
 * @param list names and values in turns, as they came
 * @param known the pseudo-headers that may stand there, once
 * @throws Malformed
 */
export function readHeaderList(
  list: readonly string[],
  known: readonly string[],
): { readonly pseudo: ReadonlyMap<string, string>; readonly all: readonly Field[] } {
  const pseudo = new Map<string, string>();
  const all: Field[] = [];
  let size = 0;
  for (let at = 0; at < list.length; at += 2) {
    const [name = "", value = ""] = [list[at], list[at + 1]];
    // The library holds to the bound those alone who say that they have read it.
    size += name.length + value.length + 32;
    if (size > LIST_LIMIT) throw new Malformed("the head is too large", 431);
    if (!name.startsWith(":")) {
      all.push(readField(name, value));
      continue;
    }
    if (all.length > 0) throw new Malformed("a pseudo-header behind a field");
    if (!known.includes(name) || pseudo.has(name)) throw new Malformed("a pseudo-header too many");
    pseudo.set(name, value);
  }
  if (all.length > MOST_FIELDS) throw new Malformed("too many fields", 431);
  return { pseudo, all };
}

function readField(name: string, value: string): Field {
  const field = checkedField(name, value);
  if (field.lower !== name) throw new Malformed("a field with capitals");
  if (isPadded(value)) throw new Malformed(`${name} has blanks around it`);
  if (OF_CONNECTION.has(name)) throw new Malformed(`${name}, which is of HTTP/1`);
  return field;
}

/**
 * Fields as a header list has them: names in small letters, each followed by its value. A body is framed by frames; its length is said where it is known.
 * @throws GatehouseError INTERNAL where one would be two: nothing is sent
 */
export function headerList(fields: readonly Field[], framing: Framing): string[] {
  const list: string[] = [];
  for (const { name, lower, value } of fields) {
    // A NUL in a value would end it, and begin a name, on the way into the library.
    if (!isToken(name) || !isFieldValue(value)) {
      throw new GatehouseError("INTERNAL", "A field has characters that it must not have; nothing was sent.");
    }
    list.push(lower, value);
  }
  if (framing.kind === "length") list.push("content-length", String(framing.length));
  return list;
}

/** The same where the library takes an object. */
export function headerObject(fields: readonly Field[]): Record<string, string[]> {
  const values = new Map<string, string[]>();
  const list = headerList(fields, { kind: "none" });
  for (let at = 0; at < list.length; at += 2) {
    const [name = "", value = ""] = [list[at], list[at + 1]];
    values.set(name, [...(values.get(name) ?? []), value]);
  }
  return Object.fromEntries(values);
}
