/**
 * One line of the audit log, format version 1. docs/audit-log.md says the same for auditors.
 *
 *     {"v":1,"seq":7,"time":"2026-11-20T10:15:30.123Z",<the event's members>,"prev":"<64 hex>","hash":"<64 hex>"}\n
 *
 * - UTF-8, no white space outside of strings, members in this order, ended by `\n` and by nothing else.
 * - `seq` is 1 in the first line and one more in each line after it.
 * - `time` is UTC, with milliseconds.
 * - `prev` is the `hash` of the line before; 64 zeros in the first line.
 * - `hash` is the SHA-256 of the line's own bytes without `,"hash":"<64 hex>"` and without the `\n`. It is over
 *   bytes as they stand in the file, so a verifier needs no canonical form of JSON.
 */
import { isUtf8 } from "node:buffer";
import { hash as digest } from "node:crypto";
import type { Head } from "./head.ts";

/** Bytes of one line with its `\n`, at the most: whoever reads the log may rely on it. */
export const MAX_LINE = 4 * 1024 * 1024;

const BEGINNING =
  /^\{"v":([0-9]{1,9}),"seq":([1-9][0-9]{0,15}),"time":"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)",/;
/** Longer than the longest beginning. */
const BEGINNING_LENGTH = 88;

const PREV_OPENS = ',"prev":"';
const HASH_OPENS = '","hash":"';
const LINE_CLOSES = '"}';
const HEX_LENGTH = 64;
const HASH_MEMBER_LENGTH = ',"hash":""'.length + HEX_LENGTH;
const ENDING_LENGTH = PREV_OPENS.length + HEX_LENGTH + HASH_OPENS.length + HEX_LENGTH + LINE_CLOSES.length;
const PREV_AT = PREV_OPENS.length;
const HASH_AT = PREV_AT + HEX_LENGTH + HASH_OPENS.length;

const CLOSE = Buffer.from("}");

/** The parts of a line that are the same in each. */
const SEQ_OPENS = Buffer.from('{"v":1,"seq":');
const TIME_OPENS = Buffer.from(',"time":"');
const PREV = Buffer.from(PREV_OPENS);
const HASH = Buffer.from(',"hash":"');
const ENDS = Buffer.from('"}\n');
const QUOTE = 0x22;
const COMMA = 0x2c;
const TIME_LENGTH = "2026-11-20T10:15:30.123Z".length;
/** Bytes that a line has beside its number and its event's members: the two braces of the event stand for two commas. */
const FRAME_LENGTH =
  SEQ_OPENS.length + TIME_OPENS.length + TIME_LENGTH + '"'.length + ENDING_LENGTH - ",".length + "\n".length;

/** Bytes of the line that `writeLine` makes of this. */
export function lineLength(event: string, seq: number): number {
  return FRAME_LENGTH + String(seq).length + Buffer.byteLength(event);
}

/**
 * Writes the line that follows `prev` to `bytes`, from `start` on, where there is room for `lineLength` bytes.
 * It is put together in place: a text of all its parts would be copied twice more, for each command.
 * @param event as JSON.stringify writes it. That escapes line feeds and lone surrogates, so that this is one line and
 * valid UTF-8.
 * @param time UTC, as `Date.prototype.toISOString` gives it.
 * @returns the line's hash.
 */
export function writeLine(bytes: Buffer, start: number, event: string, time: string, prev: Head): string {
  let at = put(bytes, start, SEQ_OPENS);
  at += bytes.write(String(prev.seq + 1), at);
  at = put(bytes, at, TIME_OPENS);
  at += bytes.write(time, at);
  bytes[at++] = QUOTE;
  // The event's members go on behind the time: its opening brace becomes a comma, and `prev` begins on its closing one.
  const opening = at;
  at += bytes.write(event, at) - 1;
  bytes[opening] = COMMA;
  at = put(bytes, at, PREV);
  at += bytes.write(prev.hash, at);
  bytes[at++] = QUOTE;
  at = put(bytes, at, CLOSE);
  const hash = digest("sha256", bytes.subarray(start, at), "hex");
  at = put(bytes, at - CLOSE.length, HASH);
  at += bytes.write(hash, at);
  put(bytes, at, ENDS);
  return hash;
}

/** @returns where the part ends. */
function put(bytes: Buffer, at: number, part: Buffer): number {
  bytes.set(part, at);
  return at + part.length;
}

/** What one line says of its place in the chain, or why it is no line of a log. */
type LineReading =
  | {
      readonly ok: true;
      readonly seq: number;
      readonly time: string;
      readonly prev: string;
      readonly hash: string;
    }
  | {
      readonly ok: false;
      readonly problem: "malformed" | "version" | "edited";
      readonly seq?: number;
      /** What is wrong with it, to follow "Line 7". */
      readonly message: string;
    };

/**
 * Reads one line, checks its form and its own hash; whether it fits the line before is the caller's to say.
 * @param line its bytes without the `\n`.
 */
export function readLine(line: Buffer): LineReading {
  const [, version, digits, time] = BEGINNING.exec(line.toString("latin1", 0, BEGINNING_LENGTH)) ?? [];
  const seq = Number(digits);
  if (time === undefined || !Number.isSafeInteger(seq)) return malformed(line);
  if (version !== "1") {
    const message = `says format version ${version ?? "?"}, which is not 1: it was edited, or a newer Gatehouse wrote it`;
    return { ok: false, problem: "version", seq, message };
  }
  const ending = line.toString("latin1", Math.max(0, line.length - ENDING_LENGTH));
  const prev = ending.slice(PREV_AT, PREV_AT + HEX_LENGTH);
  const hash = ending.slice(HASH_AT, HASH_AT + HEX_LENGTH);
  // What the two values are is left to the comparisons: one with the digest, one with the line before.
  if (ending !== PREV_OPENS + prev + HASH_OPENS + hash + LINE_CLOSES) return malformed(line, seq);
  const hashed = Buffer.concat([line.subarray(0, line.length - HASH_MEMBER_LENGTH - 1), CLOSE]);
  if (digest("sha256", hashed, "hex") !== hash) {
    return { ok: false, problem: "edited", seq, message: "was edited: its own hash does not fit it" };
  }
  // A forger can hash anything: what passes must also be readable by whoever parses a verified log.
  return isJsonObject(line) ? { ok: true, seq, time, prev, hash } : malformed(line, seq);
}

function isJsonObject(line: Buffer): boolean {
  if (!isUtf8(line)) return false;
  try {
    const value: unknown = JSON.parse(line.toString());
    return typeof value === "object" && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}

function malformed(line: Buffer, seq?: number): LineReading {
  const message = isJsonObject(line)
    ? "does not have the members of a line of an audit log, in their order: it was edited or put there"
    : "is not JSON: it was edited, cut or put there";
  return { ok: false, problem: "malformed", message, ...(seq === undefined ? {} : { seq }) };
}
