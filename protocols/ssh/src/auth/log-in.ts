import { setTimeout as pause } from "node:timers/promises";
import {
  type Address,
  type Credential,
  type Gate,
  GatehouseError,
  type LoginRequest,
  messageOf,
  type OpenSession,
  type Refusal,
  type SignIn,
} from "@gatehouse/core";
import { disconnectReason } from "../codec/disconnect.ts";
import { number } from "../codec/numbers.ts";
import { decodeService, encodeServiceAccept, service } from "../codec/service.ts";
import {
  encodeBanner,
  encodePkOk,
  encodeUserauthFailure,
  encodeUserauthSuccess,
} from "../codec/userauth-answer.ts";
import { decodeInfoResponse, encodeInfoRequest } from "../codec/userauth-info.ts";
import {
  type AuthMethod,
  decodeUserauthRequest,
  type KeyProof,
  method,
  type UserauthRequest,
} from "../codec/userauth-request.ts";
import { readLoginName } from "../login-name.ts";
import { noticeText, refusalLine, refusalText } from "../refusal.ts";
import { couldProve, isProved } from "./key-proof.ts";
import type { Messages } from "./messages.ts";

/** Proofs of one connection that may fail; an agent with many keys shows them first, which is counted apart. */
const MAX_FAILURES = 6;
const MAX_REQUESTS = 40;
/** Milliseconds until a proof that failed is answered, whichever part of it was wrong: the time says nothing. */
const FAILURE_TIME = 300;
/** Milliseconds between the end of a sign-in and that of its log-in. */
const SIGN_IN_SLACK = 10_000;
const METHODS = [method.publicKey, method.password, method.keyboardInteractive] as const;

export interface LogInOptions {
  readonly messages: Messages;
  readonly gate: Gate;
  readonly client: Address;
  /** This side's, that the client was shown. */
  readonly hostKey: Buffer;
  /** Ends the log-in after so many milliseconds from now, and not before; Infinity while it waits for people whose time is limited elsewhere. */
  readonly limit: (milliseconds: number) => void;
  /** Milliseconds that a client has for each try. */
  readonly grace: number;
}

type Attempt = Omit<LoginRequest, "credential">;

/** What came of one request. */
type Result =
  | { readonly session: OpenSession }
  | { readonly answer: Buffer; readonly failed: boolean }
  /** There is no point in trying again. */
  | { readonly refusal: Refusal };

/** A client logs in (RFC 4252): by a key or a certificate, by a token as its password, or by signing in with a browser. */
export class LogIn {
  readonly #options: LogInOptions;
  /** Keys that were shown in vain, as long as nothing else has come of the log-in. */
  #unknown: { readonly attempt: Attempt; readonly keys: number } | undefined;
  /** The client has been given time for a person. */
  #hasTime = false;

  constructor(options: LogInOptions) {
    this.#options = options;
  }

  /**
   * @returns the session, of which the client has not been told yet (`welcome`); undefined when the client was refused and sent away
   * @throws GatehouseError PROTOCOL_VIOLATION for what no client may send, and for one that leaves
   */
  async run(): Promise<OpenSession | undefined> {
    await this.#serviceAsked();
    try {
      return await this.#conversation();
    } finally {
      await this.#putOnRecord();
    }
  }

  async #conversation(): Promise<OpenSession | undefined> {
    const { transport } = this.#options.messages;
    let user: string | undefined;
    let failures = 0;
    for (let requests = 0; requests < MAX_REQUESTS && failures < MAX_FAILURES; requests++) {
      const request = decodeUserauthRequest(await this.#expect(number.userauthRequest));
      // Section 5: another name would begin anew, with what was proved for the first.
      if (user !== undefined && request.user !== user) {
        throw new GatehouseError("PROTOCOL_VIOLATION", "another user name in the middle of a log-in");
      }
      user = request.user;
      const result = await this.#try(request);
      if ("session" in result) return result.session;
      if ("refusal" in result) {
        this.refuse(result.refusal);
        return undefined;
      }
      if (result.failed) failures++;
      // What it was given for a person it has no more: whoever waited in vain must not stay.
      if (this.#hasTime) this.#giveTime(this.#options.grace);
      this.#hasTime = false;
      transport.send(result.answer);
    }
    transport.disconnect(disconnectReason.noMoreAuthMethods, "Too many authentication failures");
    return undefined;
  }

  /** Who shows keys that nobody is known by, and leaves without having tried to prove anything, has looked for one that is. */
  async #putOnRecord(): Promise<void> {
    if (this.#unknown === undefined) return;
    const { attempt, keys } = this.#unknown;
    const message = `The client has shown ${keys} keys or certificates that nobody is known by, and has proved nothing.`;
    await this.#options.gate.rejectLogin(attempt, { kind: "credential", message });
  }

  /** Tells the client that it is in. */
  welcome(): void {
    const { transport } = this.#options.messages;
    transport.send(encodeUserauthSuccess());
    transport.authenticated();
  }

  /** Tells the client why it is not let in, and sends it away. */
  refuse(refusal: Refusal): void {
    const { transport } = this.#options.messages;
    this.#show(refusalText(refusal));
    transport.disconnect(disconnectReason.byApplication, refusalLine(refusal));
  }

  async #serviceAsked(): Promise<void> {
    const name = decodeService(await this.#expect(number.serviceRequest));
    const { transport } = this.#options.messages;
    if (name !== service.userauth) {
      transport.disconnect(disconnectReason.serviceNotAvailable, "Log in first");
      throw new GatehouseError("PROTOCOL_VIOLATION", `the service ${name} was asked for before the log-in`);
    }
    transport.send(encodeServiceAccept(name));
  }

  async #expect(type: number): Promise<Buffer> {
    const message = await this.#options.messages.next();
    if (message[0] === type) return message;
    throw new GatehouseError("PROTOCOL_VIOLATION", `unexpected message ${message[0]} before the log-in`);
  }

  async #try({ user, service: wanted, auth }: UserauthRequest): Promise<Result> {
    if (wanted !== service.connection) {
      throw new GatehouseError("PROTOCOL_VIOLATION", `a log-in for the service ${wanted}`);
    }
    const { messages, client } = this.#options;
    const { login, target } = readLoginName(user);
    const attempt: Attempt = {
      protocol: "ssh",
      target,
      level: login,
      client,
      application: messages.transport.peer.identification,
      gone: messages.gone,
      waits: (notice) => {
        this.#giveTime(Number.POSITIVE_INFINITY);
        this.#show(noticeText(notice));
      },
    };
    const begun = performance.now();
    const result = await this.#prove(attempt, auth);
    // Nobody learns by the time which part of a proof was wrong.
    if ("answer" in result && result.failed)
      await pause(Math.max(0, begun + FAILURE_TIME - performance.now()));
    return result;
  }

  #prove(attempt: Attempt, auth: AuthMethod): Promise<Result> | Result {
    switch (auth.method) {
      case "publickey":
        return this.#byKey(attempt, auth);
      case "password": {
        if (auth.change) return FAILED;
        const token = auth.password.reveal();
        auth.password.wipe();
        return this.#by(attempt, { token });
      }
      case "keyboard-interactive":
        return this.#bySigningIn(attempt);
      case "none":
      case "other":
        // How clients ask which methods there are; it proves nothing and fails nothing.
        return { answer: FAILURE, failed: false };
    }
  }

  async #byKey(attempt: Attempt, proof: KeyProof): Promise<Result> {
    const { messages, gate, client, hostKey } = this.#options;
    const key = { key: proof.blob, client };
    if (proof.signature === undefined) {
      const known = couldProve(proof) && (await gate.accepts(key));
      if (!known) this.#unknown = { attempt, keys: (this.#unknown?.keys ?? 0) + 1 };
      return { answer: known ? encodePkOk(proof) : FAILURE, failed: false };
    }
    this.#unknown = undefined;
    if (!isProved(proof, messages.transport.sessionId, hostKey)) {
      await gate.rejectLogin(attempt, {
        kind: "credential",
        message: "The signature does not prove that the client has the key.",
      });
      return FAILED;
    }
    return this.#by(attempt, key);
  }

  async #by(attempt: Attempt, credential: Credential): Promise<Result> {
    this.#unknown = undefined;
    const result = await this.#options.gate.login({ ...attempt, credential });
    if (result.ok) return { session: result.session };
    // Another key may do, or another token. What is refused to whoever was proved stays refused.
    return result.refusal.kind === "credential" ? FAILED : { refusal: result.refusal };
  }

  /** The device authorization grant (RFC 8628), by keyboard-interactive: a person is shown where to go, and is let in when they have been there. */
  async #bySigningIn(attempt: Attempt): Promise<Result> {
    const { gate, messages, client } = this.#options;
    const signIn = await gate.signIn(client, messages.gone);
    if (signIn === undefined) return FAILED;
    // It may fail before this gets to wait for it: a failure that nobody has asked for yet must not end the process.
    signIn.token.catch(() => undefined);
    this.#giveTime(signIn.until - Date.now() + SIGN_IN_SLACK);
    messages.transport.send(
      encodeInfoRequest({ name: "Sign in", instruction: instructionOf(signIn), prompts: [] }),
    );
    decodeInfoResponse(await this.#expect(number.userauthInfoResponse));
    let token: string;
    try {
      token = await signIn.token;
    } catch (error) {
      await gate.rejectLogin(attempt, { kind: "credential", message: messageOf(error) });
      return FAILED;
    }
    return this.#by(attempt, { token });
  }

  #giveTime(milliseconds: number): void {
    this.#hasTime = true;
    this.#options.limit(milliseconds);
  }

  #show(text: Buffer): void {
    this.#options.messages.transport.send(encodeBanner(text.toString("utf8")));
  }
}

const FAILURE = encodeUserauthFailure({ methods: METHODS, partial: false });
const FAILED: Result = { answer: FAILURE, failed: true };

function instructionOf({ url, code, complete }: SignIn): string {
  const place = complete ?? url;
  return `To sign in, open ${place} in a browser, and check that it shows the code ${code}.`;
}
