import type { OpenSession, Permit } from "@gatehouse/core";
import { GatehouseError } from "@gatehouse/core";
import { Fields } from "./codec/fields.ts";
import { encodeChunk, encodeLastChunk } from "./codec/chunks.ts";
import type { Framing } from "./codec/framing.ts";
import { Malformed } from "./codec/malformed.ts";
import { parseResponseHead, type ResponseHead } from "./codec/response-head.ts";
import type { HttpCommand } from "./commands.ts";
import type { TakeContent } from "./connection/message-reader.ts";
import type { RequestBody } from "./connection/request-body.ts";
import { send } from "./connection/send.ts";
import type { IdleConnections } from "./upstream/idle-connections.ts";
import { connectTarget, type TargetConnection } from "./upstream/target-connection.ts";

/** Methods that do the same however often they are done (RFC 9110, section 9.2.2). */
const IDEMPOTENT = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"]);

/** Heads before an answer's own, at most: nobody waits for them, so that they could fill the memory. */
const MOST_INTERIM = 32;

const NO_FIELDS = new Fields([]);

/** What goes to a target. */
export interface Outgoing {
  readonly method: string;
  /** The head's bytes, with the credential in it. */
  readonly head: Buffer;
  /** Whether the connection takes no other request behind this one. */
  readonly last: boolean;
  readonly framing: Framing;
  readonly body: RequestBody;
}

/** Who takes what the target answers. */
export interface TargetAnswer {
  /** A head with a status of 100 to 199. */
  interim(head: ResponseHead): void;
  /** @returns takes the body's content */
  begin(head: ResponseHead): TakeContent;
  end(trailers: Fields): Promise<void>;
}

export interface TargetExchangeOptions {
  readonly session: OpenSession;
  readonly idle: IdleConnections;
  /** Milliseconds after which TCP asks a silent target whether it is still there. */
  readonly keepalive: number;
  /** Milliseconds in which the target has to begin to answer, from the moment on in which it has all of the request. */
  readonly timeout: number;
}

/** The one way by which a request reaches a target (promise 1). */
export class TargetExchange {
  readonly #options: TargetExchangeOptions;
  #connection: TargetConnection | undefined;
  /** Something of the answer is there: another target must not be asked once more. */
  #isAnswered = false;
  #isSent = false;
  /** Why it was given up, where it was: it is not begun again then. */
  #abandoned: string | undefined;

  constructor(options: TargetExchangeOptions) {
    this.#options = options;
  }

  /**
   * Sends a request, and hands on its answer.
   * @throws GatehouseError of the TARGET_ family;
   * what the client's side throws
   */
  async run(permit: Permit, command: HttpCommand, outgoing: Outgoing, answer: TargetAnswer): Promise<void> {
    permit.redeem(command);
    this.#check();
    const { session, idle } = this.#options;
    const { target, level } = session.session;
    const used = idle.take(target, level.name);
    if (used === undefined) return this.#on(await this.#connect(), outgoing, answer);
    try {
      await this.#on(used, outgoing, answer);
    } catch (error) {
      // A connection that was idle may have been closed by its target in the very moment in which it was used again (RFC 9112, section
      // 9.3.1): what is safe to do twice, and can be sent once more, is.
      if (this.#isAnswered || !isLost(error) || !canRepeat(outgoing)) throw error;
      this.#check();
      await this.#on(await this.#connect(), outgoing, answer);
    }
  }

  /** Whether something of it has gone out: the target may have done what it asks for. */
  get isSent(): boolean {
    return this.#isSent;
  }

  /** Ends it from outside: the client has gone, or the session was ended. */
  abort(): void {
    this.#abandon("The request was taken back.");
  }

  #abandon(why: string): void {
    this.#abandoned ??= why;
    this.#connection?.destroy();
  }

  /** @throws GatehouseError TARGET_UNREACHABLE where it was given up */
  #check(): void {
    if (this.#abandoned !== undefined) throw lost(this.#abandoned);
  }

  async #connect(): Promise<TargetConnection> {
    const { session, keepalive } = this.#options;
    const connection = await connectTarget(session.session.target, session.lease, keepalive);
    if (this.#abandoned !== undefined) connection.destroy();
    this.#check();
    return connection;
  }

  async #on(connection: TargetConnection, outgoing: Outgoing, answer: TargetAnswer): Promise<void> {
    this.#connection = connection;
    const { session, idle, timeout } = this.#options;
    let brokenOff: Malformed | undefined;
    let silence: NodeJS.Timeout | undefined;
    let isBegun = false;
    try {
      // Both at once: a target may answer before it has seen all of the body.
      const sending = this.#send(connection, outgoing);
      // Of a body that its client has not ended, the target must not wait for the rest. That the target takes no more is no reason: it may
      // have answered already.
      sending.catch((error: unknown) => {
        if (!(error instanceof Malformed)) return;
        brokenOff = error;
        connection.destroy();
      });
      void sending.then(
        () => {
          if (isBegun) return;
          silence = setTimeout(() => this.#abandon("The target did not answer in time."), timeout);
        },
        () => undefined,
      );
      const { head, trailers } = await this.#receive(connection, outgoing.method, answer, () => {
        isBegun = true;
        clearTimeout(silence);
      });
      if (outgoing.body.isWhole) await sending;
      const isReusable = outgoing.body.isWhole && !outgoing.last && persists(head);
      if (isReusable) idle.put(session.session.target, session.session.level.name, connection);
      else connection.destroy();
      await answer.end(trailers);
    } catch (error) {
      connection.destroy();
      // What the target made of a body that was broken off is not what is wrong.
      throw brokenOff ?? error;
    } finally {
      isBegun = true;
      clearTimeout(silence);
      this.#connection = undefined;
    }
  }

  async #send({ socket }: TargetConnection, { head, framing, body }: Outgoing): Promise<void> {
    this.#isSent = true;
    await send(socket, [head]);
    if (framing.kind === "none") return;
    const isChunked = framing.kind === "chunked";
    await body.sendTo((content) =>
      send(socket, isChunked ? content.flatMap((piece) => encodeChunk(piece)) : content),
    );
    // Without trailers: nobody has decided on them.
    if (isChunked) await send(socket, [encodeLastChunk(NO_FIELDS)]);
  }

  /** @param begun is called when the answer's own head is there */
  async #receive(
    { reader }: TargetConnection,
    method: string,
    answer: TargetAnswer,
    begun: () => void,
  ): Promise<{ readonly head: ResponseHead; readonly trailers: Fields }> {
    for (let before = 0; ; before++) {
      const lines = await ofTarget(() => reader.head());
      if (lines === undefined) throw lost(this.#abandoned);
      const head = await ofTarget(() => parseResponseHead(lines, method));
      this.#isAnswered = true;
      if (head.status < 200) {
        if (before === MOST_INTERIM) throw broken("more heads before it than anybody needs");
        await ofTarget(() => answer.interim(head));
        continue;
      }
      begun();
      const take = await ofTarget(() => answer.begin(head));
      const trailers = await ofTarget(() => reader.body(head.framing, take));
      return { head, trailers };
    }
  }
}

/** Whether the target keeps its connection open behind this answer (RFC 9112, section 9.3). */
function persists({ version, fields, framing }: ResponseHead): boolean {
  return version === "1.1" && framing.kind !== "close" && !fields.list("connection").includes("close");
}

function canRepeat({ method, framing, body }: Outgoing): boolean {
  return (
    IDEMPOTENT.has(method) &&
    (framing.kind === "none" || (framing.kind === "length" && framing.length === 0 && body.isWhole))
  );
}

/** What is malformed here is the target's, and nothing that the client is told to have done. */
async function ofTarget<T>(receive: () => T | Promise<T>): Promise<T> {
  try {
    return await receive();
  } catch (error) {
    throw error instanceof Malformed ? broken(error.message) : error;
  }
}

function lost(why = "The target closed the connection without an answer."): GatehouseError {
  return new GatehouseError("TARGET_UNREACHABLE", why);
}

function isLost(error: unknown): boolean {
  return (
    error instanceof GatehouseError &&
    (error.code === "TARGET_UNREACHABLE" || error.code === "PROTOCOL_VIOLATION")
  );
}

function broken(what: string): GatehouseError {
  return new GatehouseError("TARGET_REJECTED", `The target's answer is none: ${what}.`);
}
