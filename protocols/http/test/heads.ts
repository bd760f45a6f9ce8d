import { type Lease, Secret } from "@gatehouse/core";
import { findHead, type Head } from "../src/codec/head.ts";
import { parseRequestHead, type RequestHead } from "../src/codec/request-head.ts";
import { parseResponseHead, type ResponseHead } from "../src/codec/response-head.ts";
import { injectionOf } from "../src/credentials/injection.ts";
import { Redactor } from "../src/credentials/redaction.ts";
import { encodeRequestHead } from "../src/encode.ts";
import type { Answering } from "../src/incoming.ts";
import {
  clientRequest,
  type HeadSettings,
  outgoingHead,
  type Sending,
  takesTrailers,
} from "../src/outgoing.ts";
import { Place, type PlaceOptions } from "../src/references.ts";

export const SECRET = "s3cret/Key+of=theirs";

export function leaseOf(user: string, password: string | undefined): Lease {
  const secret = password === undefined ? undefined : new Secret(password);
  return { user, password: secret, release: () => Promise.resolve() };
}

function headOf(bytes: Buffer): Head {
  const head = findHead(bytes, 0, 64 * 1024);
  if (head?.size !== bytes.length) throw new Error("not one head");
  return head;
}

/** A request's head. @param lines without `Host`, which is there */
export function requestOf(first: string, ...lines: readonly string[]): RequestHead {
  const text = [`${first} HTTP/1.1`, "Host: gateway:8443", ...lines, "", ""].join("\r\n");
  return parseRequestHead(headOf(Buffer.from(text, "latin1")));
}

export function responseOf(first: string, lines: readonly string[], method = "GET"): ResponseHead {
  const text = [`HTTP/1.1 ${first}`, ...lines, "", ""].join("\r\n");
  return parseResponseHead(headOf(Buffer.from(text, "latin1")), method);
}

/** What a server of this codec reads in a head that is sent. */
export const readRequest = (bytes: Buffer): RequestHead => parseRequestHead(headOf(bytes));
export const readResponse = (bytes: Buffer, method = "GET"): ResponseHead =>
  parseResponseHead(headOf(bytes), method);

export const settings: HeadSettings = { inject: "bearer", cookies: "none", forwarded: false };

/** A request's head as its target gets it. */
export function sent(
  head: RequestHead,
  more: Partial<HeadSettings> = {},
  sending: Partial<Sending> = {},
): { readonly read: RequestHead; readonly text: string; readonly last: boolean } {
  const all = { ...settings, ...more };
  const outgoing = outgoingHead(clientRequest(head, head.target, all), {
    ...{ host: "api.internal", framing: head.framing, trailers: takesTrailers(head), mustOpen: false },
    injection: injectionOf(all.inject, leaseOf("svc", SECRET)),
    ...sending,
  });
  const bytes = encodeRequestHead(outgoing);
  return { read: readRequest(bytes), text: bytes.toString("latin1"), last: outgoing.last };
}

export const whereabouts: PlaceOptions = {
  hosts: () => ["api.internal"],
  sent: "/v1/orders/7?x=1",
  prefix: "/orders",
  authority: "gateway:8443",
  parameter: undefined,
};
export const place = new Place(whereabouts);

export const answering: Answering = {
  ...{ method: "GET", cookies: "none", place },
  redactor: new Redactor([SECRET]),
};

/** The fields as pairs, with their names in small letters. */
export function pairs({ fields }: Pick<RequestHead, "fields">): readonly (readonly [string, string])[] {
  return [...fields].map(({ lower, value }) => [lower, value] as const);
}
