import type { Address, Gate, ListenerLimits } from "@gatehouse/core";
import { answerPlace, approvalPlace } from "./async-hold.ts";
import type { ClientExchange } from "./client-exchange.ts";
import type { ClientSessions } from "./client-sessions.ts";
import type { Malformed } from "./codec/malformed.ts";
import { Ahead } from "./connection/ahead.ts";
import { readTarget } from "./path.ts";
import { type Named, readPlace } from "./place.ts";
import { type OwnAnswer, refusalAnswer } from "./refusal.ts";
import { SessionRequest, type SessionRequestOptions } from "./session-request.ts";
import { presentedToken } from "./token.ts";

export interface RequestsOptions extends Omit<SessionRequestOptions, "ahead"> {
  readonly gate: Gate;
  readonly client: Address;
  readonly limits: Pick<ListenerLimits, "startup" | "keepalive">;
  /** Host names that targets have of their own. */
  readonly hosts: ReadonlyMap<string, Named>;
  /** Of the client's connection. */
  readonly sessions: ClientSessions;
  /** Called when somebody was let in. */
  readonly loggedIn: () => void;
  /** Called when log-ins were refused too often: the connection is to take no more requests. */
  readonly turnedAway: () => void;
}

/** Log-ins that a connection on which nobody is known may have refused: each takes a line of the audit log, and costs its client next to nothing. */
const MOST_REFUSED = 16;

/** The requests of one client's connection: where each is meant to go, and who asks. */
export class Requests {
  readonly #options: RequestsOptions;
  readonly #terms: SessionRequestOptions;
  #isKnown = false;
  #refused = 0;

  constructor(options: RequestsOptions) {
    this.#options = options;
    this.#terms = { ...options, ahead: new Ahead() };
  }

  /**
   * Serves one, to the end of its answer.
   * @throws Malformed where it can't be read for certain, and nothing of an answer has gone out
   */
  async serve(client: ClientExchange): Promise<void> {
    const { gate, sessions } = this.#options;
    const { head } = client;
    const token = presentedToken(head.fields);
    const [application = ""] = head.fields.all("user-agent");
    const target = readTarget(head.target);
    const approval = approvalPlace(target);
    if (approval !== undefined && token !== undefined) {
      const asking = { method: head.method, token, application, client: this.#options.client };
      const own = await answerPlace(gate, asking, approval);
      if (own.status === 200) this.#options.loggedIn();
      this.#answer(client, own);
      return;
    }
    const place = readPlace(target, head.authority, this.#options.hosts);
    if (place === undefined || token === undefined) {
      const attempt = {
        ...{ protocol: "http", application, client: this.#options.client },
        ...{ target: place?.target ?? "", level: place?.level ?? "" },
      };
      const isPlace = place !== undefined || approval !== undefined;
      this.#answer(client, refusalAnswer(await gate.rejectLogin(attempt, isPlace ? NO_TOKEN : NO_PLACE)));
      return;
    }
    const found = await sessions.of(place, token, application);
    if (!found.ok) {
      this.#answer(client, refusalAnswer(found.refusal));
      return;
    }
    this.#isKnown = true;
    this.#options.loggedIn();
    const { session } = found;
    try {
      await new SessionRequest(session, place, client, this.#terms).run();
    } finally {
      sessions.done(session);
    }
  }

  /** The end of a request for which nobody is let in. */
  #answer(client: ClientExchange, own: OwnAnswer): void {
    client.answer(own);
    if (this.#isKnown || own.status < 400) return;
    this.#refused++;
    if (this.#refused === MOST_REFUSED) this.#options.turnedAway();
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
