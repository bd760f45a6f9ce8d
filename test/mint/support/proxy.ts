import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import type { Test } from "tap";

/** Before the statement is passed on, right after it was, or when its answer is complete and not passed back yet. */
export type Moment = "before" | "after" | "answered";

/** The administrator's connection stands still at a statement, until it is told how to go on. */
export interface Stopped {
  /** The statement's text. */
  readonly sql: string;
  go(): void;
  /** Closes both of its ends. */
  cut(): void;
}

interface Stop {
  left: number;
  readonly moment: Moment;
  readonly reached: PromiseWithResolvers<Stopped>;
}

/** The provisioner's own connections, by what they say at their start. */
const ADMINISTRATOR = /^gatehouse [0-9a-z]{8}$/;
const PROTOCOL_3 = 3;
const QUERY = 0x51;
const SYNC = 0x53;
const READY_FOR_QUERY = 0x5a;

/**
 * Stands between a gateway and its target, both in plaintext. It knows just enough of PostgreSQL's protocol to count the statements
 * of the gateway's administrator: what is one message to the server, however many statements are in it, is one.
 */
export class TargetProxy {
  readonly port: number;
  readonly #server: Server;
  readonly #upstream: number;
  readonly #sockets = new Set<Socket>();
  readonly #administrators = new Set<Socket>();
  readonly #stops = new Set<Stop>();
  #reachable: "to all" | "to sessions" | "to nobody" = "to all";
  /** The administrator's statements so far. */
  readonly statements: string[] = [];

  private constructor(server: Server, port: number, upstream: number) {
    this.#server = server;
    this.port = port;
    this.#upstream = upstream;
    server.on("connection", (socket) => this.#connected(socket));
  }

  static async start(t: Test, upstream: number): Promise<TargetProxy> {
    const server = createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("It listens at no port.");
    const proxy = new TargetProxy(server, address.port, upstream);
    t.teardown(() => proxy.#close());
    return proxy;
  }

  /** @param statement of the administrator, from now on; the first is 1 */
  stopAt(statement: number, moment: Moment): { readonly reached: Promise<Stopped>; forget(): void } {
    const stop: Stop = { left: statement, moment, reached: Promise.withResolvers() };
    this.#stops.add(stop);
    return { reached: stop.reached.promise, forget: () => this.#stops.delete(stop) };
  }

  /** Ends all connections; new ones come to nothing until `restore`. */
  cutAll(): void {
    this.#reachable = "to nobody";
    for (const socket of this.#sockets) socket.destroy();
  }

  /** As `cutAll`, for the administrator's alone: sessions go on. */
  cutAdministrators(): void {
    this.#reachable = "to sessions";
    for (const socket of this.#administrators) socket.destroy();
  }

  restore(): void {
    this.#reachable = "to all";
  }

  #close(): void {
    this.#server.close();
    this.cutAll();
  }

  #connected(client: Socket): void {
    if (this.#reachable === "to nobody") {
      client.resetAndDestroy();
      return;
    }
    const server = connect({ port: this.#upstream, host: "127.0.0.1" });
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(socket);
      socket.setNoDelay(true);
      socket.on("error", () => undefined);
      socket.once("close", () => {
        this.#sockets.delete(socket);
        // What it has said last is still to be heard.
        other.destroySoon();
      });
    }
    void this.#relay(client, server).catch(() => {
      client.destroy();
      server.destroy();
    });
  }

  async #relay(client: Socket, server: Socket): Promise<void> {
    const messages = new Messages(client);
    const startup = await messages.startup();
    if (startup === undefined) return;
    server.write(startup.bytes);
    if (!ADMINISTRATOR.test(startup.application)) {
      server.on("data", (chunk: Buffer) => client.write(chunk));
      await messages.chunks((chunk) => server.write(chunk));
      return;
    }
    if (this.#reachable !== "to all") throw new Error("The target is away.");
    this.#administrators.add(client);
    client.once("close", () => this.#administrators.delete(client));
    const answers = new Messages(server);
    const awaited: Stop[] = [];
    let silence = Promise.resolve();
    const forth = async () => {
      for (let bytes = await messages.next(); bytes !== undefined; bytes = await messages.next()) {
        const { sql, reached } = this.#count(bytes);
        const at = (moment: Moment) => reached.filter((stop) => stop.moment === moment);
        await hold(at("before"), sql, client, server);
        awaited.push(...at("answered"));
        silence = hold(at("after"), sql, client, server);
        server.write(bytes);
        await silence;
      }
    };
    const back = async () => {
      for (let bytes = await answers.next(); bytes !== undefined; bytes = await answers.next()) {
        await silence;
        if (bytes[0] === READY_FOR_QUERY) await hold(awaited.splice(0), "", client, server);
        client.write(bytes);
      }
    };
    await Promise.all([forth(), back()]);
  }

  /** @returns the stops that this message is at */
  #count(bytes: Buffer): { readonly sql: string; readonly reached: readonly Stop[] } {
    const sql = bytes[0] === QUERY ? bytes.toString("utf8", 5, bytes.length - 1) : "";
    if (bytes[0] !== QUERY && bytes[0] !== SYNC) return { sql, reached: [] };
    this.statements.push(sql);
    const reached: Stop[] = [];
    for (const stop of this.#stops) {
      stop.left--;
      if (stop.left > 0) continue;
      this.#stops.delete(stop);
      reached.push(stop);
    }
    return { sql, reached };
  }
}

/** Resolves when all of them have said to go on. */
async function hold(stops: readonly Stop[], sql: string, client: Socket, server: Socket): Promise<void> {
  const told = stops.map(
    ({ reached }) =>
      new Promise<void>((resolve, reject) => {
        const cut = () => {
          client.destroy();
          server.destroy();
          reject(new Error("The connection was cut."));
        };
        reached.resolve({ sql, go: resolve, cut });
      }),
  );
  await Promise.all(told);
}

/** What comes from a socket, message by message. */
class Messages {
  readonly #chunks: AsyncIterator<Buffer>;
  #buffer: Buffer = Buffer.alloc(0);

  constructor(socket: Socket) {
    this.#chunks = socket.iterator({ destroyOnReturn: false }) as AsyncIterator<Buffer>;
  }

  /** What a client says first; undefined where it says nothing. */
  async startup(): Promise<{ readonly bytes: Buffer; readonly application: string } | undefined> {
    const bytes = await this.#take(0);
    if (bytes === undefined) return undefined;
    const words = bytes.readUInt16BE(4) === PROTOCOL_3 ? bytes.toString("utf8", 8).split("\0") : [];
    const name = words.findIndex((word, index) => index % 2 === 0 && word === "application_name");
    return { bytes, application: name < 0 ? "" : (words[name + 1] ?? "") };
  }

  next(): Promise<Buffer | undefined> {
    return this.#take(1);
  }

  /** What has come and was not taken, and all that comes. */
  async chunks(take: (chunk: Buffer) => void): Promise<void> {
    take(this.#buffer);
    for await (const chunk of { [Symbol.asyncIterator]: () => this.#chunks }) take(chunk);
  }

  /** @param before bytes in front of the length */
  async #take(before: number): Promise<Buffer | undefined> {
    for (;;) {
      if (this.#buffer.length >= before + 4) {
        const length = before + this.#buffer.readUInt32BE(before);
        if (this.#buffer.length >= length) {
          const message = this.#buffer.subarray(0, length);
          this.#buffer = this.#buffer.subarray(length);
          return message;
        }
      }
      const chunk = await this.#chunks.next();
      if (chunk.done === true) return undefined;
      this.#buffer = Buffer.concat([this.#buffer, chunk.value]);
    }
  }
}
