import { isAscii } from "node:buffer";
import type { Socket } from "node:net";
import {
  type Activity,
  endOf,
  GatehouseError,
  type Held,
  type Logger,
  messageOf,
  type OpenSession,
  type Refusal,
  type SessionEnd,
} from "@gatehouse/core";
import { hangUp, relay } from "@gatehouse/wire";
import type { Analyzer } from "./analysis/analyzer.ts";
import { type BackendObserver, BackendScanner } from "./codec/backend-scanner.ts";
import { type ClientMessage, ClientReader } from "./codec/client-reader.ts";
import { decodeDataRow } from "./codec/data-row.ts";
import { decodeErrorResponse } from "./codec/error-response.ts";
import { encodeFlush, typeCode } from "./codec/framing.ts";
import { decodeParameterDescription } from "./codec/parameter-description.ts";
import { decodeParameterStatus } from "./codec/parameter-status.ts";
import { decodeReadyForQuery, type TransactionStatus } from "./codec/ready-for-query.ts";
import { type Expectation, Expectations } from "./expectations.ts";
import type { Rewriter } from "./masking/rows.ts";
import { scrub } from "./masking/errors.ts";
import { maskNotification } from "./masking/notifications.ts";
import type { ValueMasks } from "@gatehouse/core";
import type { SessionCatalog } from "./catalog/session-catalog.ts";
import { HeldClient } from "./held-client.ts";
import { Pipeline } from "./pipeline.ts";
import type { SessionReading } from "./reading.ts";
import { encodeRefusal, encodeViolation, encodeViolationInCopy } from "./refusal.ts";
import type { Replication } from "./sql-context.ts";
import type { SurroundingsOfTargets } from "./surroundings.ts";
import type { Upstream } from "./upstream.ts";

/** query_canceled: the client's own doing, told to it as it is. */
const QUERY_CANCELED = "57014";
const COPY_IN_RESPONSE = typeCode("G");
const COPY_BOTH_RESPONSE = typeCode("W");
const ERROR_RESPONSE = typeCode("E");
const READY_FOR_QUERY = typeCode("Z");
const PARAMETER_STATUS = typeCode("S");
const PARAMETER_DESCRIPTION = typeCode("t");
const DATA_ROW = typeCode("D");
const ROW_DESCRIPTION = typeCode("T");
const NO_DATA = typeCode("n");
const COPY_OUT_RESPONSE = typeCode("H");
const COPY_DONE = typeCode("c");
const NOTICE_RESPONSE = typeCode("N");
const NOTIFICATION_RESPONSE = typeCode("A");
/** CommandComplete, EmptyQueryResponse, PortalSuspended: a statement gives nothing more. */
const STATEMENT_ENDS: ReadonlySet<number> = new Set(["C", "I", "s"].map(typeCode));
const TERMINATE = typeCode("X");
/** What a client may send while it copies in. */
const DURING_COPY_IN: ReadonlySet<number> = new Set(["d", "c", "f", "H", "S", "X"].map(typeCode));
/** What PostgreSQL says of any other; behind that, it can't tell where the next message begins. */
const IN_COPY = "unexpected message during COPY from stdin";
/** Bytes that a target may say to a client that has said goodbye and is gone: the answers to what is still to be done. */
const UNHEARD = 64 * 1024;

export interface SessionOptions {
  readonly client: Socket;
  readonly upstream: Upstream;
  readonly session: OpenSession;
  readonly analyzer: Analyzer;
  readonly reading: SessionReading;
  readonly replication: Replication;
  readonly catalog: SessionCatalog;
  readonly values: ValueMasks;
  /** Why the session does what it does, in its client's words. */
  readonly reason?: string | undefined;
  readonly surroundings: SurroundingsOfTargets;
  /** Bytes; `startup`, in milliseconds, is also how long a client may take to close its side. */
  readonly limits: { readonly statement: number; readonly message: number; readonly startup: number };
  readonly log: Logger;
}

/** How a session came to its end. */
interface Ending {
  readonly end: SessionEnd;
  readonly detail?: string;
  /** What the client is told, where it is still there and does not know. */
  readonly lastWords?: Buffer;
  /** The client says nothing more: what it sent before is run to its end, as the server would. */
  readonly terminated?: true;
}

/**
 * Both directions of one session, from the client's first ReadyForQuery to the end. Towards the target goes
 * what the pipeline lets through; towards the client goes what the target says, with the errors that the
 * gateway provoked put into the gateway's words.
 */
export class ClientSession implements BackendObserver {
  readonly #options: SessionOptions;
  readonly #expectations = new Expectations();
  readonly #pipeline: Pipeline;
  readonly #reader: ClientReader;
  readonly #scanner: BackendScanner;
  readonly #heldClient: HeldClient;
  #transaction: TransactionStatus = "idle";
  /** Milliseconds since the epoch. */
  #transactionSince = 0;
  /**
   * Masked columns were touched in the transaction that is open: what it checks at its end may quote their values.
   */
  #touched = false;
  #activity: Activity | undefined;
  /** What the first message of the client's that is not done with waits for. */
  #waiting: Promise<unknown> | undefined;
  /** The message that waits: it is handed in again. */
  #held: ClientMessage | undefined;
  /** No more of the client's messages are taken. */
  #over = false;
  /** The target has said its own last words. */
  #targetEnds = false;
  #ended: (ending: Ending) => void = () => undefined;
  #oust: () => void = () => undefined;
  /** Resolves when the gateway ends the session from its side. */
  readonly #ousted = new Promise<void>((resolve) => {
    this.#oust = resolve;
  });

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#reader = new ClientReader(options.limits.message);
    this.#scanner = new BackendScanner(this, undefined, options.limits.message);
    this.#heldClient = new HeldClient({
      client: options.client,
      reader: this.#reader,
      encoding: () => options.reading.encoding,
      betweenMessages: () => this.#scanner.betweenMessages,
      left: this.#leave,
    });
    this.#pipeline = new Pipeline({ ...options, expectations: this.#expectations });
  }

  /** Runs until one side ends. Resolves when both sockets are closed and the end is on the audit log. */
  async run(): Promise<void> {
    const { client, upstream, session, analyzer } = this.#options;
    const scanner = this.#scanner;
    if (upstream.rest.length > 0) upstream.socket.unshift(upstream.rest);
    this.#noteActivity();
    const stop = new AbortController();
    const ended = new Promise<Ending>((resolve) => {
      this.#ended = resolve;
    });
    const stopReading = this.#readClient();
    const stopWatching = this.#watchGateway();
    const relayed = relay(upstream.socket, client, (chunk) => scanner.scan(chunk), stop.signal).then(
      (): Ending => ({ end: "target_closed" }),
      (error: unknown): Ending => {
        for (const piece of scanner.before) client.write(piece);
        return { end: "protocol_violation", detail: messageOf(error), lastWords: this.#cannotGoOn(error) };
      },
    );
    void relayed.then((ending) => this.#end(ending));
    const said = await ended;
    stopReading();
    analyzer.withdraw(session.session);
    const ending = said.terminated ? await this.#finish(said, relayed) : said;
    stopWatching();
    stop.abort();
    const lastWords = this.#targetEnds ? undefined : ending.lastWords;
    const closed = Promise.all([
      this.#endUpstream(),
      // In the middle of a message, words of the gateway's own would be read as part of it.
      hangUp(client, this.#options.limits.startup, scanner.betweenMessages ? lastWords : undefined),
    ]);
    this.#pipeline.lost();
    this.#expectations.abandon();
    await session.close(ending.end, ending.detail);
    await closed;
  }

  /**
   * Cancels what the client has under way, as the server would: what is still on its way there is waited for, and
   * where nothing is, nothing happens.
   * @throws what the connection to the target throws
   */
  async cancel(): Promise<void> {
    const { upstream } = this.#options;
    // What waits behind a command that runs may be waiting for that command's end, which is what the cancel is for.
    while (!this.#over && this.#waiting && this.#expectations.ownOnly) {
      const { held } = this.#pipeline;
      if (held) {
        // To its client it is what runs: nothing that was sent before it still does.
        held.gone("canceled");
        return;
      }
      await this.#waiting;
    }
    await upstream.gone();
    if (!this.#over && !this.#expectations.ownOnly) await upstream.cancel();
  }

  owns(type: number): boolean {
    const next = this.#expectations.next;
    if (next === undefined) return false;
    return (
      next.own !== undefined || (next.unasked === true && (type === ROW_DESCRIPTION || type === NO_DATA))
    );
  }

  get watches(): boolean {
    return this.#touched || this.#expectations.next?.masking !== undefined;
  }

  get rewriter(): Rewriter | undefined {
    return this.#expectations.next?.masking?.rewriter;
  }

  passed(type: number): void {
    const masking = this.#expectations.next?.masking;
    if (masking?.touches) this.#touched = true;
    if (masking && STATEMENT_ENDS.has(type)) masking.completed();
    if (type === COPY_IN_RESPONSE || type === COPY_BOTH_RESPONSE) {
      this.#expectations.copyBegins();
      if (this.#held && this.#expectations.copying) this.#violated(IN_COPY);
    } else this.#expectations.answered(type);
  }

  read(type: number, bytes: Buffer): Buffer | undefined {
    const body = bytes.subarray(5);
    switch (type) {
      case ERROR_RESPONSE:
        return this.#errorResponse(body);
      case READY_FOR_QUERY:
        this.#ready(body);
        return undefined;
      case ROW_DESCRIPTION: {
        const next = this.#expectations.next;
        // Of a statement that is not bound yet, the form is not known.
        if (next?.rows === true || next?.message === "query") next.masking?.described(body);
        else next?.masking?.announced(body);
        this.passed(type);
        return undefined;
      }
      case COPY_OUT_RESPONSE:
        this.#expectations.next?.masking?.copies(body);
        return undefined;
      case COPY_DONE:
        this.#expectations.next?.masking?.copied();
        return undefined;
      case NOTICE_RESPONSE:
        return this.#said("N", body);
      case NOTIFICATION_RESPONSE: {
        const { session, values, reading } = this.#options;
        const encoding = { utf8: reading.encoding === "UTF8", decode: reading.decode };
        return maskNotification(body, session.masks, values, encoding);
      }
      case PARAMETER_STATUS:
        this.#options.reading.note(decodeParameterStatus(body, this.#options.reading.decode), true);
        return undefined;
      case PARAMETER_DESCRIPTION:
        this.#expectations.next?.parameterTypes?.(decodeParameterDescription(body));
        return undefined;
      default:
        return undefined;
    }
  }

  readOwn(type: number, bytes: Buffer): void {
    const body = bytes.subarray(5);
    switch (type) {
      case ERROR_RESPONSE:
        this.#failed();
        return;
      case READY_FOR_QUERY:
        this.#ready(body);
        return;
      case DATA_ROW: {
        const { reading } = this.#options;
        const value = decodeDataRow(body)[0] ?? Buffer.alloc(0);
        const text = isAscii(value) ? value.toString("latin1") : reading.decode(value);
        if (text === undefined) {
          throw new GatehouseError("PROTOCOL_VIOLATION", "The target's settings can't be read.");
        }
        reading.note({ name: this.#expectations.next?.own ?? "", value: text }, false);
        return;
      }
      case ROW_DESCRIPTION:
        this.#expectations.next?.masking?.described(body);
        this.passed(type);
        return;
      default:
        this.passed(type);
    }
  }

  tooLarge(): void {
    this.#failed();
  }

  /** The server has failed: what it does with what was sent behind. */
  #failed(canceled = false): Expectation | undefined {
    const failed = this.#expectations.failed(canceled);
    if (this.#expectations.skipping) this.#pipeline.skip();
    return failed;
  }

  #ready(body: Buffer): void {
    this.#expectations.ready();
    const before = this.#transaction;
    this.#transaction = decodeReadyForQuery(body);
    if (this.#transaction === "idle") this.#touched = false;
    else if (before === "idle") this.#transactionSince = Date.now();
    this.#pipeline.ready(this.#transaction);
    this.#noteActivity();
  }

  #errorResponse(body: Buffer): Buffer | undefined {
    const fields = decodeErrorResponse(body);
    const severity = fields.get("V") ?? fields.get("S");
    const said = this.#said("E", body);
    if (severity !== "ERROR") {
      this.#targetEnds = true;
      return said;
    }
    const canceled = fields.get("C") === QUERY_CANCELED;
    const { refusal } = this.#failed(canceled) ?? {};
    if (refusal === undefined || canceled) return said;
    return encodeRefusal(refusal, "ERROR");
  }

  /** An error or a notice, without what may quote a masked value; undefined to let it pass as it is. */
  #said(letter: "E" | "N", body: Buffer): Buffer | undefined {
    const next = this.#expectations.next;
    if (next?.masking?.touches) this.#touched = true;
    // Whoever parses a text has read no row.
    if (next?.message === "parse") return undefined;
    return this.#touched ? scrub(letter, body) : next?.masking?.said(letter, body);
  }

  /** @returns stops it */
  #readClient(): () => void {
    const { client } = this.#options;
    const take = (chunk: Buffer) => {
      if (this.#pipeline.held) {
        this.#heldClient.push(chunk);
        return;
      }
      this.#reader.push(chunk);
      this.#pump();
    };
    const gone = () => this.#end({ end: "client_closed" });
    client.on("data", take);
    client.on("end", gone);
    client.on("close", gone);
    if (client.destroyed || client.readableEnded) gone();
    return () => {
      client.off("data", take);
      client.off("end", gone);
      client.off("close", gone);
    };
  }

  /** Takes the client's messages that have come, as far as nothing has to be waited for. */
  #pump(): void {
    const { client, upstream } = this.#options;
    try {
      for (;;) {
        if (this.#over) return;
        const wait = this.#expectations.room() ?? upstream.room() ?? this.#next();
        if (wait === undefined) continue;
        if (wait !== DONE) {
          this.#waiting = wait;
          if (this.#pipeline.held) this.#hold(this.#pipeline.held);
          else client.pause();
          wait.then(this.#goOn, this.#fail);
        }
        this.#noteActivity();
        return;
      }
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Takes one message. @returns DONE when there is none, what it waits for, or undefined when the next can be taken */
  #next(): Promise<unknown> | undefined {
    const message = this.#held ?? this.#take();
    this.#held = undefined;
    if (message === undefined) return DONE;
    const { copying } = this.#expectations;
    if (copying && !DURING_COPY_IN.has(message.type)) throw new GatehouseError("PROTOCOL_VIOLATION", IN_COPY);
    const wait = message.type === TERMINATE ? this.#pipeline.close() : this.#pipeline.accept(message);
    if (wait) {
      // It would wait for the COPY, whose data stand behind it: something that is no data was held back before it.
      if (copying) throw new GatehouseError("PROTOCOL_VIOLATION", IN_COPY);
      this.#held = message;
    } else if (message.type === TERMINATE) {
      this.#end({ end: "client_closed", terminated: true });
      return DONE;
    }
    return wait;
  }

  #take(): ClientMessage | undefined {
    for (;;) {
      const message = this.#reader.next();
      if (message) return message;
      const chunk = this.#heldClient.shift();
      if (chunk === undefined) return undefined;
      this.#reader.push(chunk);
    }
  }

  /** A command waits for people. Its client is read on from, so that it is seen to leave. */
  #hold(held: Held): void {
    if (this.#held?.type === TERMINATE) this.#leave();
    else if (this.#heldClient.waits(held)) this.#notify(held).catch(this.#fail);
  }

  /** What was sent before the command that waits is run to its end; that one is not. */
  readonly #leave = (): void => {
    this.#end({ end: "client_closed", terminated: true });
  };

  /** Tells the client that its command waits, behind all that is answered before it. */
  async #notify(held: Held): Promise<void> {
    await this.#expectations.answers();
    if (this.#pipeline.held !== held || this.#over) return;
    this.#heldClient.tell(held);
    await this.#lookAround(held);
  }

  /** Tells whoever is asked what the command that waits stands in, now that all before it is done. */
  async #lookAround(held: Held): Promise<void> {
    const { surroundings, session, upstream, reading } = this.#options;
    const command = this.#pipeline.heldCommand;
    if (!command) return;
    // A segment without its Sync is a transaction of its own, if only since the command before.
    const open = this.#transaction !== "idle" || this.#expectations.segmentOpen;
    const since = this.#transaction === "idle" ? Date.now() : this.#transactionSince;
    const { path } = reading.current;
    const place = {
      session: session.session,
      lease: session.lease,
      processId: upstream.processId,
      path,
      transaction: open ? { since, failed: this.#transaction === "failed" } : undefined,
    };
    await surroundings.look(place, command, (told) => held.describe(told));
  }

  readonly #goOn = (): void => {
    this.#waiting = undefined;
    this.#pump();
    this.#readOn();
  };

  #readOn(): void {
    if (this.#waiting === undefined && !this.#over) this.#options.client.resume();
  }

  readonly #fail = (error: unknown): void => {
    this.#waiting = undefined;
    if (error instanceof GatehouseError && error.code === "PROTOCOL_VIOLATION") {
      this.#violated(error.message);
      return;
    }
    // Not able to decide, or to put it on the audit log: the session can't go on.
    this.#options.log.error({ session: this.#options.session.session.id, error }, "session failed");
    this.#end({ end: "gateway_error", detail: messageOf(error), lastWords: this.#cannotGoOn() });
  };

  /** The session comes to its end, for the first reason that is given; no more messages are taken from here on. */
  #end(ending: Ending): void {
    this.#over = true;
    this.#pipeline.held?.gone(ending.end === "client_closed" ? "client_gone" : "session_ended");
    this.#ended(ending);
  }

  /** The client's bytes are no messages any more. What came before is answered first, as by the server. */
  #violated(message: string): void {
    // Of what stands behind it, nothing is a message.
    this.#over = true;
    if (this.#expectations.copying) {
      // All before the COPY is answered, and the COPY fails with it.
      this.#end({ end: "client_error", detail: message, lastWords: encodeViolationInCopy(message) });
      return;
    }
    const lastWords = encodeViolation(message);
    const end = () => this.#end({ end: "client_error", detail: message, lastWords, terminated: true });
    const settle = () => {
      try {
        const wait = this.#pipeline.close();
        if (wait) {
          wait.then(settle, end);
          return;
        }
        // The answers that it keeps to itself go out with the server's own last words; a goodbye drops them.
        this.#options.upstream.control(encodeFlush());
        end();
      } catch (error) {
        // What was held back can't be decided either: it goes no further.
        this.#options.log.error({ session: this.#options.session.session.id, error }, "session failed");
        end();
      }
    };
    settle();
  }

  /**
   * What a client sent before its goodbye is run to its end, as the server would; unless the gateway has to close, or
   * the target goes on talking to a client that is gone: the server ends where it finds that it can't write.
   * @param said how the session has ended
   * @returns how it has in the end
   */
  async #finish(said: Ending, relayed: Promise<Ending>): Promise<Ending> {
    const { client, upstream } = this.#options;
    const unheard = new Promise<void>((resolve) => {
      const count = () => {
        let left = UNHEARD;
        upstream.socket.on("data", (chunk: Buffer) => {
          left -= chunk.length;
          if (left < 0) resolve();
        });
      };
      if (client.destroyed) count();
      else client.once("close", count);
    });
    // That it goes is seen by reading: what it sends behind its goodbye is nobody's.
    client.resume();
    void upstream.finish();
    const ending = await Promise.race([relayed, unheard, this.#ousted]);
    return ending?.end === "protocol_violation" ? ending : said;
  }

  /** @returns stops it */
  #watchGateway(): () => void {
    const { ended, session } = this.#options.session;
    const end = () => {
      const refusal = ended.reason as Refusal;
      const lastWords = encodeRefusal({ ...refusal, reference: session.id }, "FATAL");
      this.#end({ end: endOf(refusal), lastWords });
      this.#oust();
    };
    if (ended.aborted) end();
    else ended.addEventListener("abort", end, { once: true });
    return () => ended.removeEventListener("abort", end);
  }

  async #endUpstream(): Promise<void> {
    const { upstream, log, session } = this.#options;
    if (this.#expectations.empty || upstream.socket.destroyed) return upstream.end();
    try {
      await upstream.endRunning();
    } catch (error) {
      log.warn({ session: session.session.id, error: messageOf(error) }, "cancel failed");
    }
  }

  /** @param error what has ended it: told where it has a hint, for then it is about what the client has asked */
  #cannotGoOn(error?: unknown): Buffer {
    const reference = this.#options.session.session.id;
    const told = error instanceof GatehouseError ? error : undefined;
    const [message, hint] =
      told?.hint === undefined ? ["The session can't go on.", "Connect again."] : [told.message, told.hint];
    return encodeRefusal({ kind: "internal", message, hint, reference }, "FATAL");
  }

  #noteActivity(): void {
    const busy = this.#waiting !== undefined || !this.#expectations.empty || !this.#pipeline.empty;
    const activity = busy ? "busy" : this.#transaction === "idle" ? "idle" : "waiting";
    if (activity === this.#activity) return;
    this.#activity = activity;
    this.#options.session.activity(activity);
  }
}

const DONE: Promise<unknown> = Promise.resolve();
