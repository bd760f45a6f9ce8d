import { Malformed } from "./codec/malformed.ts";
import { decodeEscapes } from "./facts/escapes.ts";
import { type Parameter, readParameters } from "./facts/parameters.ts";

/*
 * What a request asks for, in one form. Servers do not agree on which paths are the same one, so a path is brought into one form before
 * any rule sees it, and that form is what is sent: nobody behind the gateway reads another path than the one that was decided on. What
 * has no such form is refused.
 */

/** What a request asks for. */
export interface RequestTarget {
  /** The path as it is sent: `/a%20b/c`, or `*`. Each unit is a byte. */
  readonly path: string;
  /** The parts between its slashes, decoded; of `/a/` they are those of `/a`. */
  readonly segments: readonly string[];
  /** The query as it is sent, without its question mark; undefined where there is none. */
  readonly query: string | undefined;
  readonly parameters: readonly Parameter[];
}

interface Segment {
  readonly sent: string;
  readonly text: string;
}

/**
 * @param target of a request line, in origin form or `*`
 * @throws Malformed where two servers could read it differently
 */
export function readTarget(target: string): RequestTarget {
  if (target === "*") return { path: "*", segments: [], query: undefined, parameters: [] };
  // What is not ASCII, each server decodes as it likes; a backslash is a slash to some, and a fragment is not sent.
  if (!/^[!-~]*$/.test(target) || /[\\#]/.test(target)) {
    throw new Malformed("a target with characters that no URI has");
  }
  const mark = target.indexOf("?");
  const { path, segments } = readPath(mark === -1 ? target : target.slice(0, mark));
  return { path, segments, ...readQuery(mark === -1 ? undefined : target.slice(mark + 1)) };
}

/** As it stands in a request line. */
export function writeTarget({ path, query }: Pick<RequestTarget, "path" | "query">): string {
  return query === undefined ? path : `${path}?${query}`;
}

/** The decoded path: what the servers that decode see. */
export function pathText({ path, segments }: RequestTarget): string {
  if (path === "*") return "*";
  return `/${segments.join("/")}${segments.length > 0 && path.endsWith("/") ? "/" : ""}`;
}

/** Whether some of the path would be decoded again by a server that decodes twice: `%252e` is kept, and is no dot here. */
export function isEncodedTwice({ segments }: RequestTarget): boolean {
  return segments.some((text) => /%[0-9a-fA-F]{2}/.test(text));
}

/**
 * Takes the first segment off, which names whom the rest is for.
 * @returns undefined where there is none: `/`, `*`
 */
export function underFirst(
  target: RequestTarget,
): { readonly first: string; readonly rest: RequestTarget } | undefined {
  const [first, ...segments] = target.segments;
  if (first === undefined) return undefined;
  const slash = target.path.indexOf("/", 1);
  return { first, rest: { ...target, segments, path: slash === -1 ? "/" : target.path.slice(slash) } };
}

/** RFC 3986, section 6.2.2, and no empty segments. Slashes are merged before dots are followed. */
function readPath(path: string): Pick<RequestTarget, "path" | "segments"> {
  if (!path.startsWith("/")) throw new Malformed("a path that does not begin with a slash");
  // To servlet containers `/admin;x` is `/admin`, and `/..;/` goes up.
  if (path.includes(";")) throw new Malformed("a path with parameters");
  const parts = path.slice(1).split("/");
  const kept: Segment[] = [];
  for (const part of parts) {
    if (part === "" || part === ".") continue;
    if (part !== "..") kept.push(readSegment(part));
    else if (kept.pop() === undefined) throw new Malformed("a path that leads out of its root");
  }
  const closed = kept.length > 0 && ["", ".", ".."].includes(parts.at(-1) ?? "");
  return {
    path: `/${kept.map(({ sent }) => sent).join("/")}${closed ? "/" : ""}`,
    segments: kept.map(({ text }) => text),
  };
}

/** What is itself in each form, and is no dot: most segments are nothing else. */
const PLAIN = /^[A-Za-z0-9_-][\w.~!$&'()*+,=:@-]*$/;

function readSegment(part: string): Segment {
  if (PLAIN.test(part)) return { sent: part, text: part };
  const text = decodeEscapes(part);
  if (text === undefined) throw new Malformed("a path with an escape that is none");
  // Some readers fold a wide slash or dot into the plain one, after they have looked for those.
  const folded = text.normalize("NFKC");
  if (/[/\\\p{Cc}]/u.test(folded)) {
    throw new Malformed("a path with an encoded slash, backslash or control character");
  }
  if (/^\.{1,2}(?:;|$)/.test(folded)) throw new Malformed("a path with an encoded dot segment");
  return { sent: part.replace(/%..|[^%]/g, oneForm), text };
}

/** One character, or an escape, in the only form that is sent. */
function oneForm(one: string): string {
  if (one.length === 1) return /[\w.~!$&'()*+,=:@-]/.test(one) ? one : escapeOf(one);
  const character = String.fromCharCode(Number.parseInt(one.slice(1), 16));
  return /[\w.~-]/.test(character) ? character : one.toUpperCase();
}

function escapeOf(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`;
}

function readQuery(said: string | undefined): Pick<RequestTarget, "query" | "parameters"> {
  if (said === undefined) return { query: undefined, parameters: [] };
  // Some servers cut at it. Escaped, it is a part of the value to all of them.
  const query = said.replaceAll(";", "%3B");
  const parameters = readParameters(query);
  if (parameters === undefined) throw new Malformed("a query that can't be decoded");
  return { query, parameters };
}
