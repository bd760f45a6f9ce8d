import type { GatehouseError, Permit } from "@gatehouse/core";
import type { SshCommand } from "./commands.ts";
import type { ChannelOpen } from "./codec/channel-open.ts";
import type { ChannelRequest } from "./codec/channel-request.ts";
import type { GlobalRequest } from "./codec/global-request.ts";
import type { Channel } from "./connection/channel.ts";
import { Connection, type GlobalAnswer, type Opened, type Opening } from "./connection/connection.ts";
import type { Messages } from "./auth/messages.ts";

/** Channels at once, at one target; as many as its client may have, and what the target opens itself. */
const CHANNELS = 256;

/** What the target does by itself. */
export interface TargetEvents {
  open(request: ChannelOpen, opening: Opening): void;
  closed(why: GatehouseError | undefined): void;
}

/**
 * The gateway's own connection to a target, and the one way by which anything reaches it: whatever has the target do
 * something asks for a permit (promise 1).
 */
export class Upstream {
  readonly #target: Messages;
  readonly #connection: Connection;

  /** @param target that the gateway has logged in at */
  constructor(target: Messages, events: TargetEvents) {
    this.#target = target;
    const options = { link: target.transport, most: CHANNELS };
    this.#connection = new Connection(options, { ...events, request: answerTarget });
  }

  /** Begins to take what the target sends. @throws as `Connection.start` */
  start(): void {
    this.#connection.start(this.#target.rest());
  }

  /** Opens a channel in which nothing runs yet, and nothing can without a permit. */
  openSession(opened: (opened: Opened) => void): void {
    this.#connection.open("session", NOTHING, opened);
  }

  /** Has something done in such a channel: a program started, an agent or a display lent. */
  run(
    permit: Permit,
    command: SshCommand,
    channel: Channel,
    { type, data }: Pick<ChannelRequest, "type" | "data">,
    answered: (ok: boolean) => void,
  ): void {
    permit.redeem(command);
    channel.ask(type, data, answered);
  }

  /** Gives a program that is going to be started a variable. */
  environment(permit: Permit, command: SshCommand, channel: Channel, data: Buffer): void {
    permit.redeem(command);
    channel.tell("env", data);
  }

  /** Starts the target's SFTP server, which does nothing until it is asked: what asks it for anything goes by `send`. */
  startSftp(
    channel: Channel,
    request: Pick<ChannelRequest, "type" | "data">,
    answered: (ok: boolean) => void,
  ): void {
    channel.ask(request.type, request.data, answered);
  }

  /** Sends a request to the target's SFTP server. */
  send(permit: Permit, command: SshCommand, channel: Channel, bytes: readonly Buffer[]): void {
    permit.redeem(command);
    for (const part of bytes) channel.write(part);
  }

  /** Opens a channel that leads somewhere else. */
  forward(
    permit: Permit,
    command: SshCommand,
    { type, data }: Pick<ChannelOpen, "type" | "data">,
    opened: (opened: Opened) => void,
  ): void {
    permit.redeem(command);
    this.#connection.open(type, data, opened);
  }

  /** Has the target listen. */
  listen(
    permit: Permit,
    command: SshCommand,
    { name, data }: GlobalRequest,
    answered: (answer: GlobalAnswer) => void,
  ): void {
    permit.redeem(command);
    this.#connection.ask(name, data, answered);
  }

  /** Has it listen no more. */
  unlisten({ name, data }: GlobalRequest, answered: (answer: GlobalAnswer) => void): void {
    this.#connection.ask(name, data, answered);
  }

  disconnect(reason: number, description: string): void {
    this.#connection.disconnect(reason, description);
  }
}

const NOTHING = Buffer.alloc(0);

/** Keepalives want any answer; what a target tells of its host keys was checked when the connection was made. */
function answerTarget(_: GlobalRequest, answer: (answer: GlobalAnswer) => void): void {
  answer({ ok: false });
}
