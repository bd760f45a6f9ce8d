import { connect } from "node:net";
import {
  decide,
  type Decided,
  type Address,
  type Clock,
  endOf,
  type GatehouseError,
  type Held,
  type Logger,
  messageOf,
  type OpenSession,
  type Recordings,
  type Refusal,
  type SessionEnd,
  type ValueMasks,
} from "@gatehouse/core";
import type { Messages } from "./auth/messages.ts";
import { disconnectReason } from "./codec/disconnect.ts";
import { type ChannelOpen, decodeSocketPath, decodeTcpRoute, openFailure } from "./codec/channel-open.ts";
import {
  decodeBoundPort,
  decodeListenAddress,
  decodeListenPath,
  type GlobalRequest,
} from "./codec/global-request.ts";
import {
  forwardCommand,
  listenCommand,
  type SshCommand,
  socketForwardCommand,
  socketListenCommand,
} from "./commands.ts";
import { Connection, type GlobalAnswer, type Opening } from "./connection/connection.ts";

import { pipeChannels, pipeSocket } from "./pipe.ts";
import { refusalLine, refusalText, refusedOpening } from "./refusal.ts";
import { SessionChannel } from "./session-channel.ts";
import { Upstream } from "./upstream.ts";

/** Channels that a client may have at once. */
const CHANNELS = 128;
/** Places at which the target may be asked to listen. */
const LISTENING = 32;

/** What the channels of a session have in common. */
export interface SessionContext {
  readonly session: OpenSession;
  readonly upstream: Upstream;
  readonly values: ValueMasks;
  readonly recordings: Recordings;
  readonly clock: Clock;
  readonly log: Logger;
  /** What of the client's the target may come back for. */
  readonly lent: Set<"agent" | "x11">;
}

export interface SessionOptions
  extends Pick<SessionContext, "session" | "values" | "recordings" | "clock" | "log"> {
  /** Both have logged in. */
  readonly client: Messages;
  readonly target: Messages;
  /** Where the gateway itself listens for clients of the target that has this address. */
  readonly doorTo: (host: string, port: number) => Address | undefined;
}

/** One client on one target: the two connections, and what the client asks for that is not about one of its programs. */
export class SshSession {
  readonly #options: SessionOptions;
  readonly #context: SessionContext;
  readonly #client: Connection;
  readonly #sessions = new Set<SessionChannel>();
  /** Where the target listens for the client: `HOST:PORT`, or a path. */
  readonly #listening = new Set<string>();
  readonly #held = new Set<Held>();
  #moreSessions = true;
  #over = false;
  readonly #ended = Promise.withResolvers<void>();

  /** @throws GatehouseError PROTOCOL_VIOLATION for what either side has sent already and may not */
  constructor(options: SessionOptions) {
    this.#options = options;
    const { session, values, recordings, clock, log } = options;
    const upstream = new Upstream(options.target, {
      open: (request, opening) => this.#targetOpens(request, opening),
      closed: (why) => this.#targetGone(why),
    });
    this.#context = { session, upstream, values, recordings, clock, log, lent: new Set() };
    const { client } = options;
    this.#client = new Connection(
      { link: client.transport, most: CHANNELS },
      {
        open: (request, opening) => this.#clientOpens(request, opening),
        request: (request, answer) => this.#clientAsks(request, answer),
        closed: (why) => this.#end(why ? "client_error" : "client_closed", why?.message),
      },
    );
    // Only now: what either side has sent already may be about the other.
    upstream.start();
    this.#client.start(client.rest());
    const dismissed = () => this.#dismiss();
    session.ended.addEventListener("abort", dismissed, { once: true });
    if (session.ended.aborted) dismissed();
  }

  /** Resolves when it is over, and that is on the audit log. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  #clientOpens(request: ChannelOpen, opening: Opening): void {
    switch (request.type) {
      case "session":
        this.#openSession(opening);
        break;
      case "direct-tcpip": {
        const route = decodeTcpRoute(request.data);
        this.#forward(request, opening, () => forwardCommand(route, this.#login), route);
        break;
      }
      case "direct-streamlocal@openssh.com": {
        const path = decodeSocketPath(request.data, "direct");
        this.#forward(request, opening, () => socketForwardCommand(path, this.#login));
        break;
      }
      default:
        opening.refuse({ reason: openFailure.unknownType, description: "unknown channel type" });
        break;
    }
  }

  get #login(): string {
    return this.#options.session.lease.user;
  }

  #openSession(opening: Opening): void {
    if (!this.#moreSessions) {
      opening.refuse({
        reason: openFailure.prohibited,
        description: "you have said that there would be no more",
      });
      return;
    }
    this.#context.upstream.openSession((opened) => {
      if (!opened.ok) {
        opening.refuse(opened.failure);
        return;
      }
      const client = opening.accept();
      const channel = new SessionChannel(this.#context, client, opened.channel, () => {
        this.#sessions.delete(channel);
        this.#tellActivity();
      });
      this.#sessions.add(channel);
      this.#tellActivity();
    });
  }

  /** @param route where it is to lead, for a target that has a door of its own */
  #forward(
    request: ChannelOpen,
    opening: Opening,
    make: () => SshCommand,
    route?: { readonly host: string; readonly port: number },
  ): void {
    const forward = async () => {
      const decided = await this.#decide(make);
      if (!decided.ok) {
        opening.refuse(refusedOpening(decided.refusal));
        return;
      }
      const { permit, command } = decided;
      const door = route && this.#options.doorTo(route.host, route.port);
      if (door) {
        permit.redeem(command);
        this.#leadTo(door, opening);
        return;
      }
      this.#context.upstream.forward(permit, command, request, (opened) => {
        if (opened.ok) pipeChannels(opening.accept(), opened.channel);
        else opening.refuse(opened.failure);
      });
    };
    const refuse = () =>
      opening.refuse({ reason: openFailure.connectFailed, description: "the gateway failed" });
    forward().catch((error: unknown) => this.#failed(error, refuse));
  }

  #failed(error: unknown, refuse: () => void): void {
    this.#options.log.error({ error: messageOf(error) }, "a forward failed");
    refuse();
  }

  /** Another target of the gateway's: what is decided there is decided by its own adapter, as for any client. */
  #leadTo(door: Address, opening: Opening): void {
    const socket = connect("socket" in door ? { path: door.socket } : { ...door, noDelay: true });
    const failed = () =>
      opening.refuse({ reason: openFailure.connectFailed, description: "the gateway does not listen there" });
    socket.once("error", failed);
    socket.once("connect", () => {
      socket.off("error", failed);
      const channel = opening.accept();
      if (channel.isClosing) socket.destroy();
      else pipeSocket(channel, socket);
    });
  }

  #decide(make: () => SshCommand): Promise<Decided<SshCommand>> {
    let waiting: Held | undefined;
    return decide(this.#options.session, make, (held) => {
      waiting = held;
      this.#held.add(held);
      if (this.#over) held.gone("client_gone");
    }).finally(() => {
      if (waiting) this.#held.delete(waiting);
    });
  }

  #clientAsks(request: GlobalRequest, answer: (answer: GlobalAnswer) => void): void {
    const { name, data } = request;
    switch (name) {
      case "no-more-sessions@openssh.com":
        this.#moreSessions = false;
        answer({ ok: true });
        break;
      case "tcpip-forward": {
        const address = decodeListenAddress(data);
        const place = (bound: Buffer | undefined) => {
          const port = address.port === 0 && bound ? decodeBoundPort(bound) : address.port;
          return `${address.host}:${port}`;
        };
        this.#listen(request, () => listenCommand(address, this.#login), place, answer);
        break;
      }
      case "streamlocal-forward@openssh.com": {
        const path = decodeListenPath(data);
        this.#listen(
          request,
          () => socketListenCommand(path, this.#login),
          () => path,
          answer,
        );
        break;
      }
      case "cancel-tcpip-forward": {
        const { host, port } = decodeListenAddress(data);
        this.#unlisten(request, `${host}:${port}`, answer);
        break;
      }
      case "cancel-streamlocal-forward@openssh.com":
        this.#unlisten(request, decodeListenPath(data), answer);
        break;
      default:
        // Keepalives are among them: any answer will do.
        answer({ ok: false });
    }
  }

  /** @param place where it listens, by what the target answers */
  #listen(
    request: GlobalRequest,
    make: () => SshCommand,
    place: (answer: Buffer | undefined) => string,
    answer: (answer: GlobalAnswer) => void,
  ): void {
    const listen = async () => {
      const decided = await this.#decide(make);
      if (!decided.ok) {
        // A global request has no words for a refusal: who has a terminal is told there.
        for (const channel of this.#sessions) channel.notify(refusalText(decided.refusal));
        answer({ ok: false });
        return;
      }
      this.#context.upstream.listen(decided.permit, decided.command, request, (answered) => {
        // At once: who has connected there may be right behind the answer.
        if (answered.ok) this.#listening.add(place(answered.data));
        answer(answered);
      });
    };
    if (this.#listening.size >= LISTENING) answer({ ok: false });
    else listen().catch((error: unknown) => this.#failed(error, () => answer({ ok: false })));
  }

  #unlisten(request: GlobalRequest, place: string, answer: (answer: GlobalAnswer) => void): void {
    if (this.#listening.delete(place)) this.#context.upstream.unlisten(request, answer);
    else answer({ ok: false });
  }

  /** The target comes back for what it was lent, or for whoever has connected where it listens. */
  #targetOpens(request: ChannelOpen, opening: Opening): void {
    if (!this.#isExpected(request)) {
      opening.refuse({ reason: openFailure.prohibited, description: "nobody has asked for this" });
      return;
    }
    this.#client.open(request.type, request.data, (opened) => {
      if (opened.ok) pipeChannels(opening.accept(), opened.channel);
      else opening.refuse(opened.failure);
    });
  }

  #isExpected({ type, data }: ChannelOpen): boolean {
    const { lent } = this.#context;
    switch (type) {
      case "forwarded-tcpip": {
        const { host, port } = decodeTcpRoute(data);
        return this.#listening.has(`${host}:${port}`);
      }
      case "forwarded-streamlocal@openssh.com":
        return this.#listening.has(decodeSocketPath(data, "forwarded"));
      case "auth-agent@openssh.com":
        return lent.has("agent");
      case "x11":
        return lent.has("x11");
      default:
        return false;
    }
  }

  #tellActivity(): void {
    this.#options.session.activity(this.#sessions.size > 0 ? "busy" : "idle");
  }

  #targetGone(why: GatehouseError | undefined): void {
    if (this.#over) return;
    const message = "The target has closed the connection.";
    this.#client.disconnect(disconnectReason.connectionLost, message);
    this.#end("target_closed", why?.message);
  }

  /** The gateway ends it. */
  #dismiss(): void {
    const refusal = this.#options.session.ended.reason as Refusal;
    for (const channel of this.#sessions) channel.notify(refusalText(refusal));
    this.#client.disconnect(disconnectReason.byApplication, refusalLine(refusal));
    this.#end(endOf(refusal), refusal.message);
  }

  #end(end: SessionEnd, detail?: string): void {
    if (this.#over) return;
    this.#over = true;
    for (const held of this.#held) held.gone("client_gone");
    this.#context.upstream.disconnect(disconnectReason.byApplication, "The client has gone.");
    this.#options.session.close(end, detail).then(this.#ended.resolve, this.#ended.reject);
  }
}
