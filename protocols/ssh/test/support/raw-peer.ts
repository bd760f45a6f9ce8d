import { randomBytes } from "node:crypto";
import type { Socket } from "node:net";
import { Pull } from "@gatehouse/wire";
import { readPublicKey } from "@gatehouse/openssh";
import { decodeKexInit, encodeKexInit, type KexInit } from "../../src/codec/kex-init.ts";
import { encodeNewKeys } from "../../src/codec/key-exchange.ts";
import { number } from "../../src/codec/numbers.ts";
import { defaultAlgorithms, defaultHostKeyAlgorithms } from "../../src/transport/algorithms.ts";
import { createOpener, createSealer } from "../../src/transport/ciphers.ts";
import { IdentificationReader, identification } from "../../src/transport/identification.ts";
import { KeyExchange } from "../../src/transport/key-exchange.ts";
import { marker } from "../../src/transport/negotiate.ts";
import { PacketReader } from "../../src/transport/packet-reader.ts";
import { PacketWriter } from "../../src/transport/packet-writer.ts";

const OWN = identification("raw");

/** A client that does one thing after the other, as a test says, in whatever order: it keeps to no rule by itself. */
export class RawPeer {
  readonly socket: Socket;
  readonly #pull: Pull;
  readonly #reader = new PacketReader(1024 * 1024);
  readonly #writer = new PacketWriter();
  #server = "";
  #exchange: KeyExchange | undefined;
  #sessionId: Buffer | undefined;
  #strict = false;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("error", () => socket.destroy());
    this.#pull = new Pull(socket);
  }

  /** Says who it is, and listens who the server is. */
  async hello(): Promise<void> {
    this.socket.write(`${OWN}\r\n`);
    const reader = new IdentificationReader("server");
    let rest: Buffer | undefined;
    while (rest === undefined) rest = reader.push((await this.#pull.next()) ?? Buffer.from("\n"));
    this.#server = reader.line;
    this.#reader.push(rest);
  }

  /** What signatures of clients are bound to; undefined before the first key exchange is over. */
  get sessionId(): Buffer | undefined {
    return this.#sessionId;
  }

  send(...payloads: readonly Buffer[]): void {
    for (const payload of payloads) this.socket.write(this.pack(payload));
  }

  /** The next packet, for who sends it in a way of their own. */
  pack(payload: Buffer): Buffer {
    return Buffer.concat(this.#writer.write([payload]));
  }

  /** The next message; undefined when the server has left. */
  async next(): Promise<Buffer | undefined> {
    for (;;) {
      const payload = this.#reader.next();
      if (payload) return payload;
      const chunk = await this.#pull.next();
      if (chunk === undefined) return undefined;
      this.#reader.push(chunk);
    }
  }

  /** The numbers of the messages that come until the server leaves. */
  async numbers(): Promise<readonly (number | undefined)[]> {
    const found: (number | undefined)[] = [];
    for (let next = await this.next(); next; next = await this.next()) found.push(next[0]);
    return found;
  }

  /** Sends KEXINIT. @param change what is to be unlike what it should be */
  init(change: (init: KexInit) => KexInit = (init) => init): void {
    this.#exchange = new KeyExchange(
      {
        role: "client",
        algorithms: defaultAlgorithms,
        hostKeyAlgorithms: defaultHostKeyAlgorithms,
        verifyHost: ({ blob }) => readPublicKey(blob),
      },
      { client: OWN, server: this.#server },
      this.#sessionId,
    );
    const init = change(decodeKexInit(this.#exchange.init));
    Object.defineProperty(this.#exchange, "init", { value: encodeKexInit(init, randomBytes(16)) });
    if (this.#sessionId === undefined) this.#strict = init.kex.includes(marker.strict.client);
    this.send(this.#exchange.init);
  }

  /** Goes through the rest of a key exchange that `init` began. @param between is done before its own NEWKEYS */
  async finish(between: () => void = () => {}): Promise<void> {
    const exchange = this.#exchange;
    if (!exchange) throw new TypeError("no KEXINIT yet");
    for (let next = await this.next(); next; next = await this.next()) {
      if (next[0] === number.kexInit) {
        const message = exchange.begin(next);
        if (message) this.send(message);
      } else if (next[0] === number.kexExchangeReply) {
        await exchange.receive(next);
        between();
        this.send(encodeNewKeys());
        if (exchange.keys) this.#writer.use(createSealer(exchange.keys.sending), this.#strict);
      } else if (next[0] === number.newKeys && exchange.keys) {
        this.#reader.use(createOpener(exchange.keys.receiving), this.#strict);
        this.#sessionId = exchange.keys.sessionId;
        return;
      }
    }
    throw new Error("the server has left");
  }
}
