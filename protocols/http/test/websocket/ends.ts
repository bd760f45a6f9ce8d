import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { type Command, type Mask, Secret, systemClock, type Target, type ValueMasks } from "@gatehouse/core";
import { issuePermit } from "@gatehouse/core/permit";
import { createFakeGate, type FakeGate } from "@gatehouse/testkit";
import { parseRequestHead } from "../../src/codec/request-head.ts";
import { findHead } from "../../src/codec/head.ts";
import { HttpCommand } from "../../src/commands.ts";
import type { Sink } from "../../src/masking/sink.ts";
import { readTarget } from "../../src/path.ts";
import { type MessageBudget, relayWebSocket, type RelayLimits } from "../../src/websocket/relay.ts";
import { raw, Listener, type RawFrame } from "./bytes.ts";

/** One that speaks WebSocket with the gateway over a socket, as a test has it. */
export class End {
  readonly socket: Socket;
  readonly #listener: Listener;
  readonly #masked: boolean;
  readonly #watchers = new Set<() => void>();
  #isClosed = false;

  constructor(socket: Socket, is: "client" | "server") {
    this.socket = socket;
    this.#masked = is === "client";
    this.#listener = new Listener(is === "client" ? "server" : "client");
    socket.on("error", () => socket.destroy());
    socket.on("data", (bytes) => {
      this.#listener.hear(bytes);
      for (const watcher of this.#watchers) watcher();
    });
    socket.on("close", () => {
      this.#isClosed = true;
      for (const watcher of this.#watchers) watcher();
    });
  }

  /** All that it was told, in words. */
  get heard(): readonly string[] {
    return this.#listener.parts;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  say(...frames: readonly RawFrame[]): void {
    this.socket.write(Buffer.concat(frames.map((frame) => raw({ masked: this.#masked, ...frame }))));
  }

  text(payload: string): void {
    this.say({ opcode: 1, payload });
  }

  close(code: number, reason = ""): void {
    this.say({
      opcode: 8,
      payload: Buffer.concat([Buffer.from([code >> 8, code & 0xff]), Buffer.from(reason)]),
    });
  }

  /** Resolves when it holds, which is looked at whenever something has come. */
  until(predicate: (end: End) => boolean): Promise<void> {
    if (predicate(this)) return Promise.resolve();
    return new Promise((resolve) => {
      const watcher = () => {
        if (!predicate(this)) return;
        this.#watchers.delete(watcher);
        resolve();
      };
      this.#watchers.add(watcher);
    });
  }

  /** Resolves when it was told as much. */
  hears(count: number): Promise<void> {
    return this.until(({ heard }) => heard.length >= count);
  }

  closed(): Promise<void> {
    return this.until(({ isClosed }) => isClosed);
  }
}

export interface Served {
  readonly client: End;
  readonly target: End;
  readonly gate: FakeGate;
  /** Resolves when the relay has hung up at both sides. */
  readonly done: Promise<void>;
}

export interface ServedOptions {
  readonly allow?: (command: Command) => boolean;
  readonly hold?: (command: Command) => boolean;
  /** Of the request. */
  readonly masks?: readonly Mask[];
  /** Of each message. */
  readonly masksOf?: () => readonly Mask[];
  readonly values?: ValueMasks;
  readonly redacted?: (next: Sink) => Sink;
  readonly limits?: Partial<RelayLimits>;
  readonly clientHead?: Buffer;
  readonly targetHead?: Buffer;
  readonly now?: () => number;
  readonly budget?: MessageBudget;
  readonly secret?: readonly string[];
}

const NO_BOUND: MessageBudget = { take: () => undefined, sent: () => undefined, received: () => undefined };

const NO_VALUES: ValueMasks = {
  transform: () => () => "***",
  detectors: () => () => "***",
  stream: () => {
    throw new Error("Nothing comes as a stream here.");
  },
};

/** The request that the WebSocket was asked for by. */
export function openingCommand(lines: readonly string[] = []): HttpCommand {
  const text = [
    "GET /v1/socket?room=1 HTTP/1.1",
    "Host: gateway",
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ...lines,
  ];
  const found = findHead(Buffer.from(`${text.join("\r\n")}\r\n\r\n`, "latin1"), 0, 100_000);
  if (found === undefined) throw new Error("No head was found.");
  const head = parseRequestHead(found);
  const request = { head, target: readTarget(head.target), fields: head.fields, body: Buffer.alloc(0) };
  return new HttpCommand(request, { routes: [], secret: new Set() });
}

/** A WebSocket between two ends, over real sockets. */
export async function serve({
  masks = [],
  masksOf,
  values = NO_VALUES,
  redacted = (next) => next,
  limits = {},
  secret = [],
  budget = NO_BOUND,
  now = () => systemClock.now(),
  ...options
}: ServedOptions = {}): Promise<Served> {
  const target: Target = {
    ...{ name: "api", protocol: "http", settings: {} },
    addresses: [{ host: "127.0.0.1", port: 1 }],
    tls: { mode: "off" },
    ...{ credential: { user: "default" }, tags: new Map(), connectTimeout: 5000 },
    levels: new Map([["default", { name: "default", credential: { user: "default" }, settings: {} }]]),
  };
  const gate = createFakeGate({
    ...{ issuePermit, target, credential: "token" },
    lease: { user: "default", password: new Secret("s3cr3t") },
    ...(options.allow ? { allow: options.allow } : {}),
    ...(options.hold ? { hold: options.hold } : {}),
    ...(masksOf ? { masks: masksOf } : {}),
  });
  const login = await gate.login({
    ...{ protocol: "http", credential: { token: "token" }, target: "api", level: "default" },
    ...{ client: { host: "127.0.0.1", port: 1 }, application: "" },
  });
  if (!login.ok) throw new Error("Nobody was let in.");
  const [clientEnd, clientSide] = await pair();
  const [targetEnd, targetSide] = await pair();
  const gone = new AbortController();
  clientSide.once("close", () => gone.abort());
  const nothing = Buffer.alloc(0);
  const done = relayWebSocket({
    ...{ client: clientSide, target: targetSide, session: login.session },
    clientHead: options.clientHead ?? nothing,
    targetHead: options.targetHead ?? nothing,
    opening: { command: openingCommand(), secret: new Set(secret) },
    ...{ masks, values, redacted, budget, gone: gone.signal },
    clock: { ...systemClock, now },
    limits: { patience: 1000, ...limits },
  });
  return { client: new End(clientEnd, "client"), target: new End(targetEnd, "server"), gate, done };
}

async function pair(): Promise<readonly [Socket, Socket]> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const coming = once(server, "connection");
  const one = connect((server.address() as AddressInfo).port, "127.0.0.1");
  const [other] = (await coming) as [Socket];
  other.on("error", () => other.destroy());
  server.close();
  return [one, other];
}
