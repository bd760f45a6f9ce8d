import type { MaskAscii, Transform } from "@gatehouse/core";
import { MAX_ADDRESS, MAX_PHONE, MIN_LOCAL_PART, MIN_TEXT, shownOfPhone } from "./partial.ts";

/*
 * What `partial` does, from bytes to bytes, for values as they mostly are. Where rows stream by, making texts of them and
 * bytes of the texts takes longer than all else. What is only a little unusual is left to `partial`.
 */

const NOT_DONE = -1;
const AT = 0x40;
const DOT = 0x2e;
const PLUS = 0x2b;
const STAR = 0x2a;

/** What an ASCII character may be a part of, in an address and in a telephone number. */
const LETTER = 1;
const DIGIT = 2;
const OF_LOCAL_PART = 4;
const OF_LABEL = 8;
const OF_PHONE = 16;
/** By the byte; those that are not ASCII are a part of nothing. */
const CLASSES = Uint8Array.from({ length: 256 }, (_, code) => {
  const character = code < 128 ? String.fromCharCode(code) : "";
  return (
    (/[a-z]/i.test(character) ? LETTER : 0) |
    (/[0-9]/.test(character) ? DIGIT : 0) |
    (/[a-z0-9!#$%&'+/=?^_`{|}~.-]/i.test(character) ? OF_LOCAL_PART : 0) |
    (/[a-z0-9-]/i.test(character) ? OF_LABEL : 0) |
    (/[0-9 ().\-/]/.test(character) ? OF_PHONE : 0)
  );
});

/** Undefined for transforms of which there is no such form. */
export function maskAscii(transform: Transform): MaskAscii | undefined {
  return transform.kind === "partial" ? FORMS[transform.of] : undefined;
}

const FORMS: Readonly<Record<Extract<Transform, { kind: "partial" }>["of"], MaskAscii | undefined>> = {
  email,
  phone,
  text,
  card: undefined,
};

function email(bytes: Uint8Array, start: number, end: number, out: Uint8Array, at: number): number {
  let sign = start;
  while (sign < end && is(OF_LOCAL_PART, bytes, sign)) sign++;
  const local = sign - start;
  if (local < MIN_LOCAL_PART || local > 64 || end - start > MAX_ADDRESS) return NOT_DONE;
  if (bytes[sign] !== AT || !is(LETTER | DIGIT, bytes, start) || !isDomain(bytes, sign + 1, end)) {
    return NOT_DONE;
  }
  let written = letterAndStars(bytes, start, out, at);
  for (let from = sign; from < end; from++) out[written++] = bytes[from] ?? 0;
  return written;
}

function isDomain(bytes: Uint8Array, start: number, end: number): boolean {
  if (!is(LETTER | DIGIT, bytes, start)) return false;
  let dots = 0;
  let label = start;
  let onlyLetters = true;
  for (let at = start; at < end; at++) {
    if (is(OF_LABEL, bytes, at)) {
      onlyLetters &&= is(LETTER, bytes, at);
    } else {
      if (bytes[at] !== DOT || at === label || at - label > 63) return false;
      dots++;
      label = at + 1;
      onlyLetters = true;
    }
  }
  return dots > 0 && dots <= 20 && onlyLetters && end - label >= 2 && end - label <= 63;
}

function phone(bytes: Uint8Array, start: number, end: number, out: Uint8Array, at: number): number {
  if (end - start > MAX_PHONE) return NOT_DONE;
  let digits = 0;
  for (let from = start; from < end; from++) {
    if (!is(OF_PHONE, bytes, from) && (from > start || bytes[from] !== PLUS)) return NOT_DONE;
    if (is(DIGIT, bytes, from)) digits++;
  }
  const shown = shownOfPhone(digits);
  if (shown === undefined) return NOT_DONE;
  let hidden = digits - shown;
  let written = at;
  for (let from = start; from < end; from++) {
    out[written++] = is(DIGIT, bytes, from) && hidden-- > 0 ? STAR : (bytes[from] ?? 0);
  }
  return written;
}

function text(bytes: Uint8Array, start: number, end: number, out: Uint8Array, at: number): number {
  if (end - start < MIN_TEXT) return NOT_DONE;
  for (let from = start; from < start + MIN_TEXT; from++) if ((bytes[from] ?? 0) > 127) return NOT_DONE;
  return letterAndStars(bytes, start, out, at);
}

function letterAndStars(bytes: Uint8Array, start: number, out: Uint8Array, at: number): number {
  out[at] = bytes[start] ?? 0;
  out[at + 1] = STAR;
  out[at + 2] = STAR;
  out[at + 3] = STAR;
  return at + 4;
}

function is(what: number, bytes: Uint8Array, at: number): boolean {
  return ((CLASSES[bytes[at] ?? 255] ?? 0) & what) !== 0;
}
