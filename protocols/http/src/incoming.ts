import { type Field, Fields } from "./codec/fields.ts";
import type { Framing, Version } from "./codec/framing.ts";
import { Malformed } from "./codec/malformed.ts";
import type { ResponseHead } from "./codec/response-head.ts";
import { setCookieFor } from "./cookies.ts";
import type { Redactor } from "./credentials/redaction.ts";
import { encodeResponseHead, fieldOf, framingFields } from "./encode.ts";
import { canonicalName, isProxysWord } from "./field-names.ts";
import { endToEndFields } from "./hop-by-hop.ts";
import type { HeadSettings } from "./outgoing.ts";
import type { Place } from "./references.ts";

/** How a response goes to its client. */
export interface Answering {
  /** Of the request that it answers. */
  readonly method: string;
  /** The client's. */
  readonly version: Version;
  readonly cookies: HeadSettings["cookies"];
  readonly place: Place;
  /** Of the credential that the request had. */
  readonly redactor: Redactor;
  /** Whether the gateway changes the body, so that its length is not what was said. */
  readonly changed: boolean;
  /** Whether the client's connection takes no other request after this one. */
  readonly last: boolean;
}

export interface IncomingHead {
  readonly bytes: Buffer;
  /** How the body is framed on its way to the client. */
  readonly framing: Framing;
  /** Whether the connection ends behind it. */
  readonly last: boolean;
}

/** What is between the gateway and the target, or would lead the client around the gateway, or close other targets to it. */
const NOT_HANDED_ON = new Set([
  ...["www-authenticate", "authentication-info", "set-cookie2"],
  ...["alt-svc", "strict-transport-security", "public-key-pins", "public-key-pins-report-only", "expect-ct"],
  // Below the route is all that a target's service worker may have.
  "service-worker-allowed",
]);

/**
 * A response's head for the client.
 * @throws Malformed where it is no answer to be handed on: the client is told that the target failed
 */
export function incomingHead(head: ResponseHead, answering: Answering): IncomingHead {
  const { status } = head;
  if (status < 200) throw new Malformed("an interim response in a final one's place");
  const framing = framingFor(head.framing, answering);
  const last = answering.last || answering.version === "1.0" || framing.kind === "close";
  const fields = [
    ...handedOn(head.fields, answering),
    fieldOf("Via", `${head.version} gatehouse`),
    ...(last ? [fieldOf("Connection", "close")] : []),
    ...(head.framing.kind === "none" ? lengthAlone(head, answering) : framingFields(framing)),
  ];
  return { bytes: encodeResponseHead(status, answering.redactor.redact(head.reason), fields), framing, last };
}

/**
 * A response before the response: early hints, and the like.
 * @returns undefined where the client does not get it: `100` is for the gateway, which has asked for it or not; HTTP/1.0 has none
 * @throws Malformed for an upgrade, which nobody has asked for
 */
export function interimHead(head: ResponseHead, answering: Answering): Buffer | undefined {
  if (head.status === 101) throw new Malformed("a change of protocol that nobody has asked for");
  if (head.status >= 200) throw new Malformed("a final response in an interim one's place");
  if (head.status === 100 || answering.version === "1.0") return undefined;
  return encodeResponseHead(
    head.status,
    answering.redactor.redact(head.reason),
    handedOn(head.fields, answering),
  );
}

/** What is said behind a body. What has a meaning in a head is left out: whoever takes it from here has not been protected from it. */
export function incomingTrailers(trailers: Fields, answering: Answering): Fields {
  const kept = handedOn(trailers, answering).filter(
    ({ lower }) => !/^(?:location|refresh|link|via)$/.test(lower),
  );
  return new Fields(kept);
}

/**
 * Whether the target has refused the gateway's credential. The client's own was taken, by the gateway: told of a 401 it would fetch another, or send what it
 * has to whoever the challenge names. With cookies of its own the client may be the one who has to sign in.
 */
export function refusesCredential({ status }: ResponseHead, cookies: HeadSettings["cookies"]): boolean {
  return status === 407 || (status === 401 && cookies === "none");
}

function framingFor(framing: Framing, { version, changed }: Answering): Framing {
  if (framing.kind === "none") return framing;
  if (framing.kind === "length" && !(changed && framing.length > 0)) return framing;
  return { kind: version === "1.1" ? "chunked" : "close" };
}

/** Of a body that is not sent, the length that it would have (RFC 9110, section 8.6). */
function lengthAlone({ fields, status }: ResponseHead, { changed }: Answering): readonly Field[] {
  const length = fields.only("content-length");
  const said = length !== undefined && /^[0-9]{1,15}$/.test(length) && status !== 204 && !changed;
  return said ? [fieldOf("Content-Length", String(Number(length)))] : [];
}

function handedOn(fields: Fields, answering: Answering): readonly Field[] {
  const { redactor } = answering;
  return endToEndFields(fields, "target").flatMap((field) => {
    const canonical = canonicalName(field.lower);
    if (NOT_HANDED_ON.has(canonical) || canonical.startsWith("x-gatehouse-")) return [];
    if (isProxysWord(canonical) || redactor.finds(field.name)) return [];
    const value = rewritten(field, answering);
    return value === undefined ? [] : [fieldOf(field.name, redactor.redact(value))];
  });
}

/** @returns undefined where the field is not handed on */
function rewritten({ lower, value }: Field, { place, cookies }: Answering): string | undefined {
  switch (lower) {
    case "location":
    case "content-location":
      return place.reference(value);
    case "refresh":
      return place.refresh(value);
    case "link":
      return place.link(value);
    case "set-cookie":
      // It may be all that a client needs to come back without the gateway: a credential of the target's.
      return cookies === "pass" ? setCookieFor(value, place.prefix, place.sent) : undefined;
    default:
      return place.wholeUrl(value);
  }
}
