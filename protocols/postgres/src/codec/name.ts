import { GatehouseError } from "@gatehouse/core";
import { type ByteReader, decodeUtf8 } from "@gatehouse/wire";

/** NAMEDATALEN - 1: of a longer name, the server takes the beginning. */
const MAX_NAME = 63;

/**
 * The name of a prepared statement or a portal. Longer ones are refused: two names that differ behind the 63rd
 * byte are one to the server, and would be two here, so that one's decision could be taken for the other's.
 * @throws GatehouseError PROTOCOL_VIOLATION
 */
export function readName(reader: ByteReader): string {
  const bytes = reader.cstringBytes();
  if (bytes.length > MAX_NAME) {
    throw new GatehouseError("PROTOCOL_VIOLATION", `a name is longer than ${MAX_NAME} bytes`);
  }
  return decodeUtf8(bytes);
}
