import { isUtf8 } from "node:buffer";

/**
 * The text that percent-encoded bytes stand for (RFC 3986, section 2.1).
 * @param text of which each unit is a byte
 * @returns undefined where an escape is none, or the bytes are no UTF-8: an overlong form is a slash to some readers
 */
export function decodeEscapes(text: string): string | undefined {
  if (/%(?![0-9a-fA-F]{2})/.test(text)) return undefined;
  const bytes = Buffer.from(
    text.replace(/%(..)/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16))),
    "latin1",
  );
  return isUtf8(bytes) ? bytes.toString("utf8") : undefined;
}
