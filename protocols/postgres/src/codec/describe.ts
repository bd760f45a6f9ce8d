import { GatehouseError } from "@gatehouse/core";
import { ByteReader, ByteWriter } from "@gatehouse/wire";
import { frame } from "./framing.ts";
import { type Decode, decodeUtf8, readName } from "./name.ts";

/*
 * Describe (F), Close (F)
 *   Byte1('D' or 'C')  Int32 length
 *   Byte1              'S' a prepared statement, 'P' a portal
 *   String             its name
 */
export interface NamedObject {
  readonly object: "statement" | "portal";
  readonly name: string;
}

/**
 * @param decode reads names, in the encoding of the session
 * @throws GatehouseError PROTOCOL_VIOLATION
 */
export function decodeNamedObject(body: Buffer, decode: Decode = decodeUtf8): NamedObject {
  const reader = new ByteReader(body);
  const kind = String.fromCharCode(reader.uint8());
  const name = readName(reader, decode);
  reader.end();
  if (kind === "S") return { object: "statement", name };
  if (kind === "P") return { object: "portal", name };
  throw new GatehouseError("PROTOCOL_VIOLATION", "a message names neither a statement nor a portal");
}

/** @param letter "D" for Describe, "C" for Close */
export function encodeNamedObject(letter: "D" | "C", object: NamedObject["object"], name: string): Buffer {
  const kind = object === "statement" ? "S" : "P";
  return frame(letter, new ByteWriter().uint8(kind.charCodeAt(0)).cstring(name).toBuffer());
}
