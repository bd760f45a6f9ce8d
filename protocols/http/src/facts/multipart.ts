import { isUtf8 } from "node:buffer";
import { type Fields, parseFields } from "../codec/fields.ts";
import { Malformed } from "../codec/malformed.ts";

/** One part of a form; what is not said of it is empty. */
export interface FormPart {
  readonly name: string;
  readonly filename: string;
  /** As it is written, in small letters. */
  readonly type: string;
}

const MOST = 200;
const LONGEST_HEAD = 8 * 1024;
/** RFC 2046, section 5.1.1. */
const BOUNDARY = /^[0-9a-z'()+_,./:=? -]{0,69}[0-9a-z'()+_,./:=?-]$/i;
const DISPOSITION = /^form-data(?:; ?(?:name|filename)="[^"\\]*")+$/;

/**
 * Reads what parts a form has (RFC 7578). Parsers do not agree on much of the grammar, so it is taken in the one form that clients write:
 * nothing before the first boundary or behind the last one, one disposition for each part, names in quotes without escapes.
 * @returns undefined where it is anything else
 */
export function readMultipart(bytes: Buffer, boundary: string | undefined): readonly FormPart[] | undefined {
  if (boundary === undefined || !BOUNDARY.test(boundary)) return undefined;
  const first = Buffer.from(`--${boundary}\r\n`, "latin1");
  const next = Buffer.from(`\r\n--${boundary}`, "latin1");
  if (!bytes.subarray(0, first.length).equals(first)) return undefined;
  const parts: FormPart[] = [];
  for (let at = first.length; ; ) {
    const end = bytes.indexOf(next, at);
    const part = end === -1 ? undefined : readPart(bytes.subarray(at, end));
    if (part === undefined || parts.length === MOST) return undefined;
    parts.push(part);
    at = end + next.length + 2;
    const behind = bytes.toString("latin1", at - 2, at);
    if (behind === "--") return /^(?:\r\n)?$/.test(bytes.toString("latin1", at, at + 3)) ? parts : undefined;
    if (behind !== "\r\n") return undefined;
  }
}

function readPart(bytes: Buffer): FormPart | undefined {
  const end = bytes.indexOf("\r\n\r\n", 0, "latin1");
  if (end === -1 || end > LONGEST_HEAD || !isUtf8(bytes.subarray(0, end))) return undefined;
  const fields = fieldsOf(bytes.toString("latin1", 0, end));
  const [disposition, ...more] = fields?.all("content-disposition") ?? [];
  const [type = "", ...types] = fields?.all("content-type") ?? [];
  if (disposition === undefined || more.length + types.length > 0) return undefined;
  // A `filename*` beside the `filename` is read by some alone.
  if (!DISPOSITION.test(disposition)) return undefined;
  const said = [...disposition.matchAll(/(name|filename)="([^"]*)"/g)];
  const values = new Map(said.map(([, key = "", value = ""]) => [key, textOf(value)]));
  const name = values.get("name");
  if (name === undefined || values.size < said.length) return undefined;
  return { name, filename: values.get("filename") ?? "", type: type.toLowerCase() };
}

function fieldsOf(head: string): Fields | undefined {
  const lines = head.split("\r\n");
  if (lines.some((line) => /[\r\n]/.test(line))) return undefined;
  try {
    return parseFields(lines);
  } catch (error) {
    if (error instanceof Malformed) return undefined;
    throw error;
  }
}

/** @param latin1 of UTF-8 */
function textOf(latin1: string): string {
  return Buffer.from(latin1, "latin1").toString("utf8");
}
