import type { Transform } from "@gatehouse/core";
import { digitsOf, luhn } from "./check-digits.ts";

type Kind = Extract<Transform, { kind: "partial" }>["of"];

/** RFC 5321, section 4.5.3.1: 64 of the local part, 255 of the domain, and the @. */
const MAX_ADDRESS = 320;
const MAX_CARD = 40;
const MAX_PHONE = 40;
/** Of fewer letters one would be too much of the whole. */
const MIN_LOCAL_PART = 3;
const MIN_TEXT = 4;
const STARS = "***";

/** One address and nothing else: what stands beside it would be shown with the domain. */
const ADDRESS =
  /^([\p{L}\p{N}][\p{L}\p{N}\p{M}!#$%&'+/=?^_`{|}~.-]{0,63})@([\p{L}\p{N}][\p{L}\p{N}\p{M}.-]*)$/u;
const DOMAIN = /^(?:[\p{L}\p{N}\p{M}-]{1,63}\.){1,20}(?:\p{L}{2,63}|xn--[a-z0-9-]{1,59})$/u;
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
  if (value.length > MAX_ADDRESS) return undefined;
  const [, local = "", domain = ""] = ADDRESS.exec(value) ?? [];
  if (!DOMAIN.test(domain)) return undefined;
  const letters = Array.from(local);
  return `${letters.length < MIN_LOCAL_PART ? "" : letters[0]}${STARS}@${domain}`;
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
  const { length } = digitsOf(value);
  // E.164 has 15 digits at the most; below 7 a number is an extension, and nearly all of it would stay.
  if (length < 7 || length > 15) return undefined;
  return keepLast(value, length >= 10 ? 4 : length >= 8 ? 3 : 2);
}

/** `Lovelace` -> `L***`, however long it is. */
function text(value: string): string | undefined {
  // A letter has one or two UTF-16 units, so that these hold enough of them.
  const letters = Array.from(value.slice(0, 2 * MIN_TEXT));
  return letters.length < MIN_TEXT ? undefined : `${letters[0]}${STARS}`;
}

function keepLast(value: string, count: number): string {
  let hidden = digitsOf(value).length - count;
  return value.replace(/[0-9]/g, (digit) => (hidden-- > 0 ? "*" : digit));
}
