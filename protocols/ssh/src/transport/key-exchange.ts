import { randomBytes } from "node:crypto";
import { GatehouseError } from "@gatehouse/core";
import { isCertificate, type SignatureAlgorithm, signatureAlgorithmOf } from "@gatehouse/openssh";
import { ByteReader } from "@gatehouse/wire";
import { decodeKexInit, encodeKexInit, type KexInit } from "../codec/kex-init.ts";
import {
  decodeExchangeInit,
  decodeExchangeReply,
  encodeExchangeInit,
  encodeExchangeReply,
} from "../codec/key-exchange.ts";
import { number } from "../codec/numbers.ts";
import { readName } from "../codec/strings.ts";
import type { Agreed } from "./algorithms.ts";
import type { Keys } from "./ciphers.ts";
import { kexMethod } from "./kex/methods.ts";
import type { KexBegun } from "./kex/method.ts";
import { deriveKeys, exchangeHash, type Transcript } from "./key-derivation.ts";
import { guessedRight, marker, negotiate } from "./negotiate.ts";
import type { HostKey, Party } from "./party.ts";

/** What both sides have said of themselves before anything else. */
export interface Identifications {
  readonly client: string;
  readonly server: string;
}

/** What comes of an exchange. */
export interface NewKeys {
  readonly sending: Keys;
  readonly receiving: Keys;
  /** The exchange hash of the first exchange, for good (RFC 4253 section 7.2). */
  readonly sessionId: Buffer;
}

/** One key exchange, as client or as server, from this side's KEXINIT to the keys. */
export class KeyExchange {
  /** This side's KEXINIT. */
  readonly init: Buffer;
  readonly #party: Party;
  readonly #identifications: Identifications;
  readonly #sessionId: Buffer | undefined;
  readonly #own: KexInit;
  #peer: KexInit | undefined;
  #peerInit: Buffer | undefined;
  #agreed: Agreed | undefined;
  #begun: KexBegun | undefined;
  #keys: NewKeys | undefined;
  /** The next message of the exchange is a guess of the peer's that was wrong. */
  #skips = false;

  /** @param sessionId undefined for the first exchange of a connection */
  constructor(party: Party, identifications: Identifications, sessionId: Buffer | undefined) {
    this.#party = party;
    this.#identifications = identifications;
    this.#sessionId = sessionId;
    this.#own = offer(party, sessionId === undefined);
    this.init = encodeKexInit(this.#own, randomBytes(16));
  }

  /** Whether the peer has begun its part. From then to its NEWKEYS it may send nothing but what belongs to the exchange. */
  get isAnswered(): boolean {
    return this.#peer !== undefined;
  }

  /** What was agreed on; undefined before the peer's KEXINIT has come. */
  get agreed(): Agreed | undefined {
    return this.#agreed;
  }

  /** The keys, once they are there. */
  get keys(): NewKeys | undefined {
    return this.#keys;
  }

  /** Whether the peer's KEXINIT says this of it. */
  peerHas(what: (typeof marker)[keyof typeof marker]): boolean {
    const name = this.#party.role === "server" ? what.client : what.server;
    return this.#peer?.kex.includes(name) ?? false;
  }

  /**
   * Takes the peer's KEXINIT.
   * @returns the message that goes on with the exchange, where it is for this side to do that
   * @throws GatehouseError PROTOCOL_VIOLATION where there is nothing in common
   */
  begin(payload: Buffer): Buffer | undefined {
    if (this.#peer) throw unexpected();
    const peer = decodeKexInit(payload);
    this.#peer = peer;
    this.#peerInit = payload;
    const [client, server] = this.#party.role === "client" ? [this.#own, peer] : [peer, this.#own];
    this.#agreed = negotiate(client, server);
    this.#skips = peer.guessFollows && !guessedRight(client, server);
    if (this.#party.role === "server") return undefined;
    this.#begun = kexMethod(this.#agreed.kex).begin();
    return encodeExchangeInit(this.#begun.publicValue);
  }

  /**
   * Takes a message of the exchange itself (numbers 30 to 49).
   * @returns the message that answers it; undefined where there is none
   * @throws GatehouseError PROTOCOL_VIOLATION; TARGET_UNVERIFIED and what `verifyHost` throws where the server is not the one meant
   */
  async receive(payload: Buffer): Promise<Buffer | undefined> {
    if (this.#agreed === undefined || this.#keys) throw unexpected();
    if (this.#skips) {
      this.#skips = false;
      return undefined;
    }
    const { role } = this.#party;
    if (payload[0] === number.kexExchangeInit && role === "server")
      return this.#answer(payload, this.#agreed);
    if (payload[0] === number.kexExchangeReply && role === "client") {
      await this.#finish(payload, this.#agreed);
      return undefined;
    }
    throw unexpected();
  }

  /** As server. */
  async #answer(payload: Buffer, agreed: Agreed): Promise<Buffer> {
    const clientPublic = decodeExchangeInit(payload);
    const { publicValue, secret } = await kexMethod(agreed.kex).answer(clientPublic);
    const hostKey = this.#hostKey(agreed);
    const transcript = this.#transcript(hostKey.blob, clientPublic, publicValue, secret);
    const hash = exchangeHash(kexMethod(agreed.kex).hash, transcript);
    const signature = await hostKey.sign(signatureOf(agreed), hash);
    this.#derive(agreed, secret, hash);
    return encodeExchangeReply({ hostKey: hostKey.blob, publicValue, signature });
  }

  /** As client. */
  async #finish(payload: Buffer, agreed: Agreed): Promise<void> {
    if (this.#begun === undefined || this.#party.role !== "client") throw unexpected();
    const { hostKey, publicValue, signature } = decodeExchangeReply(payload);
    const secret = await this.#begun.finish(publicValue);
    const transcript = this.#transcript(hostKey, this.#begun.publicValue, publicValue, secret);
    const hash = exchangeHash(kexMethod(agreed.kex).hash, transcript);
    // Whoever verifies it goes by the algorithm: a key must not pass for a certificate, nor the other way round.
    if (isCertificate(kindOf(hostKey)) !== isCertificate(agreed.hostKey)) throw unproved();
    const key = await this.#party.verifyHost({ algorithm: agreed.hostKey, blob: hostKey });
    // Who shows a key and can't sign by it is somebody in between.
    if (!key.verify(signatureOf(agreed), hash, signature)) throw unproved();
    this.#derive(agreed, secret, hash);
  }

  #hostKey(agreed: Agreed): HostKey {
    const keys = this.#party.role === "server" ? this.#party.hostKeys : [];
    const key = keys.find(({ algorithms }) => algorithms.includes(agreed.hostKey));
    if (key) return key;
    throw unexpected();
  }

  #transcript(hostKey: Buffer, clientPublic: Buffer, serverPublic: Buffer, secret: Buffer): Transcript {
    const peerInit = this.#peerInit ?? Buffer.alloc(0);
    const [clientInit, serverInit] =
      this.#party.role === "client" ? [this.init, peerInit] : [peerInit, this.init];
    return {
      clientIdentification: this.#identifications.client,
      serverIdentification: this.#identifications.server,
      clientInit,
      serverInit,
      hostKey,
      clientPublic,
      serverPublic,
      secret,
    };
  }

  #derive(agreed: Agreed, secret: Buffer, hash: Buffer): void {
    const sessionId = this.#sessionId ?? hash;
    const from = { hash: kexMethod(agreed.kex).hash, secret, exchangeHash: hash, sessionId };
    const toServer = deriveKeys("toServer", agreed, from);
    const toClient = deriveKeys("toClient", agreed, from);
    this.#keys =
      this.#party.role === "client"
        ? { sending: toServer, receiving: toClient, sessionId }
        : { sending: toClient, receiving: toServer, sessionId };
  }
}

/** @param first whether it is the first exchange: the only one that has markers */
function offer(party: Party, first: boolean): KexInit {
  const { kex, ciphers, macs } = party.algorithms;
  return {
    kex: first ? [...kex, marker.extInfo[party.role], marker.strict[party.role]] : kex,
    hostKeys:
      party.role === "server"
        ? party.hostKeys.flatMap(({ algorithms }) => algorithms)
        : party.hostKeyAlgorithms,
    cipherToServer: ciphers,
    cipherToClient: ciphers,
    macToServer: macs,
    macToClient: macs,
    compressionToServer: ["none"],
    compressionToClient: ["none"],
    guessFollows: false,
  };
}

/** A certificate is used by its key. */
function signatureOf(agreed: Agreed): SignatureAlgorithm {
  const algorithm = signatureAlgorithmOf(agreed.hostKey);
  if (algorithm) return algorithm;
  throw new RangeError(`There is no host key algorithm ${agreed.hostKey}.`);
}

/** The type that a key or certificate begins with. */
function kindOf(blob: Buffer): string {
  return readName(new ByteReader(blob));
}

function unproved(): GatehouseError {
  return new GatehouseError("TARGET_UNVERIFIED", "The target did not prove that it has its host key.");
}

function unexpected(): GatehouseError {
  return new GatehouseError("PROTOCOL_VIOLATION", "unexpected message in key exchange");
}
