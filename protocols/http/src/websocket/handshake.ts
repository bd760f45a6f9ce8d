import { createHash, randomBytes } from "node:crypto";
import { isToken } from "../codec/characters.ts";
import { type Field, type Fields, trimmed } from "../codec/fields.ts";
import { Malformed } from "../codec/malformed.ts";
import type { RequestHead } from "../codec/request-head.ts";
import type { ResponseHead } from "../codec/response-head.ts";
import { fieldOf } from "../encode.ts";

/** RFC 6455, section 1.3. */
const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/** 16 bytes in base64: of the last sign, only four bits stand for something. */
const KEY = /^[A-Za-z0-9+/]{21}[AQgw]==$/;
/** Subprotocols that a client may offer. */
const MOST_PROTOCOLS = 32;

/**
 * Subprotocols in which clients in browsers, which can't set other fields, put a credential for the target: the gateway's own is in its
 * place.
 */
const CREDENTIAL = /(?:^|[.-])(?:bearer|authorization|api-?key|(?:auth|access|session)-?token)(?:[.-]|$)/i;

/** What a client asks for that wants a WebSocket. */
export interface Upgrade {
  /** The client's. */
  readonly key: string;
  /** Subprotocols that the target may choose from, in the client's order. */
  readonly protocols: readonly string[];
}

/**
 * The upgrade that a request asks for (section 4.2.1); undefined where it asks for none.
 * @throws Malformed where it asks for another one, or not in the one way
 */
export function readUpgrade({ method, version, fields, framing }: RequestHead): Upgrade | undefined {
  if (!fields.has("upgrade")) return undefined;
  const [protocol, ...others] = fields.list("upgrade");
  if (protocol !== "websocket" || others.length > 0) {
    throw new Malformed("an upgrade, which is not spoken here", 501);
  }
  if (method !== "GET" || version !== "1.1") throw new Malformed("an upgrade of what can't be upgraded");
  if (!fields.list("connection").includes("upgrade")) {
    throw new Malformed("an upgrade that its connection does not name");
  }
  if (framing.kind === "chunked" || (framing.kind === "length" && framing.length > 0)) {
    throw new Malformed("an upgrade with a body");
  }
  if (fields.only("sec-websocket-version") !== "13") {
    throw new Malformed("a version of WebSocket that is not spoken here", 426);
  }
  const key = fields.only("sec-websocket-key");
  if (key === undefined || !KEY.test(key)) throw new Malformed("a key of WebSocket that is none");
  return { key, protocols: offered(fields).filter((name) => !CREDENTIAL.test(name)) };
}

/** What of a client's fields is not for the target: the gateway makes a handshake of its own, in which it offers no extension. */
export function isOfHandshake(canonical: string): boolean {
  return canonical.startsWith("sec-websocket-");
}

/** The subprotocols that are offered, as a field; they are part of what is decided on. */
export function protocolFields({ protocols }: Upgrade): readonly Field[] {
  return protocols.length === 0 ? [] : [fieldOf("Sec-WebSocket-Protocol", protocols.join(", "))];
}

/** The gateway's own handshake with a target. */
export class TargetHandshake {
  readonly #upgrade: Upgrade;
  readonly #key: string;

  /** @param key 16 bytes in base64 that nobody can foresee */
  constructor(upgrade: Upgrade, key = randomBytes(16).toString("base64")) {
    this.#upgrade = upgrade;
    this.#key = key;
  }

  /** What it adds to the request, beside `Connection: Upgrade`. */
  get fields(): readonly Field[] {
    return [
      fieldOf("Upgrade", "websocket"),
      fieldOf("Sec-WebSocket-Version", "13"),
      fieldOf("Sec-WebSocket-Key", this.#key),
    ];
  }

  /**
   * Checks the target's 101 (section 4.1): that it is a WebSocket server, which has read this very request, and agrees to nothing that was not
   * offered.
   * @returns what the client is told beside `Connection: Upgrade`
   * @throws Malformed
   */
  accept({ version, fields }: ResponseHead): readonly Field[] {
    if (version !== "1.1") throw new Malformed("a change of protocol in HTTP/1.0");
    const [protocol, ...others] = fields.list("upgrade");
    if (protocol !== "websocket" || others.length > 0 || !fields.list("connection").includes("upgrade")) {
      throw new Malformed("a change to another protocol than was asked for");
    }
    if (fields.only("sec-websocket-accept") !== acceptOf(this.#key)) {
      throw new Malformed("a change of protocol for another request");
    }
    // An extension changes what the bits of a frame mean.
    if (fields.has("sec-websocket-extensions")) throw new Malformed("an extension that was not offered");
    const chosen = fields.only("sec-websocket-protocol");
    if (chosen !== undefined && !this.#upgrade.protocols.includes(chosen)) {
      throw new Malformed("a subprotocol that was not offered");
    }
    return [
      fieldOf("Upgrade", "websocket"),
      fieldOf("Sec-WebSocket-Accept", acceptOf(this.#upgrade.key)),
      ...(chosen === undefined ? [] : [fieldOf("Sec-WebSocket-Protocol", chosen)]),
    ];
  }
}

/** Section 4.2.2: what only who has read the key can say. */
function acceptOf(key: string): string {
  return createHash("sha1")
    .update(key + GUID)
    .digest("base64");
}

/** @throws Malformed where it is no list of names, or names one twice */
function offered(fields: Fields): readonly string[] {
  const names = fields
    .all("sec-websocket-protocol")
    .flatMap((value) => value.split(","))
    .map(trimmed);
  if (names.length > MOST_PROTOCOLS || !names.every(isToken) || new Set(names).size < names.length) {
    throw new Malformed("subprotocols that are no list of names");
  }
  return names;
}
