import type { Socket } from "node:net";
import { GatehouseError, type Lease, type Target } from "@gatehouse/core";
import { hangUp, Pull } from "@gatehouse/wire";
import { decodeDataRow } from "../codec/data-row.ts";
import { decodeErrorResponse, type ErrorFields } from "../codec/error-response.ts";
import { type Frame, FrameReader, frame, typeCode } from "../codec/framing.ts";
import { encodeQuery } from "../codec/query.ts";
import type { PostgresSettings } from "../settings.ts";
import { connectTarget } from "../target-connection.ts";

/** Bytes of one answer's message: a view's text is the longest, and PostgreSQL keeps it in one value. */
const MESSAGE_LIMIT = 16 * 1024 * 1024;
/** Milliseconds that nobody asks for anything; a target should not keep a connection for nobody. */
const IDLE = 60_000;
/** Milliseconds for a server to close after the goodbye. */
const PATIENCE = 2_000;
/** Characters of the target's own that an error repeats. */
const REASON = 500;
/** Of a ReadyForQuery: in no transaction. */
const IDLE_STATUS = typeCode("I");

/** What a server said when it refused a question, as the cause of a TARGET_REJECTED. */
export class ServerReport extends Error {
  override readonly name = "ServerReport";
  readonly sqlstate: string;
  /** Where the server has said more: what depends on what, for instance. */
  readonly detail: string;

  constructor(fields: ErrorFields) {
    super((fields.get("M") ?? "no reason given").slice(0, REASON));
    this.sqlstate = (fields.get("C") ?? "").slice(0, 5);
    this.detail = (fields.get("D") ?? "").slice(0, REASON);
  }
}

export interface ControlOptions {
  /** Settings that the connection begins with. */
  readonly settings?: ReadonlyMap<string, string>;
  readonly applicationName?: string;
  /** Milliseconds that nobody asks for anything before it closes; 0 keeps it. A minute where nothing is said. */
  readonly idle?: number;
  /** It can be asked again when the server has refused, and is in no transaction. */
  readonly outlivesRefusal?: boolean;
}

/**
 * The gateway's own connection to a target, for questions of its own: what a client wants to be done does not go by it. It keeps the
 * process alive only while an answer is awaited, and closes when nobody asks for a minute.
 */
export class ControlConnection {
  readonly #socket: Socket;
  readonly #reader = new FrameReader(MESSAGE_LIMIT);

  readonly #outlivesRefusal: boolean;

  private constructor(
    socket: Socket,
    lease: Lease,
    rest: Buffer,
    { idle = IDLE, outlivesRefusal = false }: ControlOptions,
  ) {
    this.#socket = socket;
    this.#outlivesRefusal = outlivesRefusal;
    this.#reader.push(rest);
    socket.on("error", () => undefined);
    socket.once("close", () => void lease.release());
    socket.setTimeout(idle, () => this.close());
    socket.on("readable", this.#unasked);
    socket.unref();
  }

  /**
   * @param lease is released when the connection closes, and when there is none
   * @throws GatehouseError as `connectTarget`
   */
  static async open(
    target: Target<PostgresSettings>,
    lease: Lease,
    options: ControlOptions = {},
  ): Promise<ControlConnection> {
    const parameters = new Map([
      ...(options.settings ?? []),
      ["database", target.settings.database],
      ["client_encoding", "UTF8"],
      ["application_name", options.applicationName ?? "gatehouse"],
    ]);
    try {
      const { socket, rest } = await connectTarget(target, lease, parameters);
      return new ControlConnection(socket, lease, rest, options);
    } catch (error) {
      await lease.release();
      throw error;
    }
  }

  /** It can be asked. */
  get open(): boolean {
    return this.#socket.writable && this.#socket.readable;
  }

  /** As `put`, for a text. */
  ask(text: string, deadline: AbortSignal, row: (value: Buffer) => void): Promise<void> {
    return this.put(encodeQuery(text), deadline, row);
  }

  /**
   * Puts a question to the server. One at a time. After a failure the connection is closed: what is left of the answer, or
   * of the transaction, has no reader; unless it is one that outlives refusals.
   * @param question messages to which the server's answer ends with one ReadyForQuery
   * @param row is given the one value of each row
   * @param deadline ends it where the server takes too long
   * @throws GatehouseError TARGET_UNREACHABLE, TARGET_REJECTED with the server's reason and a ServerReport as its cause,
   * PROTOCOL_VIOLATION, and what `row` throws
   */
  async put(question: Buffer, deadline: AbortSignal, row: (value: Buffer) => void): Promise<void> {
    const socket = this.#socket;
    const abort = () => socket.destroy();
    deadline.addEventListener("abort", abort);
    if (deadline.aborted) abort();
    socket.off("readable", this.#unasked);
    const pull = new Pull(socket);
    let refused: GatehouseError | undefined;
    let settled = false;
    socket.ref();
    try {
      socket.write(question);
      for (;;) {
        const message = await this.#next(pull);
        if (message === undefined) {
          if (refused) throw refused;
          const reason = deadline.aborted
            ? "The target did not answer the gateway's own question in time."
            : "The target closed the gateway's own connection.";
          throw new GatehouseError("TARGET_UNREACHABLE", reason);
        }
        const outcome = read(message, row);
        if (outcome instanceof GatehouseError) refused ??= outcome;
        if (outcome !== "idle" && outcome !== "in transaction") continue;
        if (!refused) return;
        settled = this.#outlivesRefusal && outcome === "idle";
        throw refused;
      }
    } catch (error) {
      if (!settled) this.close();
      throw error;
    } finally {
      pull.release();
      socket.on("readable", this.#unasked);
      socket.unref();
      deadline.removeEventListener("abort", abort);
    }
  }

  /** Says goodbye. What is being asked fails. */
  close(): void {
    void hangUp(this.#socket, PATIENCE, frame("X"));
  }

  /**
   * What comes between two questions: notices, settings, or the server's goodbye. A socket that nobody reads does not see its end,
   * and the next question would be put to a server that is gone.
   */
  readonly #unasked = (): void => {
    const socket = this.#socket;
    try {
      for (let chunk: unknown = socket.read(); Buffer.isBuffer(chunk); chunk = socket.read()) {
        this.#reader.push(chunk);
        for (let message = this.#reader.next(); message; message = this.#reader.next()) {
          if (read(message, () => undefined) !== "more") socket.destroy();
        }
      }
    } catch {
      socket.destroy();
    }
  };

  async #next(pull: Pull): Promise<Frame | undefined> {
    for (;;) {
      const message = this.#reader.next();
      if (message !== undefined) return message;
      const chunk = await pull.next();
      if (chunk === undefined) return undefined;
      this.#reader.push(chunk);
    }
  }
}

/** @returns what the server refuses with, or where it stands when it has answered */
function read(
  { type, body }: Frame,
  row: (value: Buffer) => void,
): "more" | "idle" | "in transaction" | GatehouseError {
  switch (String.fromCharCode(type)) {
    case "Z":
      return body[0] === IDLE_STATUS ? "idle" : "in transaction";
    case "D": {
      const [value, ...others] = decodeDataRow(body);
      if (!value || others.length > 0) {
        throw new GatehouseError("PROTOCOL_VIOLATION", "The target answered what it was not asked.");
      }
      row(value);
      return "more";
    }
    case "E": {
      const report = new ServerReport(decodeErrorResponse(body));
      return new GatehouseError(
        "TARGET_REJECTED",
        `The target refused the gateway's own question: ${report.message} (SQLSTATE ${report.sqlstate}).`,
        { cause: report },
      );
    }
    // Parsed, bound, the shape of the rows, the end of a statement, settings, notices, notifications.
    case "1":
    case "2":
    case "T":
    case "C":
    case "S":
    case "N":
    case "A":
      return "more";
    default:
      throw new GatehouseError(
        "PROTOCOL_VIOLATION",
        `The target sent a message of type ${type}, which answers no query.`,
      );
  }
}
