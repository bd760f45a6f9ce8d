import type { Socket } from "node:net";
import {
  type Address,
  GatehouseError,
  type Listener,
  messageOf,
  type OpenSession,
  type Refusal,
  type ServeOptions,
} from "@gatehouse/core";
import { hangUp, listen, Pull } from "@gatehouse/wire";
import type { Analyzer } from "./analysis/analyzer.ts";
import { CancelKeys } from "./cancel-keys.ts";
import { encodeAuthenticationCleartextPassword, encodeAuthenticationOk } from "./codec/authentication.ts";
import { encodeBackendKeyData } from "./codec/backend-key-data.ts";
import { FrameReader, typeCode } from "./codec/framing.ts";
import { encodeNegotiateProtocolVersion } from "./codec/negotiate-protocol-version.ts";
import { encodeParameterStatus } from "./codec/parameter-status.ts";
import { decodePasswordMessage } from "./codec/password-message.ts";
import { encodeReadyForQuery } from "./codec/ready-for-query.ts";
import { encodeRefusal, encodeViolation } from "./refusal.ts";
import { ClientSession, checkReadable } from "./session.ts";
import { settingsOf } from "./settings.ts";
import { readStartup, type Startup } from "./startup.ts";
import { readStartupParameters, type StartupRequest } from "./startup-parameters.ts";
import { Upstream } from "./upstream.ts";

/** The newest protocol version that is spoken here. */
const VERSION = { major: 3, minor: 0 } as const;
/** A token is a few kilobytes; a password message that is larger is none. */
const PASSWORD_LIMIT = 64 * 1024;

const TLS_HINT =
  "Turn TLS on: sslmode=verify-full with the gateway's CA file as sslrootcert (or at least sslmode=require).";

/** Serves PostgreSQL clients on one address. */
export async function serve(options: ServeOptions, analyzer: Analyzer): Promise<Listener> {
  const cancelKeys = new CancelKeys();
  const startingUp = new Set<Socket>();
  const listener = await listen(options.address, {
    connections: options.limits.connections,
    serve: (socket) => {
      startingUp.add(socket);
      const started = () => startingUp.delete(socket);
      socket.once("close", started);
      new Connection(socket, options, analyzer, cancelKeys, started).run().catch((error: unknown) => {
        socket.destroy();
        options.log.error({ error }, "a connection failed");
      });
    },
  });
  return {
    address: listener.address,
    async close() {
      await listener.close();
      // Nobody gets in any more: who has not yet must not keep the process waiting for the deadline.
      for (const socket of startingUp) socket.destroy();
    },
  };
}

/** One client connection, from accept to the end of its session. */
class Connection {
  readonly #raw: Socket;
  readonly #options: ServeOptions;
  readonly #analyzer: Analyzer;
  readonly #cancelKeys: CancelKeys;
  readonly #started: () => void;
  readonly #client: Address;

  /** @param started is called when the client has logged in */
  constructor(
    raw: Socket,
    options: ServeOptions,
    analyzer: Analyzer,
    cancelKeys: CancelKeys,
    started: () => void,
  ) {
    this.#raw = raw;
    this.#options = options;
    this.#analyzer = analyzer;
    this.#cancelKeys = cancelKeys;
    this.#started = started;
    this.#client = { host: raw.remoteAddress ?? "", port: raw.remotePort ?? 0 };
  }

  async run(): Promise<void> {
    // A client that is silent, or slow on purpose, holds a place no longer than this.
    const deadline = new AbortController();
    const timer = setTimeout(() => {
      deadline.abort();
      this.#raw.destroy();
    }, this.#options.limits.startup);
    try {
      const startup = await readStartup(this.#raw, this.#options.secureContext, deadline.signal);
      if (startup.kind === "cancel") {
        this.#cancelKeys.present(startup.key);
        // Answered by nothing but the end, and that one in TLS's own form too: libpq waits for it.
        await hangUp(startup.socket, this.#options.limits.startup);
      } else if (startup.kind === "plaintext") {
        await this.#refusePlaintext(startup.parameters);
      } else {
        const opened = await this.#logIn(startup);
        clearTimeout(timer);
        this.#started();
        if (opened) await this.#open(startup.socket, ...opened);
      }
    } catch (error) {
      this.#raw.destroy();
      if (!(error instanceof GatehouseError)) throw error;
      // Port scans and broken clients: worth a line for who looks for it, and no more.
      this.#options.log.debug({ client: this.#client, error: error.message }, "start-up failed");
    } finally {
      clearTimeout(timer);
    }
  }

  async #refusePlaintext(parameters: ReadonlyMap<string, string>): Promise<void> {
    const { level, target, application } = readStartupParameters(parameters);
    const refusal = await this.#options.gate.rejectLogin(
      { protocol: "postgres", level, target, application, client: this.#client },
      { kind: "plaintext", message: "The gateway takes no unencrypted connections.", hint: TLS_HINT },
    );
    await this.#hangUp(this.#raw, encodeRefusal(refusal, "FATAL"));
  }

  /** From the StartupMessage to an open session; undefined when the client was refused. */
  async #logIn({
    socket,
    version,
    parameters,
  }: Startup & { kind: "secure" }): Promise<[OpenSession, StartupRequest] | undefined> {
    const request = readStartupParameters(parameters);
    const { level, target, application } = request;
    const attempt = { protocol: "postgres", level, target, application, client: this.#client };
    if (version.major !== VERSION.major) {
      const message = `unsupported frontend protocol ${version.major}.${version.minor}: the gateway speaks 3.0`;
      await this.#hangUp(socket, encodeViolation(message));
      return undefined;
    }
    if (request.refused) {
      const refusal = await this.#options.gate.rejectLogin(attempt, {
        kind: "unsupported",
        ...request.refused,
      });
      await this.#hangUp(socket, encodeRefusal(refusal, "FATAL"));
      return undefined;
    }
    if (version.minor > VERSION.minor || request.unknownOptions.length > 0) {
      socket.write(encodeNegotiateProtocolVersion(VERSION, request.unknownOptions));
    }
    socket.write(encodeAuthenticationCleartextPassword());
    const credential = await readPassword(socket);
    // Gone without a password: a client that asks its user first, and comes again.
    if (credential === undefined) return undefined;
    const result = await this.#options.gate.login({ ...attempt, credential });
    if (result.ok) return [result.session, request];
    await this.#hangUp(socket, encodeRefusal(result.refusal, "FATAL"));
    return undefined;
  }

  #hangUp(socket: Socket, lastWords: Buffer): Promise<void> {
    return hangUp(socket, this.#options.limits.startup, lastWords);
  }

  /** Never rejects: a cancel that fails is the operator's to know, and has no answer in the protocol. */
  async #cancel(upstream: Upstream, session: OpenSession): Promise<void> {
    try {
      await upstream.cancel();
    } catch (error) {
      this.#options.log.warn({ session: session.session.id, error: messageOf(error) }, "cancel failed");
    }
  }

  async #open(client: Socket, session: OpenSession, request: StartupRequest): Promise<void> {
    const { target } = session.session;
    const { database, schema } = settingsOf(target);
    const settings = new Map([
      ...request.settings,
      ["client_encoding", "UTF8"],
      ["search_path", quoted(schema)],
    ]);
    let upstream: Upstream;
    try {
      upstream = await connectReadable(target, database, session.lease, settings);
    } catch (error) {
      const reference = session.session.id;
      this.#options.log.error({ session: reference, target: target.name, error }, "the target can't be used");
      await session.close("target_unreachable", messageOf(error));
      await this.#hangUp(client, encodeRefusal(unavailable(target.name, reference), "FATAL"));
      return;
    }
    const key = this.#cancelKeys.issue(oneAtATime(() => this.#cancel(upstream, session)));
    try {
      client.write(
        Buffer.concat([
          encodeAuthenticationOk(),
          ...upstream.parameters.map(encodeParameterStatus),
          encodeBackendKeyData(key),
          encodeReadyForQuery(),
        ]),
      );
      const { limits, log } = this.#options;
      await new ClientSession({
        client,
        upstream,
        session,
        analyzer: this.#analyzer,
        schema,
        limits,
        log,
      }).run();
    } finally {
      this.#cancelKeys.revoke(key);
    }
  }
}

/** @throws GatehouseError as Upstream.connect, and PROTOCOL_VIOLATION where the target reads texts in another way. */
async function connectReadable(...way: Parameters<typeof Upstream.connect>): Promise<Upstream> {
  const upstream = await Upstream.connect(...way);
  try {
    for (const parameter of upstream.parameters) checkReadable(parameter);
    return upstream;
  } catch (error) {
    await upstream.end();
    throw error;
  }
}

/**
 * Runs `work` whenever it is asked for, but one run after the other, and with no more than one waiting: a cancel is a
 * connection of its own to the target, and a client that asks a thousand times must not make a thousand of them.
 */
function oneAtATime(work: () => Promise<void>): () => void {
  let last = Promise.resolve();
  let waiting = false;
  return () => {
    if (waiting) return;
    waiting = true;
    last = last.then(() => {
      waiting = false;
      return work();
    });
  };
}

/** @throws GatehouseError PROTOCOL_VIOLATION when the client answers with something else. */
async function readPassword(socket: Socket): Promise<string | undefined> {
  const pull = new Pull(socket);
  const reader = new FrameReader(PASSWORD_LIMIT);
  for (;;) {
    const frame = reader.next();
    if (frame !== undefined) {
      pull.release();
      if (frame.type !== typeCode("p")) throw new GatehouseError("PROTOCOL_VIOLATION", "expected a password");
      const rest = reader.rest();
      if (rest.length > 0) socket.unshift(rest);
      return decodePasswordMessage(frame.body);
    }
    const chunk = await pull.next();
    if (chunk === undefined) return undefined;
    reader.push(chunk);
  }
}

function unavailable(target: string, reference: string): Refusal {
  return {
    kind: "unavailable",
    message: `The target "${target}" can't be reached now.`,
    hint: "Try again; if it goes on, show the reference to whoever runs the gateway.",
    reference,
  };
}

/** As an element of search_path, which is a list of identifiers. */
function quoted(schema: string): string {
  return `"${schema.replaceAll('"', '""')}"`;
}
