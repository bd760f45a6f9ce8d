import { type Field, Fields } from "./codec/fields.ts";
import type { Framing } from "./codec/framing.ts";
import { Malformed } from "./codec/malformed.ts";
import type { ResponseHead } from "./codec/response-head.ts";
import { setCookieFor } from "./cookies.ts";
import type { Redactor } from "./credentials/redaction.ts";
import { fieldOf } from "./encode.ts";
import { canonicalName, isProxysWord } from "./field-names.ts";
import { endToEndFields } from "./hop-by-hop.ts";
import type { HeadSettings } from "./outgoing.ts";
import type { Place } from "./references.ts";
import { isOfHandshake } from "./websocket/handshake.ts";

/** How a response goes to its client. */
export interface Answering {
  /** Of the request that it answers. */
  readonly method: string;
  readonly cookies: HeadSettings["cookies"];
  readonly place: Place;
  /** Of the credential that the request had. */
  readonly redactor: Redactor;
}

/** A response's head, as far as the client may see what it says. */
export interface ShownHead extends ResponseHead {
  /** Whether the gateway changes the body, so that its length is not what was said. */
  readonly changed: boolean;
}

/** An answer's head for the client, whichever version of HTTP that one speaks. */
export interface AnswerHead {
  readonly status: number;
  readonly reason: string;
  /** End to end. */
  readonly fields: readonly Field[];
  /** `none`, a length, or anything else where the length is not known. */
  readonly framing: Framing;
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
export function incomingHead(head: ShownHead, answering: Answering): AnswerHead {
  const { status } = head;
  if (status < 200) throw new Malformed("an interim response in a final one's place");
  const fields = [
    ...handedOn(head.fields, answering),
    fieldOf("Via", `${head.version} gatehouse`),
    ...(head.framing.kind === "none" ? lengthAlone(head) : []),
  ];
  const framing = framingFor(head);
  return { status, reason: answering.redactor.redact(head.reason), fields, framing };
}

/**
 * A response before the response: early hints, and the like.
 * @returns undefined where the client does not get it: `100` is for the gateway, which has asked for it or not
 * @throws Malformed for an upgrade, which nobody has asked for
 */
export function interimHead(head: ResponseHead, answering: Answering): AnswerHead | undefined {
  const { status, framing } = head;
  if (status === 101) throw new Malformed("a change of protocol that nobody has asked for");
  if (status >= 200) throw new Malformed("a final response in an interim one's place");
  if (status === 100) return undefined;
  return {
    ...{ status, framing },
    reason: answering.redactor.redact(head.reason),
    fields: handedOn(head.fields, answering),
  };
}

/**
 * The target agrees to another protocol, and so does the gateway.
 * @param own what the gateway says itself of the protocol
 */
export function switchingHead(
  { status, reason, fields, framing }: ResponseHead,
  own: readonly Field[],
  answering: Answering,
): AnswerHead {
  const kept = handedOn(fields, answering).filter(({ lower }) => !isOfHandshake(canonicalName(lower)));
  return {
    ...{ status, framing },
    reason: answering.redactor.redact(reason),
    fields: [...kept, ...own, fieldOf("Connection", "Upgrade")],
  };
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

function framingFor({ framing, changed }: ShownHead): Framing {
  return framing.kind === "length" && framing.length > 0 && changed ? { kind: "chunked" } : framing;
}

/** Of a body that is not sent, the length that it would have (RFC 9110, section 8.6). */
function lengthAlone({ fields, status, changed }: ShownHead): readonly Field[] {
  const length = fields.only("content-length");
  const said = length !== undefined && /^[0-9]{1,15}$/.test(length) && status !== 204 && !changed;
  return said ? [fieldOf("Content-Length", String(Number(length)))] : [];
}

function handedOn(fields: Fields, answering: Answering): readonly Field[] {
  const { redactor } = answering;
  const kept: Field[] = [];
  for (const field of endToEndFields(fields, "target")) {
    const canonical = canonicalName(field.lower);
    if (NOT_HANDED_ON.has(canonical) || canonical.startsWith("x-gatehouse-")) continue;
    if (isProxysWord(canonical) || redactor.finds(field.name)) continue;
    const value = rewritten(field, answering);
    if (value === undefined) continue;
    const shown = redactor.redact(value);
    kept.push(shown === field.value ? field : fieldOf(field.name, shown));
  }
  return kept;
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
