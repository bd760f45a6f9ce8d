import type { Socket } from "node:net";
import { GatehouseError } from "@gatehouse/core";
import { ByteReader, Pull } from "@gatehouse/wire";
import { Authenticator, type LoginTerms } from "./authenticator.ts";
import { decodeAuthentication } from "./codec/authentication.ts";
import { type BackendKey, decodeBackendKeyData } from "./codec/backend-key-data.ts";
import { decodeErrorResponse } from "./codec/error-response.ts";
import { type Frame, FrameReader } from "./codec/framing.ts";
import { checkNegotiateProtocolVersion } from "./codec/negotiate-protocol-version.ts";
import { decodeParameterStatus, type ParameterStatus } from "./codec/parameter-status.ts";
import { encodeQuery } from "./codec/query.ts";
import { encodeStartupMessage } from "./codec/startup-message.ts";

/** Bytes. The start-up's messages are short; a server that sends longer ones is none. */
const MESSAGE_LIMIT = 64 * 1024;
/** PostgreSQL sends about 20 messages. */
const MAX_MESSAGES = 1000;

/** Characters of the target's own that an error repeats. */
const REASON = 500;

/** `cannot_connect_now`: it is starting, stopping or recovering. Another address of the target may be better off. */
const CANNOT_CONNECT_NOW = "57P03";

/** The gateway's side of a start-up with a target, from the StartupMessage to the first ReadyForQuery. */
export class TargetLogin {
  /** What the server reported of its settings. */
  readonly parameters: ParameterStatus[] = [];
  key: BackendKey | undefined;
  readonly #socket: Socket;
  readonly #pull: Pull;
  readonly #reader = new FrameReader(MESSAGE_LIMIT);
  #messages = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.#pull = new Pull(socket);
  }

  /**
   * @param parameters of the StartupMessage, beside the user, who is the lease's whatever they say
   * @throws GatehouseError TARGET_AUTHENTICATION, TARGET_UNVERIFIED, TARGET_REJECTED, TARGET_UNREACHABLE where the
   * target can't be used now, PROTOCOL_VIOLATION
   */
  async run(terms: LoginTerms, parameters: ReadonlyMap<string, string>): Promise<void> {
    this.#socket.write(encodeStartupMessage(new Map([...parameters, ["user", terms.lease.user]])));
    const authenticator = new Authenticator(this.#socket, terms);
    while (!authenticator.settled) {
      const message = await this.#next("R");
      const answer = await authenticator.answer(decodeAuthentication(message.body));
      if (answer !== undefined) this.#socket.write(answer);
    }
    for (;;) {
      const message = await this.#next("KZ");
      if (letter(message) === "Z") return;
      this.key = decodeBackendKeyData(message.body);
    }
  }

  /**
   * Puts one of the gateway's own constant texts to the server, before any client's; what it answers is read up to
   * its ReadyForQuery.
   * @returns the first column of the last row; undefined where there is none
   * @throws GatehouseError as `run`
   */
  async ask(query: string): Promise<string | undefined> {
    this.#socket.write(encodeQuery(query));
    let answer: string | undefined;
    for (;;) {
      const message = await this.#next("TDCZ");
      if (letter(message) === "Z") return answer;
      if (letter(message) === "D") answer = firstColumn(message.body);
    }
  }

  /** Stops reading, so that the socket can be handed on. @returns what came behind the last message */
  release(): Buffer {
    this.#pull.release();
    return this.#reader.rest();
  }

  /**
   * The next message, which must be of one of these types. What may come at any time is seen to on the way:
   * notices, settings; and an error is thrown.
   */
  async #next(types: string): Promise<Frame> {
    for (;;) {
      const message = await this.#frame();
      if (types.includes(letter(message))) return message;
      switch (letter(message)) {
        case "E":
          throw refusalOf(message);
        case "S":
          this.parameters.push(decodeParameterStatus(message.body));
          break;
        case "v":
          checkNegotiateProtocolVersion(message.body);
          break;
        case "N":
          break;
        default:
          throw new GatehouseError(
            "PROTOCOL_VIOLATION",
            `The target sent a message of type ${message.type}, which has no place in a start-up.`,
          );
      }
    }
  }

  async #frame(): Promise<Frame> {
    if (this.#messages === MAX_MESSAGES) {
      throw new GatehouseError(
        "PROTOCOL_VIOLATION",
        "The target's start-up has more messages than any server's.",
      );
    }
    for (;;) {
      const message = this.#reader.next();
      if (message !== undefined) {
        this.#messages += 1;
        return message;
      }
      const chunk = await this.#pull.next();
      if (chunk === undefined) throw closed(this.#socket);
      this.#reader.push(chunk);
    }
  }
}

function letter(message: Frame): string {
  return String.fromCharCode(message.type);
}

function firstColumn(row: Buffer): string | undefined {
  const reader = new ByteReader(row);
  const columns = reader.uint16();
  const length = columns === 0 ? -1 : reader.int32();
  return length === -1 ? undefined : reader.bytes(length).toString("utf8");
}

/** TLS 1.3 says what is wrong with a client's certificate only after the handshake. */
function closed({ errored }: Socket): GatehouseError {
  if (errored && "reason" in errored && typeof errored.reason === "string") {
    return new GatehouseError("TARGET_AUTHENTICATION", `The target ended TLS: ${errored.reason}.`, {
      cause: errored,
      hint: "Check the certificate of the target's credential.",
    });
  }
  return new GatehouseError("TARGET_UNREACHABLE", "The target closed the connection during the log-in.");
}

function refusalOf(message: Frame): GatehouseError {
  const fields = decodeErrorResponse(message.body);
  const sqlstate = fields.get("C") ?? "";
  const reason = (fields.get("M") ?? "no reason given").slice(0, REASON);
  const text = `The target refused the gateway: ${reason} (SQLSTATE ${sqlstate.slice(0, 5)}).`;
  if (sqlstate === CANNOT_CONNECT_NOW) return new GatehouseError("TARGET_UNREACHABLE", text);
  return new GatehouseError(sqlstate.startsWith("28") ? "TARGET_AUTHENTICATION" : "TARGET_REJECTED", text);
}
