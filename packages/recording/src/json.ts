import { isUtf8 } from "node:buffer";

/**
 * Text as JSON, quickly: a string of which each unit is one byte of the line's UTF-8. JSON escapes nothing above 0x7F, so
 * that bytes that are UTF-8 already need not be decoded; and a string of one-byte units is the cheapest that V8 has.
 */
export type Bytes = string;

/** The bytes as a JSON string. What is no UTF-8 becomes U+FFFD. */
export function jsonOfBytes(bytes: Buffer): Bytes {
  return JSON.stringify(isUtf8(bytes) ? bytes.toString("latin1") : inBytes(bytes.toString("utf8")));
}

export function jsonOf(value: unknown): Bytes {
  return inBytes(JSON.stringify(value));
}

function inBytes(text: string): Bytes {
  return Buffer.from(text, "utf8").toString("latin1");
}
