import type { Fields } from "./fields.ts";
import { Malformed } from "./malformed.ts";

/** How a message's body is told from what follows it (RFC 9112, section 6). */
export type Framing =
  | { readonly kind: "none" }
  | { readonly kind: "length"; readonly length: number }
  /** To an end that is told; in HTTP/2 of what has no length. */
  | { readonly kind: "chunked" }
  /** Of responses alone: to the end of the connection. */
  | { readonly kind: "close" };

const NONE: Framing = { kind: "none" };
const CHUNKED: Framing = { kind: "chunked" };

/** HTTP/1.0 knows no transfer codings: one that stands there may have been seen, or not, by whoever sent it on. */
export type Version = "1.0" | "1.1" | "2";

/** What a request must not name as its connection's own: whoever takes that away, as they should, makes another request of it. */
const NOT_OF_CONNECTION = ["host", "content-length", "transfer-encoding"];

/** @throws Malformed where it has two framings, or one that is not certain */
export function requestFraming(fields: Fields, version: Version): Framing {
  const named = fields.list("connection");
  if (NOT_OF_CONNECTION.some((name) => named.includes(name))) {
    throw new Malformed("the framing or the host is named in connection");
  }
  return saidFraming(fields, version) ?? NONE;
}

/**
 * @param method of the request that it answers
 * @throws Malformed
 */
export function responseFraming(fields: Fields, version: Version, status: number, method: string): Framing {
  const said = saidFraming(fields, version);
  // What a HEAD or a 304 says is about a body that is not sent.
  if (method === "HEAD" || status === 304) return NONE;
  if (status < 200 || status === 204) {
    // Nothing may be said (section 6.2), and whoever believes it waits for a body that belongs to the next message.
    if (said?.kind === "chunked" || (said?.kind === "length" && said.length > 0)) {
      throw new Malformed(`a ${status} with a body`);
    }
    return NONE;
  }
  return said ?? { kind: "close" };
}

/**
 * The framing in HTTP/2 (RFC 9113, section 8.1.1), where frames say what belongs to a body; a length is checked against them.
 * @param isEnded whether nothing follows the head
 * @throws Malformed
 */
export function framesFraming(fields: Fields, isEnded: boolean): Framing {
  const said = saidFraming(fields, "2");
  if (said?.kind === "length" && isEnded && said.length > 0) throw new Malformed("a length without a body");
  return said ?? (isEnded ? NONE : CHUNKED);
}

/**
 * The same of a response.
 * @param method of the request that it answers
 * @throws Malformed
 */
export function responseFramesFraming(
  fields: Fields,
  status: number,
  { method, isEnded }: { readonly method: string; readonly isEnded: boolean },
): Framing {
  if (method === "HEAD" || status === 304) return NONE;
  const framing = framesFraming(fields, isEnded);
  if (status >= 200 && status !== 204)
    return framing.kind === "none" ? { kind: "length", length: 0 } : framing;
  if (framing.kind === "length" && framing.length > 0) throw new Malformed(`a ${status} with a body`);
  return NONE;
}

function saidFraming(fields: Fields, version: Version): Framing | undefined {
  // Servers that hand fields on as variables (CGI and its heirs) take both signs for one.
  if (fields.has("transfer_encoding") || fields.has("content_length")) {
    throw new Malformed("a field that some take for the framing");
  }
  const coding = fields.only("transfer-encoding");
  const length = fields.only("content-length");
  if (coding !== undefined) {
    if (length !== undefined) throw new Malformed("both a transfer coding and a length");
    if (version !== "1.1") throw new Malformed(`a transfer coding in HTTP/${version}`);
    // Another coding, two of them, or one with a parameter: each has been read in two ways.
    if (coding.toLowerCase() !== "chunked") throw new Malformed("a transfer coding that is not chunked", 501);
    return CHUNKED;
  }
  if (length === undefined) return undefined;
  // No sign, no blank, no list, nothing that a number can't hold, and no zero before it, which makes it octal to some.
  if (!/^(?:0|[1-9][0-9]{0,14})$/.test(length)) throw new Malformed("a length that is none");
  return { kind: "length", length: Number(length) };
}
