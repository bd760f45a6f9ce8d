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
import { hangUp, Pull, serveClients } from "@gatehouse/wire";
import type { SurroundingsOfTargets } from "./surroundings.ts";
import type { Analyzer } from "./analysis/analyzer.ts";
import type { Catalogs } from "./catalog/catalogs.ts";
import { SessionCatalog } from "./catalog/session-catalog.ts";
import type { CancelKeys } from "./cancel-keys.ts";
import { encodeAuthenticationCleartextPassword, encodeAuthenticationOk } from "./codec/authentication.ts";
import { encodeBackendKeyData } from "./codec/backend-key-data.ts";
import { FrameReader, typeCode } from "./codec/framing.ts";
import { encodeNegotiateProtocolVersion } from "./codec/negotiate-protocol-version.ts";
import { encodeParameterStatus, type ParameterStatus } from "./codec/parameter-status.ts";
import { decodePasswordMessage } from "./codec/password-message.ts";
import { encodeReadyForQuery } from "./codec/ready-for-query.ts";
import { SessionReading } from "./reading.ts";
import { encodeLoginRefusal, encodeRefusal, encodeViolation } from "./refusal.ts";
import { settingsCommand } from "./commands.ts";
import { ClientSession } from "./session.ts";
import { levelSettingsOf, settingsOf } from "./settings.ts";
import { sessionParameters } from "./session-parameters.ts";
import { readStartup, type Startup } from "./startup.ts";
import { readStartupParameters, type StartupRequest } from "./startup-parameters.ts";
import { Upstream } from "./upstream.ts";
import { WaitingClient } from "./waiting-client.ts";

/** The newest protocol version that is spoken here. */
const VERSION = { major: 3, minor: 2 } as const;
/** Settings of a client's own after which the target is asked where it looks for names. */
const ASKED = ["search_path", "role", "session_authorization"];
/** From this minor version on, a cancel key may be long. */
const LONG_KEYS = 2;
/** A token is a few kilobytes; a password message that is larger is none. */
const PASSWORD_LIMIT = 64 * 1024;

const TLS_HINT =
  "Turn TLS on: sslmode=verify-full with the gateway's CA file as sslrootcert (or at least sslmode=require).";

/** What all sessions of the protocol have in common, by whichever listener they come. */
export interface Shared {
  readonly analyzer: Analyzer;
  /** A cancel may come in by another listener than its session. */
  readonly cancelKeys: CancelKeys;
  readonly catalogs: Catalogs;
  readonly surroundings: SurroundingsOfTargets;
}

/** Serves PostgreSQL clients on one address. */
export function serve(options: ServeOptions, shared: Shared): Promise<Listener> {
  const { connections, perAddress, keepalive } = options.limits;
  return serveClients(options.address, {
    ...{ connections, perAddress, keepalive, log: options.log },
    run: (socket, started) => new Connection(socket, options, shared, started).run(),
  });
}

/** What a client asked for, by its StartupMessage. */
type Asked = Startup & { kind: "session" } & { readonly request: StartupRequest };

/** One client connection, from accept to the end of its session. */
class Connection {
  readonly #raw: Socket;
  readonly #options: ServeOptions;
  readonly #shared: Shared;
  readonly #started: () => void;
  readonly #client: Address;
  /** The client knows that its password was right. */
  #welcomed = false;

  /** @param started is called when the client has logged in */
  constructor(raw: Socket, options: ServeOptions, shared: Shared, started: () => void) {
    this.#raw = raw;
    this.#options = options;
    this.#shared = shared;
    this.#started = started;
    this.#client =
      "socket" in options.address
        ? options.address
        : { host: raw.remoteAddress ?? "", port: raw.remotePort ?? 0 };
  }

  /** In two steps, so that what the start-up needed is not kept as long as the session is. */
  async run(): Promise<void> {
    const runSession = await this.#start();
    await runSession?.();
  }

  /** @returns runs the session to its end; undefined where there is none */
  async #start(): Promise<(() => Promise<void>) | undefined> {
    const { limits, plaintext, log } = this.#options;
    // A client that is silent, or slow on purpose, holds a place no longer than this.
    const deadline = new AbortController();
    const timer = setTimeout(() => {
      deadline.abort();
      this.#raw.destroy();
    }, limits.startup);
    try {
      const startup = await readStartup(this.#raw, plaintext ? undefined : this.#options, deadline.signal);
      if (startup.kind === "cancel") {
        await this.#shared.cancelKeys.present(startup.key);
        // Answered by nothing but the end, and that one in TLS's own form too: libpq waits for it.
        await hangUp(startup.socket, limits.startup);
        return undefined;
      }
      const asked: Asked = { ...startup, request: readStartupParameters(startup.parameters) };
      const session = await this.#logIn(asked, () => clearTimeout(timer));
      clearTimeout(timer);
      this.#started();
      return session && (await this.#open(asked, session));
    } catch (error) {
      this.#raw.destroy();
      if (!(error instanceof GatehouseError)) throw error;
      // Port scans and broken clients: worth a line for who looks for it, and no more.
      log.debug({ client: this.#client, error: error.message }, "start-up failed");
      return undefined;
    } finally {
      clearTimeout(timer);
    }
  }

  /**
   * From the StartupMessage to an open session; undefined when the client was refused.
   * @param waitsForPeople is called when that can take as long as people do
   */
  async #logIn(
    { socket, secure, version, request }: Asked,
    waitsForPeople: () => void,
  ): Promise<OpenSession | undefined> {
    const { gate, plaintext } = this.#options;
    const { level, target, application } = request;
    const attempt = { protocol: "postgres", level, target, application, client: this.#client };
    const reject = async (refusal: Omit<Refusal, "reference">) => {
      await this.#hangUp(socket, encodeRefusal(await gate.rejectLogin(attempt, refusal), "FATAL"));
      return undefined;
    };
    if (!secure && !plaintext) {
      const message = "The gateway takes no unencrypted connections.";
      return reject({ kind: "plaintext", message, hint: TLS_HINT });
    }
    if (version.major !== VERSION.major) {
      const spoken = `${VERSION.major}.0 to ${VERSION.major}.${VERSION.minor}`;
      const message = `unsupported frontend protocol ${version.major}.${version.minor}: server supports ${spoken}`;
      await this.#hangUp(socket, encodeViolation(message));
      return undefined;
    }
    if (request.refused) return reject({ kind: "unsupported", ...request.refused });
    if (version.minor > VERSION.minor || request.unknownOptions.length > 0) {
      const minor = Math.min(version.minor, VERSION.minor);
      socket.write(encodeNegotiateProtocolVersion({ ...VERSION, minor }, request.unknownOptions));
    }
    socket.write(encodeAuthenticationCleartextPassword());
    const token = await readPassword(socket);
    // Gone without a password: a client that asks its user first, and comes again.
    if (token === undefined) return undefined;
    const waiting = new WaitingClient(socket);
    const result = await gate.login({
      ...attempt,
      credential: { token },
      reason: request.reason,
      waits: (notice) => {
        waitsForPeople();
        waiting.waits(notice);
      },
      gone: waiting.gone,
    });
    waiting.done();
    this.#welcomed = waiting.told;
    if (result.ok) return result.session;
    await this.#hangUp(socket, encodeLoginRefusal(result.refusal));
    return undefined;
  }

  async #hangUp(socket: Socket, lastWords: Buffer): Promise<undefined> {
    await hangUp(socket, this.#options.limits.startup, lastWords);
    return undefined;
  }

  /** @returns as #start */
  async #open(
    { socket: client, version, request }: Asked,
    session: OpenSession,
  ): Promise<(() => Promise<void>) | undefined> {
    const { target } = session.session;
    const { limits, log } = this.#options;
    const against = request.replication === "none" ? undefined : againstReplication(session);
    if (against) {
      const refusal = await session.refuse({ ...against, text: `replication=${request.replication}` });
      await session.close("client_error", against.message);
      return this.#hangUp(client, encodeRefusal(refusal, "FATAL"));
    }
    const refusal = await decideSettings(session, request);
    if (refusal) {
      await session.close("client_error", refusal.message);
      return this.#hangUp(client, encodeRefusal(refusal, "FATAL"));
    }
    const reading = new SessionReading(session.lease.user);
    let readable: Readable;
    try {
      readable = await connectReadable(session, request, reading, limits.keepalive);
    } catch (error) {
      const reference = session.session.id;
      log.error({ session: reference, target: target.name, error }, "the target can't be used");
      await session.close("target_unreachable", messageOf(error));
      return this.#hangUp(client, encodeRefusal(unavailable(target.name, reference), "FATAL"));
    }
    const { upstream, parameters } = readable;
    const clientSession = new ClientSession({
      client,
      upstream,
      session,
      analyzer: this.#shared.analyzer,
      values: this.#options.values,
      surroundings: this.#shared.surroundings,
      catalog: new SessionCatalog(this.#shared.catalogs.of(target)),
      reading,
      replication: request.replication,
      reason: request.reason,
      limits,
      log,
    });
    const { key, revoke } = this.#shared.cancelKeys.issue(
      version.minor >= LONG_KEYS ? "long" : "short",
      upstream.processId,
      oneAtATime(async () => {
        try {
          await clientSession.cancel();
        } catch (error) {
          // It has no answer in the protocol: that it failed is the operator's to know.
          log.warn({ session: session.session.id, error: messageOf(error) }, "cancel failed");
        }
      }),
    );
    client.write(
      Buffer.concat([
        ...(this.#welcomed ? [] : [encodeAuthenticationOk()]),
        ...parameters.map(encodeParameterStatus),
        encodeBackendKeyData(key),
        encodeReadyForQuery(),
      ]),
    );
    return () => clientSession.run().finally(revoke);
  }
}

/** Why a session can't be one for replication; undefined where it can. */
function againstReplication({ session, masks }: OpenSession): Omit<Refusal, "reference"> | undefined {
  const { level } = session;
  if (!levelSettingsOf(level).replication) {
    return {
      kind: "level",
      message: `The level "${level.name}" opens no replication connections.`,
      hint: "Leave replication out, or ask for a level that grants it.",
    };
  }
  if (masks.length === 0) return undefined;
  return {
    kind: "policy",
    message: "Values of this target are masked, and what replication sends can't be.",
    hint: "Leave replication out, or ask for a level that no mask is about.",
  };
}

/** Asks the policy for the settings that the client begins with. @returns why the session can't begin with them */
async function decideSettings(
  session: OpenSession,
  { settings, toDecide }: StartupRequest,
): Promise<Refusal | undefined> {
  if (toDecide.length === 0) return undefined;
  const command = settingsCommand(new Map(toDecide.map((name) => [name, settings.get(name) ?? ""])));
  const deciding = session.decide(command);
  if (deciding.effect === "hold") throw new GatehouseError("INTERNAL", "A session that starts can't wait.");
  const verdict = await deciding.verdict;
  if (!verdict.ok) return verdict.refusal;
  // They go with the start-up packet, which is sent once.
  verdict.permit.redeem(command);
  return undefined;
}

/** A connection to a target whose texts the gateway can read, and what the client is told of the server's settings. */
interface Readable {
  readonly upstream: Upstream;
  readonly parameters: readonly ParameterStatus[];
}

/**
 * Connects to the session's target, with the settings that the client asked for at its start.
 * @param reading is told how the target reads texts
 * @throws GatehouseError as Upstream.connect, and PROTOCOL_VIOLATION where the gateway can't read what the target does
 */
async function connectReadable(
  open: OpenSession,
  request: StartupRequest,
  reading: SessionReading,
  keepalive: number,
): Promise<Readable> {
  const { target } = open.session;
  const parameters = sessionParameters(open, request);
  const known = { ...target, settings: settingsOf(target) };
  const upstream = await Upstream.connect(known, open.lease, parameters, keepalive);
  try {
    // What a client has written itself, the server is asked for: it may read it in another way.
    if (!ASKED.some((name) => request.settings.has(name))) {
      reading.note({ name: "search_path", value: parameters.get("search_path") ?? "" }, false);
    }
    const reported = upstream.takeParameters();
    for (const parameter of reported) reading.note(parameter, true);
    return { upstream, parameters: reported };
  } catch (error) {
    await upstream.end();
    throw error;
  }
}

/**
 * Runs `work` whenever it is asked for, but one run after the other, and with no more than one waiting: a cancel is a
 * connection of its own to the target, and a client that asks a thousand times must not make a thousand of them.
 * @returns asks; resolves when a run that began after the asking is done
 */
function oneAtATime(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> = Promise.resolve();
  let next: Promise<void> | undefined;
  return () => {
    if (next) return next;
    const run = running.then(() => {
      next = undefined;
      return work();
    });
    next = run;
    running = run;
    return run;
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
