import { isUtf8 } from "node:buffer";
import { Secret } from "@gatehouse/core";

/** Above this it is no password, token, key or chain of certificates. */
export const MAX_SECRET_BYTES = 64 * 1024;

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/**
 * The secret in a file's bytes, or a program's: UTF-8, without the one newline that editors and `echo` leave at its end.
 * It never becomes a string here, since a string can't be wiped.
 * @param unavailable makes the error of what is wrong with them
 */
export function secretOf(bytes: Buffer, unavailable: (what: string) => Error): Secret {
  if (bytes.length > MAX_SECRET_BYTES) throw unavailable("is larger than 64 KiB");
  if (!isUtf8(bytes)) throw unavailable("is not UTF-8 text");
  const value = withoutNewline(bytes);
  if (value.length === 0) throw unavailable("is empty");
  return new Secret(value);
}

function withoutNewline(bytes: Buffer): Buffer {
  if (bytes.at(-1) !== LINE_FEED) return bytes;
  return bytes.subarray(0, bytes.at(-2) === CARRIAGE_RETURN ? -2 : -1);
}
