import { BodyReader } from "../../src/codec/body-reader.ts";
import type { Fields } from "../../src/codec/fields.ts";
import type { Framing, Version } from "../../src/codec/framing.ts";
import type { Head } from "../../src/codec/head.ts";
import { HeadReader } from "../../src/codec/head-reader.ts";
import { Malformed } from "../../src/codec/malformed.ts";
import { parseRequestHead } from "../../src/codec/request-head.ts";
import { parseResponseHead } from "../../src/codec/response-head.ts";

type Pairs = readonly (readonly [name: string, value: string])[];

/** What is read of a message besides its first line, in a form that can be compared. */
interface Content {
  readonly fields: Pairs;
  readonly body: string;
  readonly trailers: Pairs;
}

export interface ReadRequest extends Content {
  readonly version: Version;
  readonly method: string;
  readonly target: string;
}

export interface ReadResponse extends Content {
  readonly status: number;
}

export interface Reading<T> {
  readonly messages: readonly T[];
  /** Why nothing more was read; undefined where all that came was right so far. */
  readonly malformed?: Malformed;
  /** What has come of a message that has not ended, when nothing is wrong with it so far. */
  readonly unfinished?: "head" | T;
}

const LIMIT = 64 * 1024;

/** Reads the requests of one connection, in the pieces in which they come. */
export function readRequests(pieces: readonly Buffer[]): Reading<ReadRequest> {
  return read(pieces, (head) => {
    const { version, method, target, fields, framing } = parseRequestHead(head);
    return { begun: { version, method, target }, fields, framing };
  });
}

/**
 * Reads the responses of one connection, which ends behind them.
 * @param methods of the requests that they answer; the last of them is that of all that follow
 */
export function readResponses(
  pieces: readonly Buffer[],
  methods: readonly [string, ...string[]],
): Reading<ReadResponse> {
  let answered = 0;
  return read(pieces, (head) => {
    const method = methods[Math.min(answered, methods.length - 1)] ?? "GET";
    const { status, fields, framing } = parseResponseHead(head, method);
    if (status >= 200) answered++;
    return { begun: { status }, fields, framing };
  });
}

interface Begun<T> {
  readonly begun: T;
  readonly fields: Fields;
  readonly framing: Framing;
}

function read<T>(pieces: readonly Buffer[], parse: (head: Head) => Begun<T>): Reading<T & Content> {
  const messages: (T & Content)[] = [];
  const heads = new HeadReader(LIMIT);
  let open: (Begun<T> & { readonly reader: BodyReader; readonly content: Buffer[] }) | undefined;
  const readOf = ({ begun, fields, reader, content }: NonNullable<typeof open>): T & Content => {
    const body = Buffer.concat(content).toString("latin1");
    return { ...begun, fields: pairs(fields), body, trailers: pairs(reader.trailers) };
  };
  try {
    for (const piece of pieces) {
      let left = piece;
      do {
        if (open === undefined) {
          const found = heads.push(left);
          if (found === undefined) break;
          const begun = parse(found.head);
          open = { ...begun, reader: new BodyReader(begun.framing), content: [] };
          left = found.rest;
        }
        const { content, rest } = open.reader.push(left);
        open.content.push(...content);
        left = rest ?? left.subarray(left.length);
        if (open.reader.ended) {
          messages.push(readOf(open));
          open = undefined;
        }
      } while (left.length > 0);
    }
    if (open?.reader.endsWithConnection) return { messages: [...messages, readOf(open)] };
    if (open) return { messages, unfinished: readOf(open) };
    return heads.length > 0 ? { messages, unfinished: "head" } : { messages };
  } catch (error) {
    if (error instanceof Malformed) return { messages, malformed: error };
    throw error;
  }
}

function pairs(fields: Fields): Pairs {
  return [...fields].map(({ lower, value }) => [lower, value] as const);
}
