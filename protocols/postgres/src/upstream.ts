import type { Socket } from "node:net";
import { setTimeout } from "node:timers/promises";
import type { Command, Lease, Refusal, Target, Verdict } from "@gatehouse/core";
import { hangUp } from "@gatehouse/wire";
import { encodeBind } from "./codec/bind.ts";
import { encodeMalformedSync, frame } from "./codec/framing.ts";
import { encodeFunctionCall } from "./codec/function-call.ts";
import type { ParameterStatus } from "./codec/parameter-status.ts";
import { encodeParse } from "./codec/parse.ts";
import { encodeQuery } from "./codec/query.ts";
import { encodeCancelRequest } from "./codec/startup-packet.ts";
import { Outbox } from "./outbox.ts";
import type { PostgresSettings } from "./settings.ts";
import { connectTarget, type TargetConnection } from "./target-connection.ts";

/** Milliseconds. */
const CANCEL_AGAIN = 250;

/** How a refused message is made to fail at the server, at its place among the others. */
export type Failure = "query" | "parse" | "extended" | "sync" | "function-call";

/** A command on its way: its messages, and what becomes of it when it is refused. */
export interface Sending {
  readonly command: Command;
  readonly messages: readonly Buffer[];
  readonly failure: Failure;
  /** Called before the message that is made to fail goes out in its place. */
  readonly refused: (refusal: Refusal) => void;
}

/** The gateway's own connection to a target, and the one way by which anything reaches it. */
export class Upstream {
  readonly socket: Socket;
  /** Of the server's process for this connection, where it has said so. */
  readonly processId: number | undefined;
  /** What came behind the start-up's last message. */
  readonly rest: Buffer;
  readonly #key: TargetConnection["key"];
  readonly #again: TargetConnection["again"];
  #parameters: readonly ParameterStatus[];
  readonly #patience: number;
  readonly #outbox: Outbox;

  private constructor(connection: TargetConnection, patience: number) {
    this.socket = connection.socket;
    this.processId = connection.key?.processId;
    this.rest = connection.rest;
    this.#key = connection.key;
    this.#again = connection.again;
    this.#parameters = connection.parameters;
    this.#patience = patience;
    this.#outbox = new Outbox(connection.socket);
  }

  /**
   * Connects, proves who the target is, logs in.
   * @param parameters the session's start-up parameters, beside the user
   * @param keepalive milliseconds after which TCP asks a silent target whether it is still there
   * @throws GatehouseError of the TARGET_ family, within the target's connect deadline
   */
  static async connect(
    target: Target<PostgresSettings>,
    lease: Lease,
    parameters: ReadonlyMap<string, string>,
    keepalive: number,
  ): Promise<Upstream> {
    return new Upstream(await connectTarget(target, lease, parameters, keepalive), target.connectTimeout);
  }

  /** What the server reported of its settings at start-up: to be had once, and not kept as long as the session is. */
  takeParameters(): readonly ParameterStatus[] {
    const parameters = this.#parameters;
    this.#parameters = [];
    return parameters;
  }

  /**
   * Sends the messages that carry a command, when its verdict has come, for its permit; or makes the server fail
   * where they would have stood. What is sent behind them keeps behind them.
   */
  send(verdict: Promise<Verdict>, sending: Sending): void {
    let size = 0;
    for (const message of sending.messages) size += message.length;
    const fill = this.#outbox.keepPlace(size);
    verdict.then((given) => {
      try {
        if (given.ok) {
          given.permit.redeem(sending.command);
          fill(sending.messages);
        } else {
          sending.refused(given.refusal);
          fill([failing(sending.failure, given.refusal.reference)]);
        }
      } catch (error) {
        this.#broken(error);
      }
    }, this.#broken);
  }

  /**
   * Makes the server fail where a refused message would have stood, so that order, skipping and the state of
   * the transaction are the server's own.
   */
  fail(refusal: Promise<Refusal>, failure: Failure, refused: (refusal: Refusal) => void): void {
    const fill = this.#outbox.keepPlace(0);
    refusal
      .then((given) => {
        refused(given);
        fill([failing(failure, given.reference)]);
      })
      .catch(this.#broken);
  }

  /** Without a verdict, or with a permit that is none, nothing more may go out. */
  readonly #broken = (error: unknown): void => {
    this.socket.destroy(error instanceof Error ? error : undefined);
  };

  /** Sends a message that carries no command: Sync, Flush, Describe, Close, the data of a COPY. */
  control(message: Buffer): void {
    this.#outbox.put(message);
  }

  /** undefined while more can be sent; otherwise resolves when the server has taken what was, or is gone. */
  room(): Promise<void> | undefined {
    return this.#outbox.room();
  }

  /** undefined when all that was handed over has been written; otherwise resolves when it has. */
  gone(): Promise<void> | undefined {
    return this.#outbox.gone();
  }

  /** Asks the server to cancel what this connection is doing. An answer there is not, in the protocol either. */
  async cancel(): Promise<void> {
    const key = this.#key;
    if (!key || this.socket.destroyed) return;
    const socket = await this.#again(AbortSignal.timeout(this.#patience));
    await hangUp(socket, this.#patience, encodeCancelRequest(key.processId, key.secretKey));
  }

  /**
   * Says goodbye as a client does, behind all that was sent: the server does that first. Resolves when the
   * connection is closed, however long it takes.
   */
  async finish(): Promise<void> {
    await this.gone();
    if (this.socket.destroyed) return;
    await new Promise<void>((resolve) => {
      this.socket.once("close", () => resolve());
      this.socket.end(TERMINATE);
    });
  }

  /**
   * Says goodbye and closes; nothing can be sent any more. The server ends its backend, and with it what was
   * not committed. Resolves when the connection is closed.
   */
  async end(): Promise<void> {
    await hangUp(this.socket, this.#patience, TERMINATE);
  }

  /**
   * As `end`, where the server may still be busy with what was sent: left alone it would go on, with nobody to
   * read its rows. A cancel that comes before the server has begun is lost, so it is said until the server closes.
   * @throws what the cancel throws, once the connection is closed
   */
  async endRunning(): Promise<void> {
    const closed = new AbortController();
    const ended = this.end().finally(() => closed.abort());
    try {
      while (!closed.signal.aborted) {
        await this.cancel();
        await setTimeout(CANCEL_AGAIN, undefined, { signal: closed.signal }).catch(() => undefined);
      }
    } finally {
      await ended;
    }
  }
}

const TERMINATE = frame("X");

/**
 * A message that can't succeed: its text does not parse, its statement does not exist, no function has the object id
 * zero. A Parse of the unnamed statement takes the older one away, though it fails; a Sync ends what the server skips.
 * @param reference goes into the server's log, so that its entry can be told apart
 */
function failing(failure: Failure, reference: string): Buffer {
  const name = `gatehouse_refused_${reference}`;
  switch (failure) {
    case "query":
      return encodeQuery(name);
    case "parse":
      return encodeParse("", name);
    case "extended":
      return encodeBind(name);
    case "sync":
      return encodeMalformedSync();
    case "function-call":
      return encodeFunctionCall(0);
  }
}
