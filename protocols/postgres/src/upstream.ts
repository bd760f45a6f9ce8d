import { once } from "node:events";
import type { Socket } from "node:net";
import { setTimeout } from "node:timers/promises";
import { type Command, GatehouseError, type Lease, type Permit, type Target } from "@gatehouse/core";
import { dial, hangUp, Pull, secureUpstream } from "@gatehouse/wire";
import { decodeAuthentication } from "./codec/authentication.ts";
import { type BackendKey, decodeBackendKeyData } from "./codec/backend-key-data.ts";
import { encodeBind } from "./codec/bind.ts";
import { decodeErrorResponse } from "./codec/error-response.ts";
import { type Frame, FrameReader, frame, typeCode } from "./codec/framing.ts";
import { encodeFunctionCall } from "./codec/function-call.ts";
import { decodeParameterStatus, type ParameterStatus } from "./codec/parameter-status.ts";
import { encodeQuery } from "./codec/query.ts";
import { encodeSaslInitialResponse, encodeSaslResponse } from "./codec/sasl.ts";
import { encodeStartupMessage } from "./codec/startup-message.ts";
import { encodeCancelRequest, encodeSslRequest } from "./codec/startup-packet.ts";
import { ScramClient } from "./scram.ts";

/** The start-up's messages are short; a server that sends longer ones is none. */
const STARTUP_MESSAGE_LIMIT = 64 * 1024;

/** Milliseconds. */
const CANCEL_AGAIN = 250;
/** PostgreSQL reports about 15 settings. */
const MAX_PARAMETERS = 1000;

/** How a refused message is made to fail at the server, at its place among the others. */
export type Failure = "query" | "extended" | "function-call";

/** The gateway's own connection to a target, logged in with a lease's credential. */
export class Upstream {
  readonly socket: Socket;
  /** What the server reported of its settings at start-up. */
  readonly parameters: readonly ParameterStatus[];
  /** What came behind the start-up's last message. */
  readonly rest: Buffer;
  readonly #key: BackendKey | undefined;
  readonly #target: Target;

  private constructor(socket: Socket, target: Target, login: Login) {
    this.socket = socket;
    this.#target = target;
    this.#key = login.key;
    this.parameters = login.parameters;
    this.rest = login.rest;
  }

  /**
   * Connects, proves who the target is, logs in.
   * @param parameters the session's start-up parameters, beside user and database
   * @throws GatehouseError of the TARGET_ family, within the target's connect deadline
   */
  static async connect(
    target: Target,
    database: string,
    lease: Lease,
    parameters: ReadonlyMap<string, string>,
  ): Promise<Upstream> {
    const deadline = AbortSignal.timeout(target.connectTimeout);
    const socket = await connectSecurely(target, deadline);
    const abort = () => socket.destroy();
    deadline.addEventListener("abort", abort);
    try {
      const all = new Map([["user", lease.user], ["database", database], ...parameters]);
      socket.write(encodeStartupMessage(all));
      return new Upstream(socket, target, await logIn(socket, lease));
    } catch (error) {
      socket.destroy();
      if (!deadline.aborted) throw error;
      throw new GatehouseError(
        "TARGET_UNREACHABLE",
        "The target did not finish the log-in within its deadline.",
        {
          cause: error,
        },
      );
    } finally {
      deadline.removeEventListener("abort", abort);
    }
  }

  /** Sends the messages that carry a command, for its permit. */
  send(permit: Permit, command: Command, messages: readonly Buffer[]): void {
    permit.redeem(command);
    for (const message of messages) this.socket.write(message);
  }

  /** Sends a message that carries no command: Sync, Flush, Describe, Close, the data of a COPY. */
  control(message: Buffer): void {
    this.socket.write(message);
  }

  /**
   * Makes the server fail where a refused message would have stood, so that order, skipping and the state of
   * the transaction are the server's own. None of these can succeed: the text does not parse, the statement
   * does not exist, no function has the object id zero.
   * @param reference goes into the server's log, so that its entry can be told apart
   */
  fail(how: Failure, reference: string): void {
    const name = `gatehouse_refused_${reference}`;
    switch (how) {
      case "query":
        this.socket.write(encodeQuery(name));
        return;
      case "extended":
        this.socket.write(encodeBind(name));
        return;
      case "function-call":
        this.socket.write(encodeFunctionCall(0));
        return;
    }
  }

  /** Resolves when the server has taken what was sent, or is gone. */
  async drained(): Promise<void> {
    if (!this.socket.writableNeedDrain || this.socket.destroyed) return;
    const closed = new AbortController();
    const onClose = () => closed.abort();
    this.socket.once("close", onClose);
    try {
      await once(this.socket, "drain", { signal: closed.signal });
    } catch {
      // Closed, or failed: the relay sees the same and ends the session.
    } finally {
      this.socket.off("close", onClose);
    }
  }

  /** Asks the server to cancel what this connection is doing. An answer there is not, in the protocol either. */
  async cancel(): Promise<void> {
    if (!this.#key) return;
    const socket = await connectSecurely(this.#target, AbortSignal.timeout(this.#target.connectTimeout));
    await hangUp(
      socket,
      this.#target.connectTimeout,
      encodeCancelRequest(this.#key.processId, this.#key.secretKey),
    );
  }

  /**
   * Says goodbye and closes; nothing can be sent any more. The server ends its backend, and with it what was
   * not committed. Resolves when the connection is closed.
   */
  async end(): Promise<void> {
    await hangUp(this.socket, this.#target.connectTimeout, frame("X"));
  }

  /**
   * As `end`, where the server may still be busy with what was sent: left alone it would go on, with nobody to
   * read its rows. A cancel that comes before the server has begun is lost, so it is said until the server closes.
   */
  async endRunning(): Promise<void> {
    const closed = new AbortController();
    const ended = this.end().finally(() => closed.abort());
    while (!closed.signal.aborted) {
      await this.cancel();
      await setTimeout(CANCEL_AGAIN, undefined, { signal: closed.signal }).catch(() => undefined);
    }
    await ended;
  }
}

async function connectSecurely(target: Target, deadline: AbortSignal): Promise<Socket> {
  const socket = await dial(target.address, deadline);
  if (target.tls.mode === "off") return socket;
  socket.write(encodeSslRequest());
  const abort = () => socket.destroy();
  deadline.addEventListener("abort", abort);
  const pull = new Pull(socket);
  const answer = await pull.next();
  pull.release();
  deadline.removeEventListener("abort", abort);
  // More than the one byte would have come before TLS, from whoever stands in between (CVE-2021-23222).
  if (answer?.length === 1 && answer[0] === typeCode("S")) {
    return secureUpstream(socket, target.address, target.tls, deadline);
  }
  socket.destroy();
  if (answer === undefined) {
    throw new GatehouseError(
      "TARGET_UNREACHABLE",
      "The target closed the connection, or did not answer in time.",
    );
  }
  throw new GatehouseError("TARGET_UNVERIFIED", "The target does not offer TLS.", {
    hint: "Turn TLS on at the target, or write `tls: off` for it in the config.",
  });
}

interface Login {
  readonly parameters: readonly ParameterStatus[];
  readonly key: BackendKey | undefined;
  readonly rest: Buffer;
}

/** From the StartupMessage's answer to the first ReadyForQuery. */
async function logIn(socket: Socket, lease: Lease): Promise<Login> {
  const pull = new Pull(socket);
  const reader = new FrameReader(STARTUP_MESSAGE_LIMIT);
  const scram = new ScramClient(lease.password);
  const parameters: ParameterStatus[] = [];
  let key: BackendKey | undefined;
  let verified = false;
  for (;;) {
    const message = await nextFrame(pull, reader);
    switch (String.fromCharCode(message.type)) {
      case "R":
        verified = (await authenticate(socket, scram, message)) || verified;
        break;
      case "E":
        throw loginError(message);
      case "S":
        if (parameters.length === MAX_PARAMETERS) throw tooMuch();
        parameters.push(decodeParameterStatus(message.body));
        break;
      case "K":
        key = decodeBackendKeyData(message.body);
        break;
      case "Z":
        // Only a server that knows the verifier is the one that the credential is for.
        if (!verified) throw notScram();
        pull.release();
        return { parameters, key, rest: reader.rest() };
      default:
        // Notices, and NegotiateProtocolVersion: nothing to do for either.
        break;
    }
  }
}

async function nextFrame(pull: Pull, reader: FrameReader): Promise<Frame> {
  for (;;) {
    const message = reader.next();
    if (message !== undefined) return message;
    const chunk = await pull.next();
    if (chunk === undefined) {
      throw new GatehouseError("TARGET_UNREACHABLE", "The target closed the connection during the log-in.");
    }
    reader.push(chunk);
  }
}

/** One step of the SCRAM exchange; true when the server has proved that it knows the password. */
async function authenticate(socket: Socket, scram: ScramClient, message: Frame): Promise<boolean> {
  const step = decodeAuthentication(message.body);
  switch (step.kind) {
    case "sasl":
      if (!step.mechanisms.includes(ScramClient.mechanism)) throw notScram();
      socket.write(encodeSaslInitialResponse(ScramClient.mechanism, scram.first()));
      return false;
    case "sasl-continue":
      socket.write(encodeSaslResponse(await scram.final(step.data.toString("utf8"))));
      return false;
    case "sasl-final":
      scram.verify(step.data.toString("utf8"));
      return true;
    case "ok":
      return false;
    case "other":
      throw notScram();
  }
}

function tooMuch(): GatehouseError {
  return new GatehouseError("PROTOCOL_VIOLATION", "The target reports more settings than any server has.");
}

function notScram(): GatehouseError {
  return new GatehouseError("TARGET_AUTHENTICATION", "The target does not authenticate by SCRAM-SHA-256.", {
    hint: "Set password_encryption to scram-sha-256 at the target, and the password anew.",
  });
}

function loginError(message: Frame): GatehouseError {
  const fields = decodeErrorResponse(message.body);
  const sqlstate = fields.get("C") ?? "";
  const text = `The target refused the gateway: ${fields.get("M") ?? "no reason given"} (SQLSTATE ${sqlstate}).`;
  return new GatehouseError(sqlstate.startsWith("28") ? "TARGET_AUTHENTICATION" : "TARGET_REJECTED", text);
}
