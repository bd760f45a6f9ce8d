import { isIPv4, isIPv6 } from "node:net";
import { GatehouseError } from "@gatehouse/core";

/** A name that a certificate is for: one entry of its subjectAltName (RFC 5280 section 4.2.1.6). */
export type SubjectName =
  | { readonly type: "dns"; readonly name: string }
  | { readonly type: "ip"; readonly name: string; readonly bytes: Uint8Array };

const MOST_NAMES = 100;

/** RFC 5280's upper bound for a common name, in characters. */
const LONGEST_COMMON_NAME = 64;

const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/**
 * Reads DNS names and IP addresses, each once. DNS names are those of RFC 1034 section 3.5, in lower case,
 * at most 253 characters; a name in another script has its `xn--` form; wildcards are not issued.
 * @throws GatehouseError CERTIFICATE_INVALID
 */
export function parseSubjectNames(names: readonly string[]): SubjectName[] {
  if (names.length > MOST_NAMES) {
    throw new GatehouseError(
      "CERTIFICATE_INVALID",
      `${names.length} names are more than one certificate may hold (${MOST_NAMES}); none was issued.`,
      { hint: "Issue several certificates." },
    );
  }
  const parsed = new Map<string, SubjectName>();
  for (const name of names) {
    const subjectName = parseSubjectName(name);
    parsed.set(subjectName.name, subjectName);
  }
  return [...parsed.values()];
}

function parseSubjectName(text: string): SubjectName {
  if (isIPv4(text)) return { type: "ip", name: text, bytes: Uint8Array.from(text.split("."), Number) };
  if (isIPv6(text) && !text.includes("%")) return ipv6(text);
  const name = text.toLowerCase();
  const labels = name.split(".");
  const last = labels.at(-1) ?? "";
  if (name.length > 253 || !labels.every((label) => LABEL.test(label)) || /^\d+$/.test(last)) {
    throw new GatehouseError(
      "CERTIFICATE_INVALID",
      `${quoted(text)} is neither a DNS name nor an IP address; no certificate was issued.`,
      { hint: "Give names as clients connect to them: db.example.com, localhost, 10.0.0.7, ::1." },
    );
  }
  return { type: "dns", name };
}

function ipv6(text: string): SubjectName {
  // The URL parser writes every form of the address in one, without an IPv4 tail.
  const name = new URL(`http://[${text}]`).hostname.slice(1, -1);
  const [before = "", after = ""] = name.split("::");
  const head = before.split(":").filter((group) => group !== "");
  const tail = after.split(":").filter((group) => group !== "");
  const zeros = Array<string>(8 - head.length - tail.length).fill("0");
  const bytes = [...head, ...zeros, ...tail].flatMap((group) => {
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 0xff];
  });
  return { type: "ip", name, bytes: Uint8Array.from(bytes) };
}

/**
 * Checks what stands as common name (CN): one to 64 characters, none of them invisible.
 * @throws GatehouseError CERTIFICATE_INVALID
 */
export function checkCommonName(name: string): void {
  const { length } = Array.from(name);
  if (length < 1 || length > LONGEST_COMMON_NAME || name !== name.trim() || /\p{C}/u.test(name)) {
    throw new GatehouseError(
      "CERTIFICATE_INVALID",
      `${quoted(name)} can't be a certificate's common name; no certificate was issued.`,
      {
        hint: `Give 1 to ${LONGEST_COMMON_NAME} characters, with no control characters and no spaces at the ends.`,
      },
    );
  }
}

/** A name as an error may show it: on one line, bounded, nothing a terminal would act on. */
export function quoted(name: string): string {
  const shown = JSON.stringify(name.slice(0, 80)).replace(/\p{C}/gu, "?");
  return name.length > 80 ? `${shown}...` : shown;
}
