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
import type { AuditEvent } from "@gatehouse/core";
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

/** Bytes that a line has more than its text: the hash member and the `\n`. */
export const SEAL_LENGTH = HASH_MEMBER_LENGTH + 1;

/**
 * The text of the line that follows `prev`: all of it that is hashed.
 * @param time UTC, as `Date.prototype.toISOString` gives it.
 * @throws TypeError when the event is nothing that JSON can say.
 */
export function lineText(event: AuditEvent, time: string, prev: Head): string {
  // JSON.stringify escapes line feeds and lone surrogates, so that this is one line and valid UTF-8.
  const members = JSON.stringify(event).slice(1, -1);
  return `{"v":1,"seq":${prev.seq + 1},"time":"${time}",${members},"prev":"${prev.hash}"}`;
}

/**
 * Makes a line of a text that stands in `bytes` from `start` to `end`: hashes it, and writes the hash member over its
 * last brace and SEAL_LENGTH bytes beyond it.
 * @returns the line's hash.
 */
export function sealLine(bytes: Buffer, start: number, end: number): string {
  const hash = digest("sha256", bytes.subarray(start, end), "hex");
  bytes.write(`,"hash":"${hash}"}\n`, end - 1, "latin1");
  return hash;
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
