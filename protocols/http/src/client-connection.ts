import type { Socket } from "node:net";
import {
  type Address,
  decide,
  type Decided,
  GatehouseError,
  type Held,
  type OpenSession,
  type Refusal,
  type ServeOptions,
} from "@gatehouse/core";
import { hangUp } from "@gatehouse/wire";
import { ClientAnswer } from "./client-answer.ts";
import { ClientSessions } from "./client-sessions.ts";
import { Fields } from "./codec/fields.ts";
import { Malformed } from "./codec/malformed.ts";
import { parseRequestHead, type RequestHead } from "./codec/request-head.ts";
import { HttpCommand } from "./commands.ts";
import { Deadline } from "./connection/deadline.ts";
import { MessageReader } from "./connection/message-reader.ts";
import { RequestBody } from "./connection/request-body.ts";
import { isLookedInto } from "./facts/body.ts";
import { clientRequest, takesTrailers } from "./outgoing.ts";
import { readTarget, writeTarget } from "./path.ts";
import { type Place, readPlace } from "./place.ts";
import { encodeOwnAnswer, refusalAnswer } from "./refusal.ts";
import type { Shared } from "./server.ts";
import { settingsOf } from "./settings.ts";
import { type Outgoing, TargetExchange } from "./target-exchange.ts";
import { presentedToken } from "./token.ts";
import { Way } from "./way.ts";

/** Milliseconds that a connection may be idle between two requests. */
const IDLE = 75_000;
/** Milliseconds in which a client that was told that it is over has to take that in. */
const PATIENCE = 5000;
/** Milliseconds that a body's next piece may take. */
const STALLED = 60_000;
/** Bytes of a body that rules can look at, and that a request may have which waits for people. */
const AHEAD = 1024 * 1024;

const CONTINUE = Buffer.from("HTTP/1.1 100 Continue\r\n\r\n");

export interface ClientConnectionOptions extends ServeOptions, Shared {
  readonly client: Address;
  /** Called when somebody was let in. */
  readonly loggedIn: () => void;
}

/** A client's connection: its requests, one after the other (RFC 9112, section 9.3.2). */
export class ClientConnection {
  readonly #socket: Socket;
  readonly #options: ClientConnectionOptions;
  readonly #reader: MessageReader;
  readonly #deadline: Deadline;
  readonly #sessions: ClientSessions;
  /** Aborts when the client has gone. */
  readonly #gone = new AbortController();
  /** Somebody was let in on it. */
  #isKnown = false;
  /** A request is under way. */
  #isBusy = false;

  constructor(socket: Socket, options: ClientConnectionOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#reader = new MessageReader(socket);
    this.#deadline = new Deadline(socket);
    this.#sessions = new ClientSessions({
      ...options,
      ended: () => {
        // Who has nothing under way is told by the end alone, as by any server that goes.
        if (!this.#isBusy) this.#socket.end();
      },
    });
    socket.once("close", () => this.#gone.abort());
  }

  /** Serves it to its end. */
  async run(): Promise<void> {
    let detail: string | undefined;
    try {
      while (await this.#next());
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      detail = error.message;
      await this.#refuseMalformed(error);
    } finally {
      await this.#sessions.close(detail === undefined ? "client_closed" : "protocol_violation", detail);
      // What still comes is read to nowhere: a client that says all before it listens hears why it was refused.
      this.#reader.release();
      await hangUp(this.#socket, PATIENCE);
    }
  }

  /** @returns whether another request may follow */
  async #next(): Promise<boolean> {
    const { startup } = this.#options.limits;
    this.#deadline.within(this.#isKnown ? IDLE : startup);
    const head = await this.#reader.head(() => this.#deadline.within(startup));
    if (head === undefined) return false;
    this.#deadline.lift();
    this.#isBusy = true;
    const goesOn = await this.#serve(parseRequestHead(head));
    this.#isBusy = false;
    return goesOn;
  }

  async #serve(request: RequestHead): Promise<boolean> {
    const { gate, client, loggedIn } = this.#options;
    const place = readPlace(request.target);
    const token = presentedToken(request.fields);
    const [application = ""] = request.fields.all("user-agent");
    if (place === undefined || token === undefined) {
      const attempt = {
        ...{ protocol: "http", application, client },
        ...{ target: place?.target ?? "", level: place?.level ?? "" },
      };
      return this.#refuse(request, await gate.rejectLogin(attempt, place ? NO_TOKEN : NO_PLACE));
    }
    const found = await this.#sessions.of(place, token, { application, gone: this.#gone.signal });
    if (!found.ok) return this.#refuse(request, found.refusal);
    loggedIn();
    this.#isKnown = true;
    const { session } = found;
    session.activity("busy");
    try {
      return await this.#inSession(session, place, request);
    } finally {
      session.activity("idle");
    }
  }

  async #inSession(session: OpenSession, place: Place, head: RequestHead): Promise<boolean> {
    const settings = settingsOf(session.session.target);
    const asked = clientRequest(head, writeTarget(place.asked), settings);
    const body = new RequestBody(AHEAD);
    const isAhead = isReadAhead(head);
    if (isAhead) this.#continue(head);
    body.start(this.#reader, head.framing, {
      begin: () => this.#deadline.within(STALLED),
      end: () => this.#deadline.lift(),
    });
    const content = isAhead ? await body.whole() : undefined;
    const request = {
      ...{ head, target: readTarget(asked.target), fields: new Fields(asked.fields), body: content },
    };
    const terms = { routes: settings.routes, secret: new Set(settings.secret) };
    const decided = await decide(
      session,
      () => new HttpCommand(request, terms),
      (held) => this.#waits(held),
    );
    if (!decided.ok) return this.#refuse(head, decided.refusal, body);
    const { held } = decided;
    if (this.#hasLeft()) {
      held?.outcome("failed");
      return false;
    }
    const { idle, limits } = this.#options;
    const { timeout } = settings;
    const exchange = new TargetExchange({ session, idle, timeout, keepalive: limits.keepalive });
    let answer: ClientAnswer | undefined;
    let way: Way | undefined;
    try {
      if (!isAhead) this.#continue(head);
      const { tokens } = this.#options;
      way = await Way.find(session, { place, head, settings, tokens, last: !persists(head) });
      answer = new ClientAnswer(this.#socket, way.answering, takesTrailers(head));
      await this.#exchange(exchange, decided, way.outgoing(asked, body), answer, session);
      held?.outcome("done");
      return !answer.isLast && body.isWhole && !session.ended.aborted;
    } catch (error) {
      const isBegun = answer?.isBegun === true;
      held?.outcome(exchange.isSent ? "in_doubt" : "failed");
      if (isCredentialRefused(error)) way?.refused();
      if (isBegun || this.#hasLeft()) {
        // Cut off in the middle, the client sees that it is not whole.
        this.#socket.destroy();
        return false;
      }
      if (error instanceof Malformed || !(error instanceof GatehouseError)) throw error;
      if (session.ended.aborted) return this.#refuse(head, session.ended.reason as Refusal, body);
      return this.#refuse(head, await unavailable(session, decided.command, error), body);
    } finally {
      way?.close();
    }
  }

  async #exchange(
    exchange: TargetExchange,
    { permit, command }: Pick<Extract<Decided<HttpCommand>, { ok: true }>, "permit" | "command">,
    outgoing: Outgoing,
    answer: ClientAnswer,
    session: OpenSession,
  ): Promise<void> {
    const abort = () => exchange.abort();
    const ends = [this.#gone.signal, session.ended];
    for (const signal of ends) {
      signal.addEventListener("abort", abort);
      if (signal.aborted) abort();
    }
    try {
      await exchange.run(permit, command, outgoing, answer);
    } finally {
      for (const signal of ends) signal.removeEventListener("abort", abort);
    }
  }

  /** Asks for a body that its client keeps until then (RFC 9110, section 10.1.1): of one that is not read first, once it is let through. */
  #continue({ version, framing, fields }: RequestHead): void {
    if (version === "1.0" || framing.kind === "none") return;
    if (fields.list("expect").includes("100-continue")) this.#socket.write(CONTINUE);
  }

  #hasLeft(): boolean {
    return this.#gone.signal.aborted;
  }

  /** A client that waits for people has its connection kept, and is seen to leave. */
  #waits(held: Held): void {
    const gone = () => held.gone("client_gone");
    this.#gone.signal.addEventListener("abort", gone);
    this.#reader.watch(gone);
    void held.ended.then(() => this.#gone.signal.removeEventListener("abort", gone));
  }

  /** @returns whether another request may follow: not where a body was not read, since it would be taken for one */
  #refuse(request: RequestHead, refusal: Refusal, body?: RequestBody): boolean {
    const isRead = request.framing.kind === "none" || body?.isWhole === true;
    const close = !isRead || !persists(request);
    this.#socket.write(
      encodeOwnAnswer(refusalAnswer(refusal), { close, bodyless: request.method === "HEAD" }),
    );
    return !close;
  }

  /** What was meant by it nobody can tell: it is answered, and nothing more is read (RFC 9112, section 2.2). */
  async #refuseMalformed({ message, status }: Malformed): Promise<void> {
    const { gate, client } = this.#options;
    if (this.#hasLeft()) return;
    const attempt = { protocol: "http", target: "", level: "", application: "", client };
    const refusal = await gate.rejectLogin(attempt, {
      kind: "protocol",
      message: `This request can't be read for certain: ${message}.`,
      hint: "docs/http.md says what is refused. Where the client does not mean it so, see what is between it and the gateway.",
    });
    this.#socket.write(encodeOwnAnswer(refusalAnswer(refusal, status), { close: true }));
  }
}

const NO_PLACE = {
  kind: "target",
  message: "No target is named.",
  hint: "The base URL is https://GATEWAY/TARGET, or https://GATEWAY/LEVEL@TARGET.",
} as const;

const NO_TOKEN = {
  kind: "credential",
  message: "No access token was sent.",
  hint: "Send it as `Authorization: Bearer TOKEN`, or as X-Gatehouse-Authorization where the client has another one there.",
} as const;

/** Whether the client wants the connection to go on behind this request (RFC 9112, section 9.3). */
function persists({ version, fields }: RequestHead): boolean {
  return version === "1.1" && !fields.list("connection").includes("close");
}

/** Whether rules may look at the body: of a type that is read, or so short that it can be kept for people. All others pass as they come. */
function isReadAhead({ framing, fields }: RequestHead): boolean {
  if (framing.kind === "none") return true;
  if (framing.kind === "length") return framing.length <= AHEAD;
  return isLookedInto(fields);
}

function isCredentialRefused(error: unknown): boolean {
  return error instanceof GatehouseError && error.code === "TARGET_AUTHENTICATION";
}

/** What is wrong at the target is not for its clients to know. */
function unavailable(session: OpenSession, { text }: HttpCommand, error: GatehouseError): Promise<Refusal> {
  return session.refuse({
    kind: "unavailable",
    message: isCredentialRefused(error)
      ? `The target "${session.session.target.name}" did not take the gateway's own credential.`
      : `The target "${session.session.target.name}" can't be reached now.`,
    hint: "Try again; if it goes on, show the reference to whoever runs the gateway.",
    text,
    reason: `${error.code}: ${error.message}`,
  });
}
