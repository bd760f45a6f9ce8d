import type { Transform } from "@gatehouse/core";
import { digitsOf, luhn } from "./check-digits.ts";

type Kind = Extract<Transform, { kind: "partial" }>["of"];

/** RFC 5321, section 4.5.3.1: 64 of the local part, 255 of the domain, and the @. */
export const MAX_ADDRESS = 320;
const MAX_CARD = 40;
export const MAX_PHONE = 40;
/** Of fewer letters one would be too much of the whole. */
export const MIN_LOCAL_PART = 3;
export const MIN_TEXT = 4;
const STARS = "***";

/** One address and nothing else: what stands beside it would be shown with the domain. */
const ADDRESS =
  /^[\p{L}\p{N}][\p{L}\p{N}\p{M}!#$%&'+/=?^_`{|}~.-]{0,63}@(?=[\p{L}\p{N}])(?:[\p{L}\p{N}\p{M}-]{1,63}\.){1,20}(?:\p{L}{2,63}|xn--[a-z0-9-]{1,59})$/u;
const CARD = /^[0-9]+(?:[ -][0-9]+)*$/;
const PHONE = /^\+?[0-9 ().\-/]+$/;

/**
 * Hides all but a part. Undefined where the value is not of that kind: which part of it tells nothing is then not
 * known, and it has to be hidden whole.
 */
export function partial(value: string, of: Kind): string | undefined {
  switch (of) {
    case "email":
      return email(value);
    case "card":
      return card(value);
    case "phone":
      return phone(value);
    case "text":
      return text(value);
  }
}

/** `ada@example.com` -> `a***@example.com`, and `ad@example.com` -> `***@example.com`. */
function email(value: string): string | undefined {
  if (value.length > MAX_ADDRESS || !ADDRESS.test(value)) return undefined;
  const at = value.indexOf("@");
  const shown = hasLetters(value.slice(0, at), MIN_LOCAL_PART) ? firstLetter(value) : "";
  return shown + STARS + value.slice(at);
}

/** `4111 1111 1111 1111` -> `**** **** **** 1111`. The check digit says that it is a card's number and not another's. */
function card(value: string): string | undefined {
  if (value.length > MAX_CARD || !CARD.test(value)) return undefined;
  const digits = digitsOf(value);
  if (digits.length < 12 || digits.length > 19 || !luhn(digits)) return undefined;
  return keepLast(value, 4);
}

/** `+49 30 1234567` -> `+** ** ***4567`. Of a shorter number less stays: 3 digits of 8 or 9, 2 of 7. */
function phone(value: string): string | undefined {
  if (value.length > MAX_PHONE || !PHONE.test(value)) return undefined;
  const shown = shownOfPhone(countDigits(value));
  return shown === undefined ? undefined : keepLast(value, shown);
}

/** How many digits stay of a telephone number's; undefined where it is none. */
export function shownOfPhone(digits: number): number | undefined {
  // E.164 has 15 digits at the most; below 7 a number is an extension, and nearly all of it would stay.
  if (digits < 7 || digits > 15) return undefined;
  return digits >= 10 ? 4 : digits >= 8 ? 3 : 2;
}

/** `Lovelace` -> `L***`, however long it is. */
function text(value: string): string | undefined {
  return hasLetters(value, MIN_TEXT) ? firstLetter(value) + STARS : undefined;
}

/** Whether it has so many. A letter has one or two UTF-16 units. */
function hasLetters(value: string, count: number): boolean {
  return value.length >= 2 * count || Array.from(value).length >= count;
}

function firstLetter(value: string): string {
  return String.fromCodePoint(value.codePointAt(0) ?? 0);
}

/** Of the digits, so many stay; what stands between them does. It has more digits than that. */
function keepLast(value: string, count: number): string {
  let end = value.length;
  for (let left = count; left > 0; end--) if (isDigit(value, end - 1)) left--;
  let hidden = "";
  for (let at = 0; at < end; at++) hidden += isDigit(value, at) ? "*" : value.charAt(at);
  return hidden + value.slice(end);
}

function countDigits(value: string): number {
  let count = 0;
  for (let at = 0; at < value.length; at++) if (isDigit(value, at)) count++;
  return count;
}

function isDigit(value: string, at: number): boolean {
  const code = value.charCodeAt(at);
  return code >= 0x30 && code <= 0x39;
}
