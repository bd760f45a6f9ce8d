import { isUtf8 } from "node:buffer";
import { Violation } from "./violation.ts";

/** Bytes of a reason: what a control frame has room for beside the code. */
const LONGEST_REASON = 123;

/** What a close frame says. */
export interface Close {
  /** Absent where the peer gives none. */
  readonly code?: number;
  readonly reason: string;
}

/** @throws Violation where it says what must not be said (RFC 6455, section 7.4) */
export function readClose(payload: Buffer): Close {
  if (payload.length === 0) return { reason: "" };
  if (payload.length === 1) throw new Violation("half of a close code");
  const code = payload.readUInt16BE(0);
  if (!isCloseCode(code)) throw new Violation("a close code that is none");
  const reason = payload.subarray(2);
  if (!isUtf8(reason)) throw new Violation("a reason that is no UTF-8", 1007);
  return { code, reason: reason.toString("utf8") };
}

/** @param reason of which as much is said as there is room for */
export function writeClose({ code, reason }: Close): Buffer {
  if (code === undefined) return Buffer.alloc(0);
  const said = Buffer.from(shortened(reason, LONGEST_REASON), "utf8");
  const payload = Buffer.allocUnsafe(2 + said.length);
  payload.writeUInt16BE(code, 0);
  said.copy(payload, 2);
  return payload;
}

/** A reason with the reference behind it, whole however long the message is. */
export function closeReason({
  message,
  reference,
}: {
  readonly message: string;
  readonly reference: string;
}): string {
  const end = ` (${reference})`;
  return shortened(message, LONGEST_REASON - Buffer.byteLength(end)) + end;
}

/** Those of section 7.4.1 and of IANA's list that may stand in a frame, and those that are for libraries and applications. */
function isCloseCode(code: number): boolean {
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

/** As much of it as fits into so many bytes, without half a character. */
function shortened(text: string, bytes: number): string {
  const whole = Buffer.from(text, "utf8");
  let end = Math.min(whole.length, bytes);
  // A byte of the form 10xxxxxx goes on a character.
  while (end < whole.length && end > 0 && ((whole[end] ?? 0) & 0xc0) === 0x80) end--;
  return whole.toString("utf8", 0, end);
}
