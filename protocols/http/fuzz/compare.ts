import { METHODS } from "node:http";
import { isDeepStrictEqual } from "node:util";
import {
  type ReadRequest,
  type ReadResponse,
  type Reading,
  readRequests,
  readResponses,
} from "../test/codec/reading.ts";
import { type Heard, type Hearing, type NodeServer, readAsClient } from "./llhttp.ts";

/** llhttp refuses all methods but those of its list; and it has one that is of another protocol than this. */
const KNOWN = new Set(METHODS.filter((method) => method !== "SOURCE"));

/** What is wrong with trailers: ours looks when all of them are there, and llhttp at each. */
const SEEN_LATER = new Set([
  ...["HPE_INVALID_HEADER_TOKEN", "HPE_INVALID_TRANSFER_ENCODING"],
  ...["HPE_INVALID_CONTENT_LENGTH", "HPE_UNEXPECTED_CONTENT_LENGTH"],
]);

/** How a reading of ours stands to that of llhttp. */
export interface Comparison {
  /** What is wrong; undefined where nothing is. */
  readonly difference?: string;
  /** Messages that both have read. */
  readonly same: number;
}

/** The same of both. */
interface Plain {
  readonly start: string;
  readonly fields: string;
  readonly body: string;
  readonly trailers: string;
}

/**
 * Requests that ours takes must be the same to llhttp, and what it waits for must be waited for there. Of what ours refuses, that alone
 * which it has read before counts.
 */
export async function compareRequests(
  server: Pick<NodeServer, "read">,
  pieces: readonly Buffer[],
): Promise<Comparison> {
  const ours = readRequests(pieces);
  const cut = differenceOfCut(ours, readRequests([Buffer.concat(pieces)]));
  if (cut !== undefined) return { difference: cut, same: 0 };
  const { unfinished, malformed } = ours;
  const begun = typeof unfinished === "object" ? [...ours.messages, unfinished] : ours.messages;
  const unknown = begun.findIndex(({ method }) => !KNOWN.has(method));
  const known = ours.messages.slice(0, unknown === -1 ? undefined : unknown);
  const last = known.findIndex(isLast);
  const messages = last === -1 ? known : known.slice(0, last + 1);
  const open = unknown === -1 && last === -1 && malformed === undefined;
  // Of a head that has not ended only the lines' ends have been looked at.
  const terms = { open, mayRefuse: !open || unfinished === "head" };
  const heard = await server.read(pieces);
  // Node, told of the preface of HTTP/2, leaves the message before it without its end.
  const preface = heard.messages.findIndex(({ method }) => method === "PRI");
  const told = preface === -1 ? messages : messages.slice(0, Math.max(0, preface - 1));
  return compare(told.map(plainRequest), heard, plainHeard, terms);
}

/** The same for the response to a request of this method, and for the informational ones before it. */
export async function compareResponses(method: string, pieces: readonly Buffer[]): Promise<Comparison> {
  const ours = readResponses(pieces, [method]);
  const cut = differenceOfCut(ours, readResponses([Buffer.concat(pieces)], [method]));
  if (cut !== undefined) return { difference: cut, same: 0 };
  // What comes behind 101 is no HTTP any more; what comes behind the answer is nobody's.
  const last = ours.messages.findIndex(({ status }) => status === 101 || status >= 200);
  const messages = last === -1 ? ours.messages : ours.messages.slice(0, last + 1);
  if (messages.at(-1)?.status === 101) return { same: 0 };
  const theirs = await readAsClient(pieces, method);
  const open = last === -1 && ours.malformed === undefined;
  // Node's client takes the connection's end for a fault of the answer that has not come.
  return compare(messages.map(plainResponse), theirs, plainAnswer, { open, mayRefuse: true });
}

interface Terms {
  /** Whether ours would read on. */
  readonly open: boolean;
  /** Whether llhttp may refuse what comes behind the messages. */
  readonly mayRefuse: boolean;
}

function compare(
  ours: readonly Plain[],
  { messages, refused }: Hearing,
  plain: (heard: Heard) => Plain,
  { open, mayRefuse }: Terms,
): Comparison {
  const theirs = messages.filter(({ complete }) => complete).map(plain);
  for (const [index, own] of ours.entries()) {
    const other = theirs[index];
    if (!isDeepStrictEqual(own, other)) {
      const heard = other === undefined ? `refused (${refused ?? "not ended"})` : JSON.stringify(other);
      return { difference: `ours ${JSON.stringify(own)}\n  llhttp ${heard}`, same: index };
    }
  }
  const same = ours.length;
  if (open && theirs.length > same) {
    return { difference: `llhttp ${JSON.stringify(theirs[same])}\n  ours waits for more`, same };
  }
  const isHeadRead = messages.length > theirs.length;
  if (!mayRefuse && refused !== undefined && !(isHeadRead && SEEN_LATER.has(refused))) {
    return { difference: `llhttp refuses (${refused}) what ours waits for more of`, same };
  }
  return { same };
}

function differenceOfCut<T>(inPieces: Reading<T>, whole: Reading<T>): string | undefined {
  const [cut, uncut] = [inPieces, whole].map(({ messages, malformed, unfinished }) =>
    JSON.stringify({ messages, refused: malformed?.message, unfinished }),
  );
  return cut === uncut ? undefined : `in pieces ${cut}\n  whole ${uncut}`;
}

/**
 * Behind a request that ends the connection the server reads no more, and llhttp refuses what there is. Behind one that asks for another
 * protocol, Node leaves out what came in the same piece.
 */
function isLast({ version, fields }: ReadRequest): boolean {
  const options = fields
    .filter(([name]) => name === "connection")
    .flatMap(([, value]) => value.split(",").map((option) => option.trim().toLowerCase()));
  if (options.includes("close") || (version === "1.0" && !options.includes("keep-alive"))) return true;
  return options.includes("upgrade") && fields.some(([name]) => name === "upgrade");
}

function plainRequest({ method, target, fields, body, trailers }: ReadRequest): Plain {
  return { start: `${method} ${target}`, fields: pairs(fields), body, trailers: pairs(trailers) };
}

function plainResponse({ status, fields, body, trailers }: ReadResponse): Plain {
  return { start: String(status), fields: pairs(fields), body, trailers: pairs(trailers) };
}

function plainHeard({ method = "", target = "", fields, body, trailers }: Heard): Plain {
  return { start: `${method} ${pathOf(method, target)}`, fields: raw(fields), body, trailers: raw(trailers) };
}

/** llhttp gives the absolute form as it was sent. */
function pathOf(method: string, target: string): string {
  if (!/^https?:/i.test(target)) return target;
  const [, , , ...path] = target.split("/");
  if (path.length > 0) return `/${path.join("/")}`;
  const query = target.indexOf("?");
  if (query !== -1) return `/${target.slice(query)}`;
  return method === "OPTIONS" ? "*" : "/";
}

function plainAnswer({ status = 0, fields, body, trailers }: Heard): Plain {
  return { start: String(status), fields: raw(fields), body, trailers: raw(trailers) };
}

function pairs(fields: readonly (readonly [string, string])[]): string {
  return fields.map(([name, value]) => `${name}: ${value}`).join("\n");
}

/** Names and values in turn. */
function raw(list: readonly string[]): string {
  return list
    .map((text, at) => (at % 2 === 0 ? `${text.toLowerCase()}: ` : `${text}\n`))
    .join("")
    .slice(0, -1);
}
