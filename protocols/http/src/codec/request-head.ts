import { isTarget, isToken } from "./characters.ts";
import { type Fields, parseFields } from "./fields.ts";
import { type Framing, requestFraming, type Version } from "./framing.ts";
import type { Head } from "./head.ts";
import { Malformed } from "./malformed.ts";

/** A request's head (RFC 9112, section 3). Each unit of its texts is a byte. */
export interface RequestHead {
  readonly method: string;
  /** The path and the query, as they were sent: `/a%2fb?c=d`, or `*` of an OPTIONS. */
  readonly target: string;
  /** The host and port that it is meant for, in small letters. Absent in HTTP/1.0 alone. */
  readonly authority: string | undefined;
  readonly version: Version;
  readonly fields: Fields;
  readonly framing: Framing;
}

const LONGEST_METHOD = 32;
/** RFC 9112, section 3: at least 8000 should be taken. */
const LONGEST_TARGET = 16 * 1024;

/** @throws Malformed */
export function parseRequestHead({ lines }: Head): RequestHead {
  const [line, ...rest] = lines;
  const words = line.split(" ");
  const [method = "", said = "", protocol = ""] = words;
  if (words.length !== 3) throw new Malformed("a request line that has not three words");
  checkMethod(method);
  const version = versionOf(protocol);
  checkTarget(said);
  const fields = parseFields(rest);
  const host = hostOf(fields, version);
  const { target, authority } = targetOf(method, said, host);
  return { method, target, authority, version, fields, framing: requestFraming(fields, version) };
}

/** @throws Malformed */
export function checkMethod(method: string): void {
  // A small letter is another method to a rule, and to some servers it is none other.
  if (!isToken(method) || /[a-z]/.test(method) || method.length > LONGEST_METHOD) {
    throw new Malformed("a method that is none");
  }
  // A tunnel would be a door past every rule.
  if (method === "CONNECT") throw new Malformed("no tunnels are made here");
}

/** @throws Malformed */
export function checkTarget(target: string): void {
  if (target.length > LONGEST_TARGET) throw new Malformed("the target is too long", 414);
  if (!isTarget(target)) throw new Malformed("a target with characters that no URI has");
}

function versionOf(protocol: string): Version {
  if (protocol === "HTTP/1.1") return "1.1";
  if (protocol === "HTTP/1.0") return "1.0";
  if (/^HTTP\/[0-9]\.[0-9]$/.test(protocol)) throw new Malformed("a version that is not spoken here", 505);
  throw new Malformed("a request line without a version");
}

/** Section 3.2: one, in HTTP/1.1 always. Whom it names must not be read in two ways. */
function hostOf(fields: Fields, version: Version): string | undefined {
  const host = fields.only("host")?.toLowerCase();
  if (host === undefined && version === "1.1") throw new Malformed("no host");
  if (host !== undefined && !isAuthority(host)) throw new Malformed("a host that is none");
  return host;
}

/**
 * A name, an IPv4 address or an IPv6 one in brackets, and a port. Less than RFC 3986, section 3.2, allows: nobody's name and password, no
 * list, nothing in percent signs, no port that is none.
 */
export function isAuthority(text: string): boolean {
  const match = /^(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::([1-9][0-9]{0,4}))?$/.exec(text);
  return match !== null && Number(match[1] ?? 0) <= 65_535;
}

/** The forms of section 3.2, save that of CONNECT. */
function targetOf(method: string, said: string, host: string | undefined) {
  if (said.startsWith("/")) return { target: said, authority: host };
  if (said === "*" && method === "OPTIONS") return { target: said, authority: host };
  const [, authority, target] = /^https?:\/\/([^/?]*)(.*)$/i.exec(said) ?? [];
  if (authority === undefined || target === undefined) {
    throw new Malformed("a target of a form that is not for this");
  }
  // Of the absolute form and the host, one reader takes the first and another the second (section 3.2.2).
  if (authority.toLowerCase() !== host) throw new Malformed("a target at another host than the host");
  if (target === "" && method === "OPTIONS") return { target: "*", authority: host };
  return { target: target.startsWith("/") ? target : `/${target}`, authority: host };
}
