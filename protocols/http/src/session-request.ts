import {
  decide,
  type Decision,
  GatehouseError,
  type Held,
  type ListenerLimits,
  type Mask,
  type OpenSession,
  type Refusal,
  type ValueMasks,
  type Clock,
} from "@gatehouse/core";
import { whenAborted } from "./abort-listeners.ts";
import { acceptedAnswer, decideDetached, type DecidedDetached, presentedApproval } from "./async-hold.ts";
import type { Budgets } from "./budgets/budgets.ts";
import { Spending } from "./budgets/spending.ts";
import { ClientAnswer } from "./client-answer.ts";
import type { ClientExchange } from "./client-exchange.ts";
import { Fields } from "./codec/fields.ts";
import { Malformed } from "./codec/malformed.ts";
import type { RequestHead } from "./codec/request-head.ts";
import { HttpCommand } from "./commands.ts";
import type { Ahead } from "./connection/ahead.ts";
import { AHEAD, wholeBody } from "./connection/request-body.ts";
import type { Switched } from "./connection/switched.ts";
import type { ClientCredentials } from "./credentials/client-credentials.ts";
import { isLookedInto } from "./facts/body.ts";
import type { Request } from "./facts/request-facts.ts";
import { answerMasks, type AnswerTerms } from "./masking/answer-mask.ts";
import { answerSteps } from "./masking/answer-steps.ts";
import { ofChangedBody } from "./masking/masked-fields.ts";
import { type MaskedRequest, maskedRequest } from "./masking/request-mask.ts";
import { type ClientRequest, clientRequest } from "./outgoing.ts";
import { readTarget, writeTarget } from "./path.ts";
import type { Place } from "./place.ts";
import { refusalAnswer } from "./refusal.ts";
import { type HttpSettings, settingsOf, termsOf } from "./settings.ts";
import { TargetExchange } from "./target-exchange.ts";
import type { Outgoing, TargetAnswer } from "./upstream/target-link.ts";
import type { TargetLinks } from "./upstream/target-links.ts";
import { Way } from "./way.ts";
import { WebSocketUpgrade } from "./websocket/upgrade.ts";

/** What the requests of a connection go by. */
export interface SessionRequestOptions {
  readonly limits: Pick<ListenerLimits, "keepalive">;
  readonly budgets: Budgets;
  readonly links: TargetLinks;
  readonly tokens: ClientCredentials;
  readonly clock: Clock;
  readonly values: ValueMasks;
  /** Room for bodies. */
  readonly ahead: Ahead;
}

type LetThrough = Extract<DecidedDetached<HttpCommand>, { ok: true }>;

/** One request in its session: what it spends, what it is, what is decided of it, how it is sent on and answered. */
export class SessionRequest {
  readonly #session: OpenSession;
  readonly #place: Place;
  readonly #client: ClientExchange;
  readonly #options: SessionRequestOptions;
  readonly #settings: HttpSettings;

  constructor(session: OpenSession, place: Place, client: ClientExchange, options: SessionRequestOptions) {
    this.#session = session;
    this.#place = place;
    this.#client = client;
    this.#options = options;
    this.#settings = settingsOf(session.session.target);
  }

  /**
   * Serves it to the end of its answer.
   * @throws Malformed where it can't be read for certain, and nothing of an answer has gone out
   */
  async run(): Promise<void> {
    const { head } = this.#client;
    const { identity, target } = this.#session.session;
    const { api, budget } = this.#settings;
    const taken = this.#options.budgets.take(identity, target, budget);
    if (!taken.ok) {
      const text = `${head.method} ${this.#place.asked.path}`;
      this.#refuse(await this.#session.refuse({ ...taken.refusal, text }));
      return;
    }
    const spending = new Spending(taken.use, budget, api);
    this.#client.body.count((bytes) => {
      spending.sent(bytes);
    });
    const room = roomFor(head);
    const giveBack = room > 0 ? await this.#options.ahead.take(room, this.#client.gone) : undefined;
    try {
      await this.#serve(spending, giveBack);
    } finally {
      giveBack?.();
    }
  }

  /** Reads what has to be known of it, has it decided, and sends it on. @param needs is told how much room its body takes */
  async #serve(spending: Spending, needs: ((bytes: number) => void) | undefined): Promise<void> {
    const { head, body } = this.#client;
    const sent = writeTarget(this.#place.asked);
    const asked = clientRequest(head, sent, this.#settings);
    const isAhead = isReadAhead(head);
    if (isAhead) this.#client.askForBody();
    this.#client.start();
    const content = isAhead ? await body.whole() : undefined;
    // It may wait for people: with what it has, and no more.
    if (content) needs?.(content.length);
    const request = {
      head,
      target: asked.target === sent ? this.#place.asked : readTarget(asked.target),
      fields: new Fields(asked.fields),
      body: content,
    };
    const terms = termsOf(this.#settings);
    const decided = await decideRequest(this.#session, this.#client, () => new HttpCommand(request, terms));
    if (!decided.ok) {
      if ("standing" in decided) this.#client.answer(acceptedAnswer(decided.standing));
      else this.#refuse(decided.refusal);
      return;
    }
    if (hasLeft(this.#client)) {
      decided.held?.outcome("failed");
      return;
    }
    try {
      const masked = await this.#masked(request, decided);
      if (masked === undefined) return;
      if (!isAhead) this.#client.askForBody();
      await this.#send(asked, decided, masked, spending);
    } catch (error) {
      // Where nobody has told by now what came of it, nothing did.
      decided.held?.outcome("failed");
      throw error;
    }
  }

  /** The request without what it must not take to the target; undefined where that can't be done, and its client was told. */
  async #masked(
    request: Request,
    { command, decision, held }: LetThrough,
  ): Promise<Extract<MaskedRequest, { ok: true }> | undefined> {
    const read = command.body.kind;
    const masked = maskedRequest({ ...request, read }, masksOf(decision), this.#options.values);
    if (masked.ok) return masked;
    held?.outcome("failed");
    const { message, hint } = masked;
    this.#refuse(await this.#session.refuse({ kind: "policy", message, hint, text: command.text }));
    return undefined;
  }

  async #send(
    asked: ClientRequest,
    decided: LetThrough,
    { body: content, restore }: Extract<MaskedRequest, { ok: true }>,
    spending: Spending,
  ): Promise<void> {
    const session = this.#session;
    const client = this.#client;
    const place = this.#place;
    const settings = this.#settings;
    const { limits, links, tokens, values } = this.#options;
    const { head, body } = client;
    const { command, held } = decided;
    const masks = masksOf(decided.decision);
    const exchange = new TargetExchange({
      ...{ session, links },
      ...{ timeout: settings.timeout, keepalive: limits.keepalive },
    });
    let way: Way | undefined;
    try {
      const mustOpen = answerMasks(masks).length > 0 || restore !== undefined;
      way = await Way.find(session, { place, head, settings, tokens, mustOpen });
      const { answering } = way;
      const terms: AnswerTerms = {
        ...{ masks, values, restore, redactor: answering.redactor },
        steps: answerSteps(values, settings.api, restore),
        watched: (form, next) => spending.watched(form, next),
      };
      const answer = new ClientAnswer(client, answering, terms, (bytes) => {
        spending.received(bytes);
      });
      const outgoing =
        content === undefined
          ? way.outgoing(asked, { framing: head.framing, body })
          : outgoingWith(way, asked, content);
      const upgrade = asked.upgrade && new WebSocketUpgrade(asked.upgrade, answer, answering, terms);
      const sent = upgrade?.asking(outgoing) ?? outgoing;
      const switched = await run(exchange, decided, sent, upgrade ?? answer, [client.gone, session.ended]);
      held?.outcome("done");
      if (switched)
        await upgrade?.relay(client, switched, { ...this.#options, session, command, masks, spending });
      spending.end(true);
    } catch (error) {
      spending.end(false);
      held?.outcome(exchange.isSent ? "in_doubt" : "failed");
      if (isCredentialRefused(error)) way?.refused();
      await this.#failed(command, error);
    } finally {
      way?.close();
    }
  }

  /** @throws the error, where it is not the target's */
  async #failed(command: HttpCommand, error: unknown): Promise<void> {
    const { ended } = this.#session;
    if (this.#client.isBegun || hasLeft(this.#client)) {
      this.#client.cut();
      return;
    }
    if (error instanceof Malformed || !(error instanceof GatehouseError)) throw error;
    this.#refuse(
      ended.aborted ? (ended.reason as Refusal) : await unavailable(this.#session, command, error),
    );
  }

  #refuse(refusal: Refusal): void {
    this.#client.answer(refusalAnswer(refusal, { api: this.#settings.api }));
  }
}

/** A request that its client does not wait for, or that comes back, is decided at once; every other may wait. */
function decideRequest(
  session: OpenSession,
  client: ClientExchange,
  make: () => HttpCommand,
): Promise<DecidedDetached<HttpCommand>> {
  const approval = presentedApproval(client.head.fields);
  const command = make();
  if (command.detached || approval !== undefined) return decideDetached(session, command, approval);
  const made = [command];
  return decide(
    session,
    () => made.pop() ?? make(),
    (held) => waits(client, session, held),
  );
}

/** @param ends by each of which it is given up */
async function run(
  exchange: TargetExchange,
  { permit, command }: Pick<Extract<DecidedDetached<HttpCommand>, { ok: true }>, "permit" | "command">,
  outgoing: Outgoing,
  answer: TargetAnswer,
  ends: readonly AbortSignal[],
): Promise<Switched | undefined> {
  const abort = () => exchange.abort();
  const over = ends.map((signal) => whenAborted(signal, abort));
  try {
    return await exchange.run(permit, command, outgoing, answer);
  } finally {
    for (const end of over) end();
  }
}

/** @param content in place of the body: what was said of that one's bytes is not sent */
function outgoingWith(way: Way, asked: ClientRequest, content: Buffer): Outgoing {
  return way.outgoing(
    { ...asked, fields: [...ofChangedBody(asked.fields)] },
    { framing: { kind: "length", length: content.length }, body: wholeBody(content) },
  );
}

function masksOf(decision: Decision): readonly Mask[] {
  return "masks" in decision ? (decision.masks ?? []) : [];
}

function hasLeft({ gone }: ClientExchange): boolean {
  return gone.aborted;
}

/** A client that waits for people has its connection kept, and is seen to leave; and where its session is ended, nobody is asked any more. */
function waits(client: ClientExchange, { ended }: OpenSession, held: Held): void {
  const gone = () => held.gone("client_gone");
  client.watch(gone);
  const over = whenAborted(ended, () => held.gone("session_ended"));
  void held.ended.then(() => {
    client.gone.removeEventListener("abort", gone);
    over();
  });
}

/** Whether rules may look at the body: of a type that is read, or so short that it can be kept for people. All others pass as they come. */
function isReadAhead({ framing, fields }: RequestHead): boolean {
  if (framing.kind === "none") return true;
  if (framing.kind === "length") return framing.length <= AHEAD;
  return isLookedInto(fields);
}

/** Bytes that a body read ahead may take in memory. */
function roomFor(head: RequestHead): number {
  if (!isReadAhead(head)) return 0;
  const { framing } = head;
  if (framing.kind === "none") return 0;
  return framing.kind === "length" ? Math.min(framing.length, AHEAD) : AHEAD;
}

function isCredentialRefused(error: unknown): boolean {
  return error instanceof GatehouseError && error.code === "TARGET_AUTHENTICATION";
}

/** What is wrong at the target is not for its clients to know. */
function unavailable(session: OpenSession, { text }: HttpCommand, error: GatehouseError): Promise<Refusal> {
  const { name } = session.session.target;
  const messages: Readonly<Record<string, string>> = {
    ANSWER_UNREADABLE: error.message,
    TARGET_AUTHENTICATION: `The target "${name}" did not take the gateway's own credential.`,
  };
  return session.refuse({
    kind: "unavailable",
    message: messages[error.code] ?? `The target "${name}" can't be reached now.`,
    hint:
      error.code === "ANSWER_UNREADABLE"
        ? "The request was done. Ask whoever keeps the policies for a rule whose mask leaves this out."
        : "Try again; if it goes on, show the reference to whoever runs the gateway.",
    text,
    reason: `${error.code}: ${error.message}`,
  });
}
