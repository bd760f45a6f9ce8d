import { GatehouseError } from "@gatehouse/core";
import { type ByteReader, decodeUtf8 } from "@gatehouse/wire";

/** NAMEDATALEN - 1: of a longer name, the server takes the beginning. */
const MAX_NAME = 63;

/**
 * The name of a prepared statement or a portal, as the server knows it: two names that differ behind the 63rd byte
 * are one to it, and must be one here, or one's decision could be taken for the other's.
 * @throws GatehouseError PROTOCOL_VIOLATION for a longer one that is not ASCII: in the server's own encoding its 63
 * bytes may end elsewhere.
 */
export function readName(reader: ByteReader): string {
  const bytes = reader.cstringBytes();
  if (bytes.length === 0) return "";
  if (bytes.length <= MAX_NAME) return decodeUtf8(bytes);
  if (bytes.some((byte) => byte > 0x7f)) {
    throw new GatehouseError(
      "PROTOCOL_VIOLATION",
      `a name that is not ASCII is longer than ${MAX_NAME} bytes`,
    );
  }
  return bytes.toString("latin1", 0, MAX_NAME);
}
