import {
  type Approval,
  type Clock,
  type Command,
  type Logger,
  messageOf,
  type RuleReference,
  type Session,
  type WebhookEventName,
  type WebhookSettings,
  webhookEvents,
} from "@gatehouse/core";
import type { Secrets } from "@gatehouse/credentials";
import { LRUCache } from "lru-cache";
import type { Delivery } from "./delivery.ts";
import type { ApprovalEvent, WebhookEvent } from "./event.ts";
import { type OpenDelivery, Outbox } from "./outbox.ts";
import { type Report, reportOf } from "./report.ts";
import { slackBody } from "./slack-body.ts";

/** Approvals whose deliveries are remembered: more than can wait at once by default. */
const MAX_REMEMBERED = 5000;

/** In milliseconds. */
const DEADLINE = 10_000;
const LONGEST_CLOSING = 2_000;

export interface WebhooksOptions {
  /** As the config says now. */
  readonly hooks: () => readonly WebhookSettings[];
  /** Where people answer, without a slash at its end. */
  readonly url: () => string | undefined;
  readonly secrets: Pick<Secrets, "resolve">;
  readonly clock: Clock;
  readonly log: Logger;
  /** From 0 to 1; `Math.random` when left out. */
  readonly random?: () => number;
  /** How long one attempt may take in all, in milliseconds; 10 seconds when left out. */
  readonly deadline?: number;
}

/**
 * Tells other people's systems what becomes of approvals. Nothing waits for it: what can't be delivered is tried again
 * for an hour and then given up, and what is not delivered when the gateway ends is lost.
 */
export class Webhooks {
  readonly #options: WebhooksOptions;
  readonly #outboxes = new Map<string, Outbox>();
  readonly #deliveries = new LRUCache<string, OpenDelivery[]>({ max: MAX_REMEMBERED });
  readonly #inFlight = new Set<Promise<void>>();
  readonly #aborting = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: WebhooksOptions) {
    this.#options = options;
  }

  /**
   * Takes what has become of an approval, to tell those who want to know. Returns at once, and never throws.
   * @param event what webhooks are told of, or what only the gateway's own followers are: that is passed over
   */
  tell(event: ApprovalEvent["event"] | "answered" | "spent" | "outcome", approval: Approval): void {
    if (isTold(event)) this.#take({ event, approval });
  }

  /**
   * The same of a command that rules would have held, had its identity not broken their glass.
   * @param reference under which the audit log has the command
   */
  tellOfBrokenGlass(
    session: Session,
    command: Command,
    rules: readonly RuleReference[],
    reference: string,
  ): void {
    const at = this.#options.clock.now();
    this.#take({ event: "break-glass", at, session, command, rules, reference });
  }

  /** What became of the events of one approval, as far as this process has told them; the oldest first. */
  deliveries(approval: string): readonly Delivery[] {
    return (this.#deliveries.get(approval) ?? []).map((delivery) => ({ ...delivery }));
  }

  /** Tries what is due, as a timer does by itself. @returns when all that is under way has ended */
  async sweep(): Promise<void> {
    this.#begin();
    while (this.#inFlight.size > 0) await Promise.all(this.#inFlight);
  }

  /** Takes no more, gives what is due two seconds, and ends the rest. */
  async close(): Promise<void> {
    this.#closed = true;
    const late = new Promise<void>((resolve) => setTimeout(resolve, LONGEST_CLOSING).unref());
    await Promise.race([this.sweep(), late]);
    this.#aborting.abort();
    clearTimeout(this.#timer);
    await Promise.all(this.#inFlight);
    const lost = [...this.#outboxes.values()].reduce((sum, { size }) => sum + size, 0);
    if (lost > 0) this.#options.log.warn({ lost }, "webhooks were not delivered before the gateway ended");
  }

  #take(event: WebhookEvent): void {
    if (this.#closed) return;
    try {
      this.#queue(event);
      this.#begin();
    } catch (error) {
      this.#options.log.error({ event: event.event, error: messageOf(error) }, "no webhook could be told");
    }
  }

  #queue(event: WebhookEvent): void {
    const { hooks, url, clock } = this.#options;
    const report = reportOf(event, url());
    const bodies = new Map<WebhookSettings["body"], string>();
    for (const { name, body: form, events } of hooks()) {
      if (!events.includes(event.event)) continue;
      const body = bodies.get(form) ?? JSON.stringify(bodyOf(form, report));
      bodies.set(form, body);
      const delivery: OpenDelivery = { webhook: name, event: event.event, state: "waiting", attempts: 0 };
      if (event.event !== "break-glass") this.#remember(event.approval.id, delivery);
      this.#outbox(name).add({ id: report.id, event: event.event, body, delivery, since: clock.now() });
    }
  }

  #remember(approval: string, delivery: OpenDelivery): void {
    const known = this.#deliveries.get(approval);
    if (known) known.push(delivery);
    else this.#deliveries.set(approval, [delivery]);
  }

  #outbox(name: string): Outbox {
    const { hooks, secrets, clock, log, random = Math.random, deadline = DEADLINE } = this.#options;
    const hook = () => hooks().find((one) => one.name === name);
    const closing = this.#aborting.signal;
    const outbox =
      this.#outboxes.get(name) ?? new Outbox(name, { hook, secrets, clock, log, random, deadline, closing });
    this.#outboxes.set(name, outbox);
    return outbox;
  }

  /** Begins what is due, and sets the timer for what comes then. */
  #begin(): void {
    if (this.#aborting.signal.aborted) return;
    const times: number[] = [];
    for (const [name, outbox] of this.#outboxes) {
      for (const sending of outbox.send()) this.#follow(sending);
      if (outbox.size === 0) this.#outboxes.delete(name);
      else if (outbox.next !== undefined) times.push(outbox.next);
    }
    clearTimeout(this.#timer);
    if (times.length === 0) return;
    const wait = Math.max(1, Math.min(...times) - this.#options.clock.now());
    this.#timer = setTimeout(() => this.#begin(), wait).unref();
  }

  #follow(sending: Promise<void>): void {
    const followed = sending
      // A mistake of this package's own is no reason for the gateway to end.
      .catch((error: unknown) => {
        this.#options.log.error({ error: messageOf(error) }, "telling a webhook failed");
      })
      .then(() => {
        this.#inFlight.delete(followed);
        this.#begin();
      });
    this.#inFlight.add(followed);
  }
}

function isTold(event: string): event is Exclude<WebhookEventName, "break-glass"> {
  return event !== "break-glass" && webhookEvents.some((name) => name === event);
}

function bodyOf(form: WebhookSettings["body"], report: Report): object {
  switch (form) {
    case "generic":
      return report;
    case "slack":
      return slackBody(report);
  }
}
