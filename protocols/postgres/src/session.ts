import type { Socket } from "node:net";
import { GatehouseError, type Logger, messageOf, type OpenSession, type SessionEnd } from "@gatehouse/core";
import { hangUp, Pull, relay } from "@gatehouse/wire";
import type { Analyzer } from "./analysis/analyzer.ts";
import { type BackendObserver, BackendScanner } from "./codec/backend-scanner.ts";
import { decodeErrorResponse } from "./codec/error-response.ts";
import { FrameReader, typeCode } from "./codec/framing.ts";
import { decodeParameterStatus, type ParameterStatus } from "./codec/parameter-status.ts";
import { decodeReadyForQuery, type TransactionStatus } from "./codec/ready-for-query.ts";
import { Expectations } from "./expectations.ts";
import { Pipeline } from "./pipeline.ts";
import { encodeRefusal, encodeViolation } from "./refusal.ts";
import type { Upstream } from "./upstream.ts";

/** query_canceled: the client's own doing, told to it as it is. */
const QUERY_CANCELED = "57014";
const COPY_IN_RESPONSE = typeCode("G");
/** What a client may send while it copies in. */
const DURING_COPY_IN: ReadonlySet<number> = new Set(["d", "c", "f", "H", "S", "X"].map(typeCode));

export interface SessionOptions {
  readonly client: Socket;
  readonly upstream: Upstream;
  readonly session: OpenSession;
  readonly analyzer: Analyzer;
  readonly schema: string;
  /** Bytes; `startup`, in milliseconds, is also how long a client may take to close its side. */
  readonly limits: { readonly statement: number; readonly message: number; readonly startup: number };
  readonly log: Logger;
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
  #transaction: TransactionStatus = "idle";
  #idle = false;
  /** A message of the client's is with the pipeline: perhaps allowed already, and not sent yet. */
  #deciding = false;
  #over = false;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#pipeline = new Pipeline({ ...options, expectations: this.#expectations });
  }

  /** Runs until one side ends. Resolves when both sockets are closed and the end is on the audit log. */
  async run(): Promise<void> {
    const { client, upstream, session, limits } = this.#options;
    const scanner = new BackendScanner(this);
    if (upstream.rest.length > 0) upstream.socket.unshift(upstream.rest);
    this.#noteIdle();
    const pull = new Pull(client);
    const stop = new AbortController();
    const [end, detail] = await Promise.race([
      this.#readClient(pull),
      relay(upstream.socket, client, (chunk) => scanner.scan(chunk), stop.signal).then(
        () => ["target_closed"] as const,
        (error: unknown) => ["protocol_violation", messageOf(error)] as const,
      ),
      this.#endedByGateway(),
    ]);
    this.#over = true;
    stop.abort();
    pull.release();
    // In the middle of a message, words of the gateway's own would be read as part of it.
    const lastWords = scanner.betweenMessages ? this.#lastWords(end) : undefined;
    const running = !this.#expectations.empty && !upstream.socket.destroyed;
    const closed = Promise.all([
      running ? upstream.endRunning().catch((error: unknown) => this.#cancelFailed(error)) : upstream.end(),
      hangUp(client, limits.startup, lastWords),
    ]);
    this.#expectations.abandon();
    await session.close(end, detail);
    await closed;
  }

  #cancelFailed(error: unknown): void {
    const { log, session } = this.#options;
    log.warn({ session: session.session.id, error: messageOf(error) }, "cancel failed");
  }

  passed(type: number): void {
    if (type === COPY_IN_RESPONSE) this.#expectations.copyBegins();
    else this.#expectations.answered(type);
    this.#noteIdle();
  }

  read(type: number, bytes: Buffer): Buffer | undefined {
    const body = bytes.subarray(5);
    switch (String.fromCharCode(type)) {
      case "E":
        return this.#errorResponse(body);
      case "Z":
        this.#expectations.ready();
        this.#transaction = decodeReadyForQuery(body);
        if (this.#transaction === "idle") this.#pipeline.transactionEnded();
        this.#noteIdle();
        return undefined;
      default:
        this.#checkSetting(decodeParameterStatus(body));
        return undefined;
    }
  }

  tooLarge(): void {
    this.#expectations.failed();
    this.#noteIdle();
  }

  /** @throws GatehouseError PROTOCOL_VIOLATION when names or texts mean something else from here on */
  #checkSetting(status: ParameterStatus): void {
    checkReadable(status);
    const { upstream } = this.#options;
    // PostgreSQL reports search_path from version 18 on.
    const initial = upstream.parameters.find(({ name }) => name === status.name);
    if (status.name === "search_path" && status.value !== initial?.value) {
      throw new GatehouseError(
        "PROTOCOL_VIOLATION",
        "The target looks for unqualified names elsewhere than before.",
      );
    }
  }

  #errorResponse(body: Buffer): Buffer | undefined {
    const fields = decodeErrorResponse(body);
    const severity = fields.get("V") ?? fields.get("S");
    if (severity !== "ERROR") return undefined;
    const { refusal } = this.#expectations.failed() ?? {};
    this.#noteIdle();
    if (refusal === undefined || fields.get("C") === QUERY_CANCELED) return undefined;
    return encodeRefusal(refusal, "ERROR");
  }

  async #readClient(pull: Pull): Promise<readonly [SessionEnd, string?]> {
    const { upstream, limits } = this.#options;
    const reader = new FrameReader(limits.message);
    try {
      for (;;) {
        const chunk = await pull.next();
        if (chunk === undefined) return ["client_closed"];
        reader.push(chunk);
        for (let frame = reader.next(); frame !== undefined && !this.#over; frame = reader.next()) {
          if (frame.type === typeCode("X")) return ["client_closed"];
          if (this.#expectations.copying && !DURING_COPY_IN.has(frame.type)) {
            throw new GatehouseError("PROTOCOL_VIOLATION", "unexpected message during COPY from stdin");
          }
          // What is decided at once goes out in one write; what has to wait must not hold up what went before
          // it, whose answer it may be waiting for.
          upstream.socket.cork();
          process.nextTick(() => upstream.socket.uncork());
          this.#deciding = true;
          this.#noteIdle();
          await this.#pipeline.accept(frame);
          this.#deciding = false;
          this.#noteIdle();
          await this.#expectations.room();
        }
        if (this.#over) return ["client_closed"];
        await upstream.drained();
      }
    } catch (error) {
      if (error instanceof GatehouseError && error.code === "PROTOCOL_VIOLATION") {
        return ["client_error", error.message];
      }
      // Not able to decide, or to put it on the audit log: the session can't go on.
      this.#options.log.error({ session: this.#options.session.session.id, error }, "session failed");
      return ["gateway_error", messageOf(error)];
    }
  }

  #endedByGateway(): Promise<readonly [SessionEnd, string?]> {
    const { ended } = this.#options.session;
    return new Promise((resolve) => {
      const end = () => resolve(["drained"]);
      if (ended.aborted) end();
      else ended.addEventListener("abort", end, { once: true });
    });
  }

  /** For a client that is still there and does not know why it ends. */
  #lastWords(end: SessionEnd): Buffer | undefined {
    const reference = this.#options.session.session.id;
    switch (end) {
      case "drained":
        return encodeRefusal(
          {
            kind: "busy",
            message: "terminating connection: the gateway is shutting down",
            hint: "Connect again.",
            reference,
          },
          "FATAL",
        );
      case "client_error":
        return encodeViolation("The message was not understood; the connection is closed.");
      case "protocol_violation":
      case "gateway_error":
        return encodeRefusal(
          { kind: "internal", message: "The session can't go on.", hint: "Connect again.", reference },
          "FATAL",
        );
      default:
        return undefined;
    }
  }

  #noteIdle(): void {
    const idle =
      !this.#deciding && this.#expectations.empty && this.#pipeline.empty && this.#transaction === "idle";
    if (idle === this.#idle) return;
    this.#idle = idle;
    this.#options.session.idle(idle);
  }
}

/** What the analysis takes for granted of how the server reads a text. */
const READING: ReadonlyMap<string, RegExp> = new Map([
  ["client_encoding", /^UTF-?8$/i],
  ["standard_conforming_strings", /^on$/i],
]);

/**
 * Checks a setting that the server reports against what the analysis takes for granted.
 * @throws GatehouseError PROTOCOL_VIOLATION when the two would read different statements from here on
 */
export function checkReadable({ name, value }: ParameterStatus): void {
  const needed = READING.get(name);
  if (needed && !needed.test(value)) {
    throw new GatehouseError("PROTOCOL_VIOLATION", `The target reads statements with ${name} = ${value}.`, {
      hint: `Set ${name} back to its default for the role and the database that the gateway uses.`,
    });
  }
}
