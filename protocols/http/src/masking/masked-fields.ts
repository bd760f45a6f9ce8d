import type { MaskText } from "@gatehouse/core";
import { isFieldValue } from "../codec/characters.ts";
import type { Field } from "../codec/fields.ts";
import { Fields } from "../codec/fields.ts";
import { fieldOf } from "../encode.ts";

/** What is said of a body's bytes, and is not true any more: a digest would let who has it try out what was hidden, too. */
const OF_THE_BYTES =
  /^(?:content-(?:encoding|md5|digest)|(?:repr-)?digest|accept-ranges|signature(?:-input)?|x-amz-checksum-.+|x-goog-hash|x-ms-(?:blob-)?content-(?:md5|crc64))$/;

/** How the message is framed is the gateway's own to say, and a detector that finds something in it would break that. */
const FRAMING = new Set(["content-length", "transfer-encoding", "connection", "trailer"]);

/** The fields of a message whose body is not the one that they were said of. */
export function ofChangedBody(fields: Iterable<Field>): Fields {
  const kept = [...fields].filter(({ lower }) => !OF_THE_BYTES.test(lower));
  return new Fields(kept.map((field) => (field.lower === "etag" ? weak(field) : field)));
}

/** No longer byte for byte the same for the same tag (RFC 9110, section 8.8.1). */
function weak(field: Field): Field {
  return field.value.startsWith("W/") ? field : fieldOf(field.name, `W/${field.value}`);
}

/** The same of a body in which something may be hidden. Its tag is a digest of what was there at many servers, or has its length in it. */
export function ofMaskedBody(fields: Iterable<Field>): readonly Field[] {
  return [...ofChangedBody(fields)].filter(({ lower }) => lower !== "etag");
}

/** What heads and trailers say beside the body; a field of which nothing may be left is not there. @param mask detectors */
export function maskedFields(fields: Iterable<Field>, mask: MaskText): Fields {
  const masked = [...fields].flatMap((field): readonly Field[] => {
    if (FRAMING.has(field.lower)) return [field];
    // Stores keep names that their clients choose (`x-amz-meta-`).
    if (mask(field.name) !== field.name) return [];
    const value = maskedValue(field.value, mask);
    if (value === field.value) return [field];
    return value === undefined ? [] : [fieldOf(field.name, value)];
  });
  return new Fields(masked);
}

/**
 * @param value of which each unit is a byte
 * @returns undefined where nothing may be left of it
 */
export function maskedValue(value: string, mask: MaskText): string | undefined {
  const text = Buffer.from(value, "latin1").toString("utf8");
  const masked = mask(text);
  if (masked === null) return undefined;
  // Encoded, as in a URL, or in one within that: what holds it goes as a whole.
  if (readings(masked).some((read) => mask(read) !== read)) return undefined;
  if (masked === text) return value;
  const bytes = Buffer.from(masked, "utf8").toString("latin1");
  return isFieldValue(bytes) ? bytes : undefined;
}

/** What a value says to those who decode it once or twice, and to whom a `+` in it may be a blank. */
function readings(value: string): readonly string[] {
  if (!/[%+]/.test(value)) return [];
  const once = decodedText(value);
  const twice = decodedText(once);
  const texts = [value, once, twice];
  return [...new Set([...texts, ...texts.map((text) => text.replaceAll("+", " "))])].filter(
    (text) => text !== value,
  );
}

function decodedText(text: string): string {
  const bytes = Buffer.from(text, "utf8")
    .toString("latin1")
    .replace(/%([0-9a-fA-F]{2})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));
  return Buffer.from(bytes, "latin1").toString("utf8");
}
