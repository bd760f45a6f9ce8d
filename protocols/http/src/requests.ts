import {
  type Address,
  type Clock,
  decide,
  type Decision,
  type Gate,
  GatehouseError,
  type Held,
  type ListenerLimits,
  type Mask,
  type OpenSession,
  type Refusal,
  type ValueMasks,
} from "@gatehouse/core";
import { whenAborted } from "./abort-listeners.ts";
import type { ApiDecoder } from "./api/decoder.ts";
import {
  acceptedAnswer,
  answerPlace,
  approvalPlace,
  decideDetached,
  type DecidedDetached,
  presentedApproval,
} from "./async-hold.ts";
import type { Budgets } from "./budgets/budgets.ts";
import { Spending } from "./budgets/spending.ts";
import { ClientAnswer } from "./client-answer.ts";
import type { ClientExchange } from "./client-exchange.ts";
import type { ClientSessions } from "./client-sessions.ts";
import { Fields } from "./codec/fields.ts";
import { Malformed } from "./codec/malformed.ts";
import type { RequestHead } from "./codec/request-head.ts";
import { HttpCommand } from "./commands.ts";
import { AHEAD, wholeBody } from "./connection/request-body.ts";
import type { Switched } from "./connection/switched.ts";
import type { ClientCredentials } from "./credentials/client-credentials.ts";
import { isLookedInto } from "./facts/body.ts";
import { answerMasks, type AnswerTerms } from "./masking/answer-mask.ts";
import { answerSteps } from "./masking/answer-steps.ts";
import { ofChangedBody } from "./masking/masked-fields.ts";
import { maskedRequest } from "./masking/request-mask.ts";
import { type ClientRequest, clientRequest } from "./outgoing.ts";
import { readTarget, writeTarget } from "./path.ts";
import { type Named, type Place, readPlace } from "./place.ts";
import { type OwnAnswer, refusalAnswer } from "./refusal.ts";
import { settingsOf, termsOf } from "./settings.ts";
import { TargetExchange } from "./target-exchange.ts";
import { presentedToken } from "./token.ts";
import type { Outgoing, TargetAnswer } from "./upstream/target-link.ts";
import type { TargetLinks } from "./upstream/target-links.ts";
import { Way } from "./way.ts";
import { WebSocketUpgrade } from "./websocket/upgrade.ts";

export interface RequestsOptions {
  readonly gate: Gate;
  readonly client: Address;
  readonly limits: Pick<ListenerLimits, "startup" | "keepalive">;
  /** Host names that targets have of their own. */
  readonly hosts: ReadonlyMap<string, Named>;
  readonly budgets: Budgets;
  readonly links: TargetLinks;
  readonly tokens: ClientCredentials;
  readonly clock: Clock;
  readonly values: ValueMasks;
  /** Of the client's connection. */
  readonly sessions: ClientSessions;
  /** Called when somebody was let in. */
  readonly loggedIn: () => void;
}

/** What becomes of the requests of one client's connection: who asks is looked at, it is decided, sent on, and answered. */
export class Requests {
  readonly #options: RequestsOptions;

  constructor(options: RequestsOptions) {
    this.#options = options;
  }

  /**
   * Serves one, to the end of its answer.
   * @throws Malformed where it can't be read for certain, and nothing of an answer has gone out
   */
  async serve(client: ClientExchange): Promise<void> {
    const { gate, loggedIn, sessions } = this.#options;
    const { head } = client;
    const token = presentedToken(head.fields);
    const [application = ""] = head.fields.all("user-agent");
    const target = readTarget(head.target);
    const approval = approvalPlace(target);
    if (approval !== undefined && token !== undefined) {
      const asking = { method: head.method, token, application, client: this.#options.client };
      client.answer(await answerPlace(gate, asking, approval));
      return;
    }
    const place = readPlace(target, head.authority, this.#options.hosts);
    if (place === undefined || token === undefined) {
      const attempt = {
        ...{ protocol: "http", application, client: this.#options.client },
        ...{ target: place?.target ?? "", level: place?.level ?? "" },
      };
      const isPlace = place !== undefined || approval !== undefined;
      refuse(client, await gate.rejectLogin(attempt, isPlace ? NO_TOKEN : NO_PLACE));
      return;
    }
    const found = await sessions.of(place, token, application);
    if (!found.ok) {
      refuse(client, found.refusal);
      return;
    }
    loggedIn();
    const { session } = found;
    try {
      await this.#inSession(session, place, client);
    } finally {
      sessions.done(session);
    }
  }

  /** What a client is told whose request can't be read. */
  async malformed({ message, status }: Malformed): Promise<OwnAnswer> {
    const { gate, client } = this.#options;
    const attempt = { protocol: "http", target: "", level: "", application: "", client };
    const refusal = await gate.rejectLogin(attempt, {
      kind: "protocol",
      message: `This request can't be read for certain: ${message}.`,
      hint: "docs/http.md says what is refused. Where the client does not mean it so, see what is between it and the gateway.",
    });
    return refusalAnswer(refusal, { status });
  }

  async #inSession(session: OpenSession, place: Place, client: ClientExchange): Promise<void> {
    const { head, body } = client;
    const { identity, target } = session.session;
    const settings = settingsOf(target);
    const taken = this.#options.budgets.take(identity, target, settings.budget);
    if (!taken.ok) {
      const text = `${head.method} ${place.asked.path}`;
      refuse(client, await session.refuse({ ...taken.refusal, text }), settings.api);
      return;
    }
    const spending = new Spending(taken.use, settings.budget.tokens && settings.api);
    body.count((bytes) => {
      spending.sent(bytes);
    });
    const sent = writeTarget(place.asked);
    const asked = clientRequest(head, sent, settings);
    const isAhead = isReadAhead(head);
    if (isAhead) client.askForBody();
    client.start();
    const content = isAhead ? await body.whole() : undefined;
    const request = {
      head,
      target: asked.target === sent ? place.asked : readTarget(asked.target),
      fields: new Fields(asked.fields),
      body: content,
    };
    const terms = termsOf(settings);
    const decided = await decideRequest(session, client, () => new HttpCommand(request, terms));
    if (!decided.ok) {
      if ("standing" in decided) client.answer(acceptedAnswer(decided.standing));
      else refuse(client, decided.refusal, settings.api);
      return;
    }
    const { held } = decided;
    if (hasLeft(client)) {
      held?.outcome("failed");
      return;
    }
    const { limits, links, tokens, values } = this.#options;
    const masks = masksOf(decided.decision);
    const masked = maskedRequest({ ...request, read: decided.command.body.kind }, masks, values);
    if (!masked.ok) {
      held?.outcome("failed");
      const { message, hint } = masked;
      const { text } = decided.command;
      refuse(client, await session.refuse({ kind: "policy", message, hint, text }), settings.api);
      return;
    }
    const { restore } = masked;
    const { timeout } = settings;
    const exchange = new TargetExchange({ session, links, timeout, keepalive: limits.keepalive });
    let way: Way | undefined;
    try {
      if (!isAhead) client.askForBody();
      const mustOpen = answerMasks(masks).length > 0 || restore !== undefined;
      way = await Way.find(session, { place, head, settings, tokens, mustOpen });
      const { answering } = way;
      const { redactor } = answering;
      const steps = answerSteps(values, settings.api, restore);
      const answerTerms: AnswerTerms = {
        ...{ masks, values, redactor, steps, restore },
        watched: (form, next) => spending.watched(form, next),
      };
      const answer = new ClientAnswer(client, answering, answerTerms, (bytes) => {
        spending.received(bytes);
      });
      const outgoing =
        masked.body === undefined
          ? way.outgoing(asked, { framing: head.framing, body })
          : outgoingWith(way, asked, masked.body);
      const upgrade = asked.upgrade && new WebSocketUpgrade(asked.upgrade, answer, answering, answerTerms);
      const ends = [client.gone, session.ended];
      const sent = upgrade?.asking(outgoing) ?? outgoing;
      const switched = await run(exchange, decided, sent, upgrade ?? answer, ends);
      held?.outcome("done");
      if (switched) {
        const opened = { ...this.#options, session, command: decided.command, masks, spending };
        await upgrade?.relay(client, switched, opened);
      }
      spending.end(true);
    } catch (error) {
      spending.end(false);
      held?.outcome(exchange.isSent ? "in_doubt" : "failed");
      if (isCredentialRefused(error)) way?.refused();
      if (client.isBegun || hasLeft(client)) {
        client.cut();
        return;
      }
      if (error instanceof Malformed || !(error instanceof GatehouseError)) throw error;
      const isEnded = session.ended.aborted;
      refuse(
        client,
        isEnded ? (session.ended.reason as Refusal) : await unavailable(session, decided.command, error),
        settings.api,
      );
    } finally {
      way?.close();
    }
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
  return decide(session, make, (held) => waits(client, held));
}

/** @param ends by each of which it is given up */
async function run(
  exchange: TargetExchange,
  { permit, command }: Pick<Extract<DecidedDetached<HttpCommand>, { ok: true }>, "permit" | "command">,
  outgoing: Outgoing,
  answer: TargetAnswer,
  ends: readonly AbortSignal[],
): Promise<Switched | undefined> {
  const over = ends.map((signal) => whenAborted(signal, () => exchange.abort()));
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

/** A client that waits for people has its connection kept, and is seen to leave. */
function waits(client: ClientExchange, held: Held): void {
  const gone = () => held.gone("client_gone");
  client.watch(gone);
  void held.ended.then(() => client.gone.removeEventListener("abort", gone));
}

/** @param api of the target, where that is known already */
function refuse(client: ClientExchange, refusal: Refusal, api?: ApiDecoder): void {
  client.answer(refusalAnswer(refusal, { api }));
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
