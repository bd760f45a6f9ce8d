import type { Socket } from "node:net";
import {
  type Address,
  type Clock,
  GatehouseError,
  type Listener,
  messageOf,
  type OpenSession,
  type Refusal,
  type ServeOptions,
} from "@gatehouse/core";
import { allSignatureAlgorithms, readPublicKey } from "@gatehouse/openssh";
import { serveClients } from "@gatehouse/wire";
import { LogIn } from "./auth/log-in.ts";
import { Messages } from "./auth/messages.ts";
import { ownHostKeys } from "./own-host-keys.ts";
import { SshSession } from "./session.ts";
import { listenerSettingsOf, settingsOf } from "./settings.ts";
import { software } from "./software.ts";
import { connectTarget } from "./target-connection.ts";
import { algorithmsForClients } from "./transport/algorithms.ts";
import type { HostKey } from "./transport/party.ts";
import { Transport } from "./transport/transport.ts";

/** Milliseconds that somebody may take to sign in with a browser, whatever their provider says. */
const MOST_SIGNING_IN = 15 * 60_000;

/** Serves SSH clients on one address. */
export async function serve(options: ServeOptions, clock: Clock): Promise<Listener> {
  const settings = listenerSettingsOf(options.settings);
  const hostKeys = await ownHostKeys(settings.hostKeys, options.folder);
  const { connections, perAddress, keepalive } = options.limits;
  const listener = await serveClients(options.address, {
    ...{ connections, perAddress, keepalive, log: options.log },
    run: (socket, loggedIn) => {
      const { loginGrace } = settings;
      return new Connecting(socket, { ...options, hostKeys, loginGrace, clock, loggedIn }).run();
    },
  });
  return { ...listener, hostKeys: hostKeys.map(({ blob }) => readPublicKey(blob).toString()) };
}

interface ConnectingOptions extends ServeOptions {
  readonly hostKeys: readonly HostKey[];
  readonly loginGrace: number;
  readonly clock: Clock;
  /** Called when the client is in. */
  readonly loggedIn: () => void;
}

/** One client's connection, from accept to the end of its session. */
class Connecting {
  readonly #socket: Socket;
  readonly #options: ConnectingOptions;
  readonly #client: Address;
  #timer: NodeJS.Timeout | undefined;

  constructor(socket: Socket, options: ConnectingOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#client =
      "socket" in options.address
        ? options.address
        : { host: socket.remoteAddress ?? "", port: socket.remotePort ?? 0 };
  }

  /** In two steps, so that what the log-in needed is not kept as long as the session is. */
  async run(): Promise<void> {
    const session = await this.#start();
    await session?.ended;
  }

  async #start(): Promise<SshSession | undefined> {
    const { limits, loginGrace, log, gate, hostKeys, loggedIn } = this.#options;
    // A client that is silent, or slow on purpose, holds a place no longer than this.
    const deadline = this.#limit(limits.startup);
    try {
      const transport = await Transport.open({
        socket: this.#socket,
        role: "server",
        software,
        algorithms: algorithmsForClients,
        hostKeys,
        extensions,
        signal: deadline,
      });
      this.#limit(loginGrace);
      const messages = new Messages(transport);
      const logIn = new LogIn({
        messages,
        gate,
        client: this.#client,
        hostKey: shownKey(hostKeys, transport),
        limit: (time) => {
          if (time === Number.POSITIVE_INFINITY) clearTimeout(this.#timer);
          else this.#limit(Math.min(time, loginGrace + MOST_SIGNING_IN));
        },
        grace: loginGrace,
      });
      const session = await logIn.run();
      clearTimeout(this.#timer);
      loggedIn();
      return session && (await this.#open(session, messages, logIn));
    } catch (error) {
      this.#socket.destroy();
      if (!(error instanceof GatehouseError)) throw error;
      // Port scans and broken clients: worth a line for who looks for it, and no more.
      log.debug({ client: this.#client, error: error.message }, "log-in failed");
      return undefined;
    } finally {
      clearTimeout(this.#timer);
    }
  }

  /** Ends the connection after so many milliseconds, unless it is told another time before. */
  #limit(time: number): AbortSignal {
    clearTimeout(this.#timer);
    const deadline = new AbortController();
    this.#timer = setTimeout(() => {
      deadline.abort();
      this.#socket.destroy();
    }, time);
    return deadline.signal;
  }

  async #open(session: OpenSession, messages: Messages, logIn: LogIn): Promise<SshSession | undefined> {
    const { values, recordings, doorTo, log, clock } = this.#options;
    const target = await this.#reach(session, logIn);
    if (target === undefined) return undefined;
    if (messages.gone.aborted) {
      target.transport.destroy();
      await session.close("client_closed");
      return undefined;
    }
    logIn.welcome();
    try {
      return new SshSession({
        session,
        client: messages,
        target,
        ...{ values, recordings, doorTo, log, clock },
      });
    } catch (error) {
      target.transport.destroy();
      await session.close("protocol_violation", messageOf(error));
      throw error;
    }
  }

  /** The target, when the gateway is in there; undefined when its client was told why not. */
  async #reach(session: OpenSession, logIn: LogIn): Promise<Messages | undefined> {
    const { limits, clock, log } = this.#options;
    const { target } = session.session;
    try {
      const settings = settingsOf(target);
      return await connectTarget({ ...target, settings }, session.lease, {
        clock,
        keepalive: limits.keepalive,
      });
    } catch (error) {
      const reason = error instanceof GatehouseError ? `${error.code}: ${error.message}` : messageOf(error);
      const refusal = await session.refuse({
        ...unavailable(target.name),
        text: "log-in at the target",
        reason,
      });
      log.warn(
        { session: session.session.id, reference: refusal.reference, target: target.name, reason },
        "no target",
      );
      logIn.refuse(refusal);
      await session.close("target_unreachable", reason);
      return undefined;
    }
  }
}

/** What clients may want to know (RFC 8308; OpenSSH's PROTOCOL, section 3.1): by what signatures they can prove themselves. */
const extensions: ReadonlyMap<string, Buffer> = new Map([
  ["server-sig-algs", Buffer.from(allSignatureAlgorithms.join(","), "latin1")],
  ["publickey-hostbound@openssh.com", Buffer.from("0", "latin1")],
]);

function shownKey(hostKeys: readonly HostKey[], { peer }: Transport): Buffer {
  const shown = hostKeys.find(({ algorithms }) => algorithms.includes(peer.algorithms.hostKey));
  if (shown === undefined) throw new TypeError("A host key was agreed on that there is not.");
  return shown.blob;
}

/** What is wrong at the target is not for its clients to know. */
function unavailable(target: string): Omit<Refusal, "reference"> {
  return {
    kind: "unavailable",
    message: `The target "${target}" can't be reached now.`,
    hint: "Try again; if it goes on, show the reference to whoever runs the gateway.",
  };
}
