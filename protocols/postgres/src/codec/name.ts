import { isAscii, isUtf8 } from "node:buffer";
import { GatehouseError } from "@gatehouse/core";
import type { ByteReader } from "@gatehouse/wire";

/** Bytes of a client's -> the text that they are in the session's encoding; undefined where they are none. */
export type Decode = (bytes: Buffer) => string | undefined;

/** For what is said before there is a session. */
export const decodeUtf8: Decode = (bytes) => (isUtf8(bytes) ? bytes.toString("utf8") : undefined);

/** NAMEDATALEN - 1: of a longer name, the server takes the beginning. */
const MAX_NAME = 63;

/**
 * The name of a prepared statement or a portal, as the server knows it. Two that are one to the server must be one here,
 * and two that are not must not be one, or one's decision could be taken for the other's.
 * @throws GatehouseError PROTOCOL_VIOLATION for one that is no text in the session's encoding, and for a longer one that is
 * not ASCII: in the server's own encoding its 63 bytes may end elsewhere
 */
export function readName(reader: ByteReader, decode: Decode): string {
  const bytes = reader.cstringBytes();
  if (bytes.length === 0) return "";
  if (isAscii(bytes)) return bytes.toString("latin1", 0, MAX_NAME);
  const name = decode(bytes);
  if (name === undefined) throw new GatehouseError("PROTOCOL_VIOLATION", "invalid byte sequence in a name");
  if (Buffer.byteLength(name) > MAX_NAME) {
    throw new GatehouseError(
      "PROTOCOL_VIOLATION",
      `a name that is not ASCII is longer than ${MAX_NAME} bytes`,
    );
  }
  return name;
}
