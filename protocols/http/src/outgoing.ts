import { type Address, hostOf } from "@gatehouse/core";
import type { Field } from "./codec/fields.ts";
import type { Framing, Version } from "./codec/framing.ts";
import { Malformed } from "./codec/malformed.ts";
import type { RequestHead } from "./codec/request-head.ts";
import { withoutGatewaysCookies } from "./cookies.ts";
import type { Injection } from "./credentials/injection.ts";
import { withoutParameter, withParameter } from "./credentials/query.ts";
import { type InjectSetting, injectedField, injectedParameter } from "./credentials/setting.ts";
import { fieldOf } from "./encode.ts";
import { canonicalName, isCredential, isEndToEnd, isMethodOverride, isProxysWord } from "./field-names.ts";
import { endToEndFields } from "./hop-by-hop.ts";
import { OPENED_CODINGS } from "./masking/opened.ts";
import { isOfHandshake, protocolFields, readUpgrade, type Upgrade } from "./websocket/handshake.ts";

/** What a target's settings say of heads. */
export interface HeadSettings {
  readonly inject: InjectSetting;
  /** `pass`: the target has cookies of its own for each client, which go both ways. */
  readonly cookies: "none" | "pass";
  /** Whether the target is told where a request comes from. */
  readonly forwarded: boolean;
}

/** A client's request without what is the gateway's business: what is decided on, and sent on once that is allowed. */
export interface ClientRequest {
  readonly method: string;
  readonly target: string;
  /** That the client speaks. */
  readonly version: Version;
  /** End to end, and without any credential. */
  readonly fields: readonly Field[];
  /** Absent where it asks for no other protocol. */
  readonly upgrade?: Upgrade;
}

/** By which a request is answered with itself, the gateway's credential with it (RFC 9110, section 9.3.8), or is none to send on. */
const NOT_SENT = new Set(["TRACE", "TRACK", "CONNECT"]);

/**
 * What asks for a part of something, since what is hidden in the whole may be cut in two between two of them; and what asks whether something has a digest, by which what
 * is hidden can be tried out.
 */
const NOT_MASKED = new Set(["range", "if-range", "if-none-match"]);

/**
 * What of a request the target may see.
 * @param target as it is to be sent: normalised, without the route
 * @throws Malformed where it asks for what is not done here, or could be done otherwise than it was decided
 */
export function clientRequest(head: RequestHead, target: string, settings: HeadSettings): ClientRequest {
  const { method, fields } = head;
  if (NOT_SENT.has(method.toUpperCase())) throw new Malformed("a method that is not sent on", 501);
  const upgrade = readUpgrade(head);
  if (fields.list("expect").some((expected) => expected !== "100-continue")) {
    throw new Malformed("an expectation that nobody here can meet");
  }
  // The first says to one what the second says to another.
  fields.only("content-type");
  const injected = injectedField(settings.inject);
  const credential = injected === undefined ? undefined : canonicalName(injected);
  const kept = endToEndFields(fields, "client").flatMap((field): readonly Field[] => {
    const canonical = canonicalName(field.lower);
    if (canonical === credential || isCredential(canonical) || isReplaced(canonical)) return [];
    if (upgrade && isOfHandshake(canonical)) return [];
    if (isMethodOverride(canonical)) throw new Malformed("a method beside that of the request line");
    if (canonical !== field.lower && isEndToEnd(canonical)) {
      throw new Malformed("a field whose name some read as another's");
    }
    if (canonical !== "cookie") return [field];
    const cookies = settings.cookies === "pass" ? withoutGatewaysCookies(field.value) : "";
    return cookies === "" ? [] : [fieldOf(field.name, cookies)];
  });
  const parameter = injectedParameter(settings.inject);
  return {
    ...{ method, version: head.version },
    target: parameter === undefined ? target : withoutParameter(target, parameter),
    fields: upgrade ? [...kept, ...protocolFields(upgrade)] : kept,
    ...(upgrade && { upgrade }),
  };
}

/** What the gateway says itself, or nobody does. Of an expectation, it is the gateway that answers (RFC 9110, section 10.1.1). */
function isReplaced(canonical: string): boolean {
  return (
    canonical === "host" || canonical === "expect" || canonical === "alt-used" || isProxysWord(canonical)
  );
}

/** How a request goes to its target. */
export interface Sending {
  /** The target's host and port. */
  readonly host: string;
  /** How the body is framed on the way. */
  readonly framing: Framing;
  readonly injection: Injection;
  /** Where the request comes from; undefined where the target is not told. */
  readonly from?: Whence;
  /** Whether the client takes trailers. */
  readonly trailers: boolean;
  /** Whether the answer is masked: it is asked for as a whole, and in no coding that can't be opened. */
  readonly mustOpen: boolean;
}

export interface Whence {
  readonly address: Address;
  /** By what name the client called the gateway. */
  readonly authority: string | undefined;
  /** The route that was taken off: `/orders`, or nothing. */
  readonly prefix: string;
}

/** A request's head for its target, whichever version of HTTP that one speaks. */
export interface OutgoingHead {
  readonly method: string;
  readonly target: string;
  /** The target's host and port. */
  readonly host: string;
  /** End to end, the gateway's credential among them. */
  readonly fields: readonly Field[];
  readonly framing: Framing;
  /** Whether trailers are taken. */
  readonly trailers: boolean;
  /** Whether the connection takes no other request after this one. */
  readonly last: boolean;
  /** Whether it asks the target to change the protocol: it is the only one on its connection. */
  readonly switches?: boolean;
}

/** Whether the client takes trailers (RFC 9110, section 10.1.4). */
export function takesTrailers({ fields, version }: RequestHead): boolean {
  return version !== "1.0" && fields.list("te").some((coding) => /^trailers[ \t]*(?:;|$)/.test(coding));
}

/** A request's head with the gateway's credential in it: a secret from here on. */
export function outgoingHead(request: ClientRequest, sending: Sending): OutgoingHead {
  const { method, version, fields } = request;
  const { host, framing, injection, mustOpen, trailers } = sending;
  // Where it has to open each answer, to look for what it put in, none is better.
  const coding = mustOpen ? OPENED_CODINGS : injection.field || injection.parameter ? "identity" : undefined;
  const own: readonly Field[] = [
    ...(coding === undefined ? [] : [fieldOf("Accept-Encoding", coding)]),
    ...(sending.from ? forwardedFields(sending.from) : []),
    fieldOf("Via", `${version} gatehouse`),
    ...(injection.field ? [injection.field] : []),
  ];
  const kept = fields.filter(
    ({ lower }) =>
      !(coding !== undefined && lower === "accept-encoding") && !(mustOpen && NOT_MASKED.has(lower)),
  );
  const { parameter } = injection;
  const target = parameter ? withParameter(request.target, parameter.name, parameter.value) : request.target;
  // A server that expects no body of such a request takes it for the next one, of another client.
  const last = /^(?:GET|HEAD|OPTIONS|DELETE)$/i.test(method) && hasBody(framing);
  return { method, target, host, fields: [...kept, ...own], framing, trailers, last };
}

function hasBody(framing: Framing): boolean {
  return framing.kind === "chunked" || (framing.kind === "length" && framing.length > 0);
}

/** In the form of RFC 7239, and in the one that most servers read. */
function forwardedFields({ address, authority, prefix }: Whence): readonly Field[] {
  const client = hostOf(address);
  const node = client === "local" ? "unknown" : client.includes(":") ? `"[${client}]"` : client;
  // A host may have signs that make a list of it for who reads these fields.
  const host = authority !== undefined && /^[a-z0-9._:[\]-]+$/.test(authority) ? authority : undefined;
  return [
    fieldOf("Forwarded", `for=${node};${host === undefined ? "" : `host="${host}";`}proto=https`),
    fieldOf("X-Forwarded-For", client === "local" ? "unknown" : client),
    fieldOf("X-Forwarded-Proto", "https"),
    ...(host === undefined ? [] : [fieldOf("X-Forwarded-Host", host)]),
    ...(prefix === "" ? [] : [fieldOf("X-Forwarded-Prefix", prefix)]),
  ];
}
