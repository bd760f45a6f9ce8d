import type { TLSSocket } from "node:tls";
import { once } from "node:events";
import type { Demo } from "@gatehouse/demo";
import { message, rawConnection, securedConnection, startupMessage } from "../raw.ts";

const CANCEL_REQUEST = 80_877_102;
const EMPTY = Buffer.alloc(0);

/** How something that was sent has ended: answered, refused with an SQLSTATE, or by the connection's end. */
export type Answer = "done" | "end" | { readonly refused: string };

/** A client of the operators' agent, that sends what it likes when it likes. */
export class Client {
  readonly #socket: TLSSocket;
  readonly #port: number;
  #bytes = EMPTY;
  #key = EMPTY;
  #refused: string | undefined;
  /** ReadyForQuery that nobody has asked for yet. */
  readonly #answers: Answer[] = [];
  #notices = 0;
  #closed = false;
  #wake = Promise.withResolvers<undefined>();

  private constructor(socket: TLSSocket, port: number) {
    this.#socket = socket;
    this.#port = port;
    socket.on("data", (chunk: Buffer) => this.#take(chunk));
    socket.once("close", () => {
      this.#closed = true;
      this.#woken();
    });
  }

  /** @throws where the log-in is refused, or the gateway is gone */
  static async open(demo: Demo, port: number): Promise<Client> {
    const client = new Client(await securedConnection(demo, port), port);
    client.send(startupMessage({ user: "writer", database: "orders" }));
    client.send(message("p", Buffer.from(`${demo.variables["WRITER_TOKEN"] ?? ""}\0`)));
    const answer = await client.answer();
    if (answer !== "done") throw new Error(`The log-in has failed: ${JSON.stringify(answer)}`);
    return client;
  }

  get closed(): boolean {
    return this.#closed;
  }

  send(...messages: readonly Buffer[]): void {
    if (!this.#socket.destroyed) this.#socket.write(Buffer.concat(messages));
  }

  /** What becomes of what was sent up to the next ReadyForQuery. */
  async answer(): Promise<Answer> {
    for (;;) {
      const answer = this.#answers.shift();
      if (answer !== undefined) return answer;
      if (this.#closed) return "end";
      await this.#wake.promise;
    }
  }

  /** Resolves when the client was told that something waits, or has its answer, or is not connected any more. */
  async held(): Promise<void> {
    while (this.#notices === 0 && this.#answers.length === 0 && !this.#closed) await this.#wake.promise;
    this.#notices = 0;
  }

  /** Asks over a connection of its own that what runs is cancelled, as libpq does. Resolves when the gateway has it. */
  async cancel(): Promise<void> {
    const packet = Buffer.alloc(8);
    packet.writeInt32BE(8 + this.#key.length);
    packet.writeInt32BE(CANCEL_REQUEST, 4);
    const socket = await rawConnection(this.#port);
    const closed = once(socket, "close");
    socket.write(Buffer.concat([packet, this.#key]));
    socket.resume();
    await closed;
  }

  /** Leaves without a word. */
  vanish(): void {
    this.#socket.destroy();
  }

  /** Closes its side, as a client whose process ends. */
  close(): void {
    this.#socket.end();
  }

  terminate(): void {
    this.send(message("X", EMPTY));
  }

  #take(chunk: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    while (this.#bytes.length >= 5) {
      const end = 1 + this.#bytes.readInt32BE(1);
      if (this.#bytes.length < end) break;
      this.#message(this.#bytes.toString("latin1", 0, 1), this.#bytes.subarray(5, end));
      this.#bytes = this.#bytes.subarray(end);
    }
    this.#woken();
  }

  #message(type: string, body: Buffer): void {
    if (type === "K") this.#key = Buffer.from(body);
    else if (type === "N") this.#notices++;
    else if (type === "E") this.#refused ??= /\0C(\w{5})\0/.exec(body.toString("latin1"))?.[1] ?? "?";
    else if (type === "Z") {
      this.#answers.push(this.#refused === undefined ? "done" : { refused: this.#refused });
      this.#refused = undefined;
    }
  }

  #woken(): void {
    this.#wake.resolve(undefined);
    this.#wake = Promise.withResolvers();
  }
}

export const query = (text: string) => message("Q", Buffer.from(`${text}\0`));

/** One statement in the extended protocol, with its values and without a Sync. */
export function extended(text: string, ...values: readonly string[]): Buffer {
  const bound = values.map((value) => {
    const length = Buffer.alloc(4);
    length.writeInt32BE(Buffer.byteLength(value));
    return Buffer.concat([length, Buffer.from(value)]);
  });
  const bind = [Buffer.from(`\0\0\0\0\0${String.fromCharCode(values.length)}`), ...bound, Buffer.alloc(2)];
  return Buffer.concat([
    message("P", Buffer.from(`\0${text}\0\0\0`)),
    message("B", Buffer.concat(bind)),
    message("E", Buffer.alloc(5)),
  ]);
}

export const sync = message("S", EMPTY);
