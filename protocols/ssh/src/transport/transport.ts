import type { Duplex } from "node:stream";
import { GatehouseError, messageOf } from "@gatehouse/core";
import { checkAside, encodeUnimplemented } from "../codec/asides.ts";
import { decodeDisconnect, disconnectReason, encodeDisconnect } from "../codec/disconnect.ts";
import { decodeExtInfo, encodeExtInfo } from "../codec/ext-info.ts";
import { decodeNewKeys, encodeNewKeys } from "../codec/key-exchange.ts";
import { number } from "../codec/numbers.ts";
import type { Agreed } from "./algorithms.ts";
import { createOpener, createSealer } from "./ciphers.ts";
import { Deadline } from "./deadline.ts";
import { HeldMessages } from "./held-messages.ts";
import { IdentificationReader, identification } from "./identification.ts";
import { KeyExchange } from "./key-exchange.ts";
import { lastWords, shown } from "./last-words.ts";
import { marker } from "./negotiate.ts";
import {
  type ClientOptions,
  defaultRekeyTerms,
  partyOf,
  type Peer,
  type RekeyTerms,
  type ServerOptions,
} from "./options.ts";
import { checkOrder, isAside, isOfExchange, type Stage } from "./order.ts";
import { Output } from "./output.ts";
import { PacketReader } from "./packet-reader.ts";
import { PacketWriter } from "./packet-writer.ts";
import type { Party } from "./party.ts";

/** Packet lengths that a peer may announce: before it is known who it is, and after. RFC 4253 section 6.1 asks for 35000. */
const LIMIT_BEFORE = 40_000;
const LIMIT = 256 * 1024 + 1024;

/**
 * Packets, and key exchanges, of a peer before it is known who it is. A log-in has some dozens and one, and one that waits for
 * somebody's yes a packet now and then; with more, somebody is at work who only wants to keep this side busy.
 */
const PACKETS_BEFORE = 10_000;
const EXCHANGES_BEFORE = 4;

/** Bytes of output for a peer that does not read them at which nothing more is read from it. */
const UNREAD = 4 * 1024 * 1024;
/** Bytes that a peer may have had on their way, beyond what it may send with the same keys, when it is asked for new ones. */
const ON_THEIR_WAY = 64 * 1024 * 1024;
/** Milliseconds in which a key exchange has to come to its end, and in which a peer has to take the last words. */
const EXCHANGE_WITHIN = 120_000;
const LAST_WORDS_WITHIN = 2000;

const NO_EXTENSIONS: ReadonlyMap<string, Buffer> = new Map();

/**
 * SSH's transport layer (RFC 4253) over one socket: messages in order, that nobody else reads or writes.
 *
 * On Terrapin's attack (CVE-2023-48795): somebody in between puts a message into the first key exchange, and takes one away after
 * it, so that the numbers of packets fit again. Where the peer has the strict key exchange, numbers begin anew and nothing can be put
 * in. Where it has not, nothing but the exchange itself is taken before the first NEWKEYS all the same, so that this side's numbers
 * can't be moved. For what the peer receives it rests on the cipher: GCM counts by itself and notices; CTR goes out of step, and all
 * that follows is noise to it, with which its authors knew nothing to do. What they broke, chacha20-poly1305 and CBC, is not offered.
 */
export class Transport {
  readonly #socket: Duplex;
  readonly #role: "server" | "client";
  readonly #party: Party;
  readonly #software: string;
  readonly #rekeyTerms: RekeyTerms;
  readonly #ownExtensions: ReadonlyMap<string, Uint8Array>;
  readonly #output: Output;
  readonly #writer = new PacketWriter();
  readonly #reader = new PacketReader(LIMIT_BEFORE);
  /** Until the peer has said who it is. */
  #identifying: IdentificationReader | undefined;
  #peerIdentification = "";
  #extensions = NO_EXTENSIONS;
  #agreed: Agreed | undefined;
  #strict = false;
  #sessionId: Buffer | undefined;

  /** The key exchange that is going on, if any, and how far it is. */
  #exchange: KeyExchange | undefined;
  #sentNewKeys = false;
  /** Messages that wait until this side has sent its NEWKEYS. */
  readonly #held = new HeldMessages();
  readonly #exchangeDeadline: Deadline;
  readonly #nextRekey: Deadline;

  #isAuthenticated = false;
  /** What has come before it was. */
  #packetsBefore = 0;
  #exchangesBefore = 0;
  /** A step of the key exchange is being worked out, on which what comes next depends. */
  #isBusy = false;
  #isPaused = false;
  #isPumping = false;
  #isFlowing = true;
  #peerEnded = false;
  #state: "opening" | "open" | "closing" | "closed" = "opening";
  #why: GatehouseError | undefined;
  /** Who waits in `open`, until it is open. */
  #settle: { opened: () => void; failed: (why: GatehouseError) => void } | undefined;
  #onMessage: ((payload: Buffer) => void) | undefined;
  #onClose: ((why: GatehouseError | undefined) => void) | undefined;
  /** Is called when the system has taken all that was sent. */
  onDrain: () => void = () => {};

  /**
   * Resolves when both sides have their first keys.
   * @throws GatehouseError PROTOCOL_VIOLATION; of a target TARGET_UNVERIFIED and what `verifyHost` throws, TARGET_REJECTED where it
   * says that it will not, TARGET_UNREACHABLE where it closes or `signal` aborts
   */
  static open(options: ServerOptions | ClientOptions): Promise<Transport> {
    return new Promise((resolve, reject) => {
      const { signal } = options;
      const transport = new Transport(options);
      const abort = () => transport.#abort("did not finish the key exchange within the deadline");
      transport.#settle = {
        opened: () => {
          signal.removeEventListener("abort", abort);
          resolve(transport);
        },
        failed: (why) => {
          signal.removeEventListener("abort", abort);
          reject(why);
        },
      };
      signal.addEventListener("abort", abort, { once: true });
      if (signal.aborted) abort();
      else transport.#start();
    });
  }

  private constructor(options: ServerOptions | ClientOptions) {
    this.#socket = options.socket;
    this.#role = options.role;
    this.#software = options.software;
    this.#rekeyTerms = options.rekey ?? defaultRekeyTerms;
    this.#ownExtensions = options.role === "server" ? (options.extensions ?? NO_EXTENSIONS) : NO_EXTENSIONS;
    this.#party = partyOf(options);
    this.#identifying = new IdentificationReader(options.role === "server" ? "client" : "server");
    this.#output = new Output(options.socket);
    this.#exchangeDeadline = new Deadline(this.#rekeyTerms.within ?? EXCHANGE_WITHIN, () => {
      this.#fail(new GatehouseError("PROTOCOL_VIOLATION", "the key exchange took too long"));
    });
    this.#nextRekey = new Deadline(this.#rekeyTerms.after, () => this.rekey());
  }

  /** The first exchange hash: what signatures of clients are bound to. */
  get sessionId(): Buffer {
    return known(this.#sessionId);
  }

  get peer(): Peer {
    return {
      identification: this.#peerIdentification,
      algorithms: known(this.#agreed),
      strict: this.#strict,
      extensions: this.#extensions,
    };
  }

  /**
   * Takes the messages that are not the transport layer's, in order, and requests for services; the payload is the receiver's to keep. Until it
   * is set nothing is read. What it throws ends the connection.
   */
  set onMessage(take: (payload: Buffer) => void) {
    this.#onMessage = take;
    this.#pump();
  }

  /** Is called once. @param why undefined where one of the sides has left as sides do */
  set onClose(closed: (why: GatehouseError | undefined) => void) {
    this.#onClose = closed;
    if (this.#state === "closed") queueMicrotask(() => closed(this.#why));
  }

  /** Bytes that were sent and not yet taken by the system. */
  get queued(): number {
    return this.#output.queued + this.#held.bytes;
  }

  /**
   * Sends one message's payload, which may come in parts; they must not be changed any more. While keys are exchanged it waits (RFC 4253
   * section 7.1). Once the connection is closing it vanishes.
   */
  send(...parts: readonly Uint8Array[]): void {
    if (this.#state !== "open") return;
    if (this.#isHolding) {
      this.#hold(parts);
      return;
    }
    this.#write(...parts);
    this.#rekeyWhereDue();
  }

  /** Reads nothing more from the peer until `resume`; what was read in part stays where it is. */
  pause(): void {
    this.#isPaused = true;
    // That the exchange does not go on is not the peer's doing.
    this.#exchangeDeadline.stop();
    this.#pump();
  }

  resume(): void {
    this.#isPaused = false;
    if (this.#exchange) this.#exchangeDeadline.start();
    this.#pump();
  }

  /** The peer is known: from now on packets may be larger, and keys are changed when they are due. */
  authenticated(): void {
    this.#isAuthenticated = true;
    this.#reader.limit = LIMIT;
    this.#nextRekey.start();
  }

  /** Begins to change the keys, where that is not being done already. */
  rekey(): void {
    if (this.#state === "open" && !this.#exchange) this.#startExchange();
  }

  /** Says why, and ends the connection once that is out. */
  disconnect(reason: number, description: string): void {
    if (this.#state === "closing" || this.#state === "closed") return;
    this.#hangUp(encodeDisconnect({ reason, description }));
  }

  /** Ends the connection at once. */
  destroy(): void {
    this.#close(undefined);
    this.#socket.destroy();
  }

  // The socket.

  #start(): void {
    const socket = this.#socket;
    socket.on("data", (chunk: Buffer) => this.#take(chunk));
    socket.on("drain", () => {
      this.#pump();
      this.onDrain();
    });
    socket.on("end", () => {
      this.#peerEnded = true;
      this.#pump();
    });
    socket.on("close", () => this.#left());
    // Whether it breaks off or ends is the same: nothing more comes.
    socket.on("error", () => socket.destroy());
    if (socket.destroyed) this.#left();
    else this.#output.push([Buffer.from(`${identification(this.#software)}\r\n`, "latin1")]);
  }

  #take(chunk: Buffer): void {
    if (this.#state === "closing" || this.#state === "closed") return;
    try {
      const rest = this.#identifying ? this.#identify(this.#identifying, chunk) : chunk;
      if (rest === undefined) return;
      this.#reader.push(rest);
    } catch (error) {
      this.#fail(error);
      return;
    }
    this.#pump();
  }

  /** @returns what stands behind the peer's identification, once that is there */
  #identify(reader: IdentificationReader, chunk: Buffer): Buffer | undefined {
    const rest = reader.push(chunk);
    if (rest === undefined) return undefined;
    this.#identifying = undefined;
    this.#peerIdentification = reader.line;
    this.#startExchange();
    return rest;
  }

  /** Hands on the packets that are there, as long as somebody takes them. */
  #pump(): void {
    if (this.#isPumping) return;
    this.#isPumping = true;
    try {
      while (this.#isReading) {
        const payload = this.#reader.next();
        if (payload === undefined) break;
        this.#receive(payload);
      }
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#isPumping = false;
    }
    if (this.#state === "closing" || this.#state === "closed") return;
    if (this.#isReading && this.#peerEnded) this.#left();
    else this.#flow(this.#isReading);
  }

  get #isReading(): boolean {
    const isTaken = this.#state === "opening" || (this.#state === "open" && this.#onMessage !== undefined);
    return isTaken && !this.#isBusy && !this.#isPaused && this.#output.queued <= UNREAD;
  }

  #flow(flowing: boolean): void {
    if (this.#isFlowing === flowing) return;
    this.#isFlowing = flowing;
    if (flowing) this.#socket.resume();
    else this.#socket.pause();
  }

  // What comes.

  #receive(payload: Buffer): void {
    const type = payload[0] ?? 0;
    this.#checkOrder(type);
    if (!this.#isAuthenticated) this.#checkAmount(type);
    if (type >= number.userauthRequest || type === number.serviceRequest || type === number.serviceAccept) {
      this.#onMessage?.(payload);
    } else if (type === number.kexInit) {
      this.#answerExchange(payload);
    } else if (type === number.newKeys) {
      this.#changeReceivingKeys(payload);
    } else if (isOfExchange(type)) {
      this.#goOn(payload);
    } else if (type === number.disconnect) {
      this.#leftBy(payload);
    } else if (type === number.extInfo) {
      this.#extensions = decodeExtInfo(payload);
    } else if (isAside(type)) {
      checkAside(payload);
    } else {
      this.#write(encodeUnimplemented(this.#reader.lastSequence));
    }
    this.#rekeyWhereDue();
  }

  /** @throws GatehouseError PROTOCOL_VIOLATION for a message that may not come now */
  #checkOrder(type: number): void {
    checkOrder(type, this.#stage);
    // Asked for new keys, a peer may go on with the old ones for a while.
    if (this.#stage === "asked" && this.#reader.bytes > 2 * this.#rekeyTerms.bytes + ON_THEIR_WAY) {
      throw new GatehouseError("PROTOCOL_VIOLATION", "too much was sent in place of a key exchange");
    }
  }

  /** @throws GatehouseError PROTOCOL_VIOLATION for more than a log-in has */
  #checkAmount(type: number): void {
    this.#packetsBefore++;
    if (type === number.kexInit) this.#exchangesBefore++;
    if (this.#packetsBefore > PACKETS_BEFORE || this.#exchangesBefore > EXCHANGES_BEFORE) {
      throw new GatehouseError("PROTOCOL_VIOLATION", "too much was sent before the log-in");
    }
  }

  get #stage(): Stage {
    if (this.#exchange?.isAnswered) return this.#state === "opening" ? "first exchange" : "exchange";
    if (this.#state === "opening") return "first";
    if (this.#exchange) return "asked";
    return this.#isAuthenticated ? "known" : "unknown";
  }

  #leftBy(payload: Buffer): void {
    const { reason, description } = decodeDisconnect(payload);
    const isQuiet = reason === disconnectReason.byApplication && this.#state === "open";
    this.#close(
      isQuiet ? undefined : this.#peerError("TARGET_REJECTED", `ended the connection: ${shown(description)}`),
    );
    this.#socket.destroy();
  }

  // The key exchange.

  get #isHolding(): boolean {
    return this.#exchange !== undefined && !this.#sentNewKeys;
  }

  #startExchange(): KeyExchange {
    const own = identification(this.#software);
    const identifications =
      this.#role === "server"
        ? { client: this.#peerIdentification, server: own }
        : { client: own, server: this.#peerIdentification };
    const exchange = new KeyExchange(this.#party, identifications, this.#sessionId);
    this.#exchange = exchange;
    this.#sentNewKeys = false;
    this.#nextRekey.stop();
    // The first one is bounded by the signal of `open`.
    if (this.#state === "open" && !this.#isPaused) this.#exchangeDeadline.start();
    this.#write(exchange.init);
    return exchange;
  }

  /** Takes the peer's KEXINIT, whoever was first. */
  #answerExchange(payload: Buffer): void {
    const exchange = this.#exchange ?? this.#startExchange();
    this.#workOut(exchange, Promise.resolve(exchange.begin(payload)));
  }

  #goOn(payload: Buffer): void {
    if (this.#exchange) this.#workOut(this.#exchange, this.#exchange.receive(payload));
  }

  /** Waits for a step, and sends what comes of it. */
  #workOut(exchange: KeyExchange, step: Promise<Buffer | undefined>): void {
    this.#isBusy = true;
    step
      .then((message) => {
        this.#isBusy = false;
        if (this.#state === "closing" || this.#state === "closed") return;
        this.#agreed = exchange.agreed;
        if (this.#state === "opening") this.#strict = exchange.peerHas(marker.strict);
        if (message) this.#write(message);
        if (exchange.keys && !this.#sentNewKeys) this.#changeSendingKeys(exchange);
        this.#pump();
      })
      .catch((error: unknown) => this.#fail(error));
  }

  #changeSendingKeys(exchange: KeyExchange): void {
    const { sending, sessionId } = known(exchange.keys);
    this.#write(encodeNewKeys());
    this.#writer.use(createSealer(sending), this.#strict);
    this.#sentNewKeys = true;
    const isFirst = this.#sessionId === undefined;
    this.#sessionId ??= sessionId;
    // RFC 8308 section 2.4: directly behind the first NEWKEYS, or it would not be believed.
    if (isFirst && this.#ownExtensions.size > 0 && exchange.peerHas(marker.extInfo)) {
      this.#write(encodeExtInfo(this.#ownExtensions));
    }
    for (const parts of this.#held.release()) this.#write(...parts);
  }

  #changeReceivingKeys(payload: Buffer): void {
    decodeNewKeys(payload);
    const keys = this.#exchange?.keys;
    if (!keys) throw new GatehouseError("PROTOCOL_VIOLATION", "new keys before there are any");
    this.#reader.use(createOpener(keys.receiving), this.#strict);
    this.#exchange = undefined;
    this.#exchangeDeadline.stop();
    if (this.#isAuthenticated) this.#nextRekey.start();
    if (this.#state === "opening") {
      this.#state = "open";
      this.#settle?.opened();
      this.#settle = undefined;
    }
  }

  #rekeyWhereDue(): void {
    if (!this.#isAuthenticated || this.#exchange || this.#isPaused) return;
    const { bytes, packets } = this.#rekeyTerms;
    const { bytes: sent, packets: written } = this.#writer;
    const { bytes: received, packets: read } = this.#reader;
    if (Math.max(sent, received) >= bytes || Math.max(written, read) >= packets) this.rekey();
  }

  // What goes.

  #write(...parts: readonly Uint8Array[]): void {
    this.#output.push(this.#writer.write(parts));
  }

  #hold(parts: readonly Uint8Array[]): void {
    try {
      this.#held.push(parts);
    } catch (error) {
      this.#fail(error);
    }
  }

  // The end.

  /** The peer has closed, or the network has. */
  #left(): void {
    if (this.#state === "opening") this.#abort("closed the connection during the key exchange");
    else this.destroy();
  }

  #abort(what: string): void {
    this.#close(this.#peerError("TARGET_UNREACHABLE", what));
    this.#socket.destroy();
  }

  #peerError(ofTarget: "TARGET_REJECTED" | "TARGET_UNREACHABLE", what: string): GatehouseError {
    return this.#role === "client"
      ? new GatehouseError(ofTarget, `The target ${what}.`)
      : new GatehouseError("PROTOCOL_VIOLATION", `The client ${what}.`);
  }

  /** Something is wrong: the peer is told, in words that give nothing away, and the owner is. */
  #fail(error: unknown): void {
    if (this.#state === "closing" || this.#state === "closed") return;
    const why =
      error instanceof GatehouseError
        ? error
        : new GatehouseError("INTERNAL", `The connection failed: ${messageOf(error)}.`, { cause: error });
    this.#hangUp(encodeDisconnect(lastWords(why)));
    this.#close(why);
  }

  #hangUp(message: Buffer): void {
    if (this.#identifying === undefined) this.#write(message);
    this.#output.flush();
    this.#state = "closing";
    const socket = this.#socket;
    const patience = setTimeout(() => socket.destroy(), LAST_WORDS_WITHIN);
    socket.once("close", () => clearTimeout(patience));
    socket.end();
    // Closing on unread bytes is a reset, which takes the last words away.
    socket.resume();
  }

  #close(why: GatehouseError | undefined): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#why = why;
    this.#exchangeDeadline.stop();
    this.#nextRekey.stop();
    this.#held.release();
    this.#settle?.failed(why ?? this.#peerError("TARGET_UNREACHABLE", "was given up"));
    this.#settle = undefined;
    this.#onClose?.(why);
  }
}

/** What is there from the first key exchange on, before which nobody has the transport. */
function known<T>(value: T | undefined): T {
  if (value !== undefined) return value;
  throw new TypeError("The first key exchange is not over.");
}
