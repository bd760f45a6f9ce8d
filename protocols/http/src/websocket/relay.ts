import type { Duplex } from "node:stream";
import {
  type AdapterRefusal,
  type Clock,
  decide,
  type Decided,
  GatehouseError,
  type Held,
  type Mask,
  type OpenSession,
  type Refusal,
  type RefusalKind,
  type ValueMasks,
} from "@gatehouse/core";
import { Malformed } from "../codec/malformed.ts";
import type { Sink } from "../masking/sink.ts";
import { type Close, closeReason } from "./close.ts";
import { type Message, type Opening, WebSocketMessage } from "./commands.ts";
import { Inbox } from "./inbox.ts";
import { Peer } from "./peer.ts";
import { Shown } from "./shown.ts";
import { Violation } from "./violation.ts";

export interface RelayLimits {
  /** Bytes of a text, either way. */
  readonly longest: number;
  /** Milliseconds of silence after which a peer is asked whether it is still there, and after as many again taken for gone. */
  readonly silence: number;
  /** Milliseconds that a peer may take nothing of what is sent to it. */
  readonly stalled: number;
  /** Milliseconds in which a peer that was told that it is over has to take that in. */
  readonly patience: number;
}

const LIMITS: RelayLimits = { longest: 1024 * 1024, silence: 30_000, stalled: 60_000, patience: 5000 };

/** RFC 6455, section 7.4.1. */
const GOING_AWAY = 1001;
const POLICY = 1008;
const INTERNAL = 1011;
/** IANA's list of them. */
const TRY_AGAIN_LATER = 1013;

export interface WebSocketOptions {
  /** Both ends, once the target has changed protocols and the client was told so. Nobody else reads or writes them. */
  readonly client: Duplex;
  readonly target: Duplex;
  /** What was read of each behind its head. */
  readonly clientHead: Buffer;
  readonly targetHead: Buffer;
  readonly session: OpenSession;
  readonly opening: Opening;
  /** Of the request's decision. */
  readonly masks: readonly Mask[];
  readonly values: ValueMasks;
  /** Takes the target's credential out of what the target says. */
  readonly redacted: (next: Sink) => Sink;
  readonly budget: MessageBudget;
  readonly clock: Clock;
  /** Aborts when the client has gone. */
  readonly gone: AbortSignal;
  /** Others than those that a gateway has, for tests. */
  readonly limits?: Partial<RelayLimits>;
}

/** What the client may still use of its target. */
export interface MessageBudget {
  /** Takes a message's place. @returns why there is none; undefined where there is */
  take(): Omit<AdapterRefusal, "text"> | undefined;
  /** Bytes of messages pass, from the client or from the target. */
  sent(bytes: number): void;
  received(bytes: number): void;
}

/** Serves a WebSocket to its end, and hangs up at both sides. */
export function relayWebSocket(options: WebSocketOptions): Promise<void> {
  return new WebSocketRelay(options).run();
}

/**
 * What a client sends is decided message by message, in order, before anything of it reaches the target; what the target sends is masked. Pings
 * are answered here: what stands in one is read by nobody, and would pass every rule.
 */
class WebSocketRelay {
  readonly #options: WebSocketOptions;
  readonly #limits: RelayLimits;
  readonly #client: Peer;
  readonly #target: Peer;
  readonly #inbox = new Inbox();
  readonly #shown: Shown;
  /** Waits for people. */
  #held: Held | undefined;
  #hasLeft = false;
  /** The client has said that it is over: what it has said before is still done. */
  #hasSaidGoodbye = false;
  /** Both sides were told that it is over: what they still say is nobody's. */
  #isOver = false;
  /** Things that are under way. */
  #busy = 0;
  #impatience: NodeJS.Timeout | undefined;

  constructor(options: WebSocketOptions) {
    const { client, target, clientHead, targetHead, masks, values, redacted } = options;
    this.#options = options;
    this.#limits = { ...LIMITS, ...options.limits };
    this.#client = new Peer(client, { ...this.#limits, is: "client", early: clientHead });
    this.#target = new Peer(target, { ...this.#limits, is: "server", early: targetHead });
    this.#shown = new Shown(masks, values, redacted);
  }

  async run(): Promise<void> {
    const { session, gone } = this.#options;
    const over = () => this.#refused(session.ended.reason as Refusal);
    const left = () => this.#left();
    session.ended.addEventListener("abort", over);
    gone.addEventListener("abort", left);
    session.activity("idle");
    if (session.ended.aborted) over();
    if (gone.aborted) left();
    try {
      const ways = [this.#fromClient(), this.#toTarget(), this.#fromTarget()];
      const failed = (await Promise.allSettled(ways.map((way) => this.#whole(way)))).find(
        ({ status }) => status === "rejected",
      );
      if (failed?.status === "rejected") throw failed.reason;
    } finally {
      clearTimeout(this.#impatience);
      session.ended.removeEventListener("abort", over);
      gone.removeEventListener("abort", left);
      const { patience } = this.#limits;
      await Promise.all([this.#client.hangUp(patience), this.#target.hangUp(patience)]);
    }
  }

  /** Where one of the ways fails, the others don't go on without it. */
  async #whole(way: Promise<void>): Promise<void> {
    try {
      await way;
    } catch (error) {
      if (isLost(error)) return;
      this.#end({ code: INTERNAL, reason: "" });
      this.#client.cut();
      this.#target.cut();
      throw error;
    }
  }

  async #fromClient(): Promise<void> {
    try {
      for await (const part of this.#client.parts()) {
        if (part.kind === "ping") await this.#client.send("pong", part.payload);
        else if (part.kind !== "pong") {
          // Who says goodbye does not wait for people any more.
          if (part.kind === "close") {
            this.#hasSaidGoodbye = true;
            this.#leaves();
          }
          const room = this.#inbox.put(part);
          if (room) this.#unseen();
          await room;
          if (part.kind === "close") return;
        }
      }
      this.#left();
    } catch (error) {
      if (error instanceof Violation) await this.#clientFails(error);
      else if (isLost(error)) this.#left();
      else throw error;
    }
  }

  async #toTarget(): Promise<void> {
    let isPassing = false;
    for (let part = await this.#inbox.next(); part !== undefined; part = await this.#inbox.next()) {
      if (part.kind === "close") {
        this.#goodbye(part.close);
        return;
      }
      this.#begin();
      try {
        if (part.kind === "text") await this.#message(part.bytes);
        else {
          if (part.isFirst)
            isPassing = (await this.#decided({ kind: "binary", size: part.size })) !== undefined;
          if (isPassing) {
            this.#options.budget.sent(part.content.length);
            await this.#target.send(part.isFirst ? "binary" : "continuation", part.content, part.isLast);
          }
        }
      } finally {
        this.#done();
      }
    }
  }

  async #message(bytes: Buffer): Promise<void> {
    const decided = await this.#decided({ kind: "text", bytes });
    if (decided === undefined) return;
    this.#options.budget.sent(bytes.length);
    try {
      await this.#target.send("text", bytes);
      decided.held?.outcome("done");
    } catch (error) {
      decided.held?.outcome("in_doubt");
      throw error;
    }
  }

  /** The one way by which a message comes to be sent (promise 1). @returns undefined where it is not to be sent */
  async #decided(message: Message): Promise<Extract<Decided<WebSocketMessage>, { ok: true }> | undefined> {
    const { session, opening, clock, budget } = this.#options;
    const isExpired = clock.now() >= session.session.identity.expiresAt;
    const refused = isExpired ? EXPIRED : budget.take();
    if (refused) {
      this.#refused(await session.refuse({ ...refused, text: new WebSocketMessage(message, opening).text }));
      return undefined;
    }
    const decided = await decide(
      session,
      () => new WebSocketMessage(message, opening),
      (held) => this.#waits(held),
    );
    this.#held = undefined;
    if (!decided.ok) {
      this.#refused(decided.refusal);
      return undefined;
    }
    const { permit, command, decision, held } = decided;
    if (this.#isOver) {
      held?.outcome("failed");
      return undefined;
    }
    permit.redeem(command);
    if (decision.effect !== "block") this.#shown.add(decision.masks ?? []);
    return decided;
  }

  async #fromTarget(): Promise<void> {
    const { budget } = this.#options;
    try {
      for await (const part of this.#target.parts()) {
        if (this.#isOver && part.kind !== "close") continue;
        this.#begin();
        try {
          if (part.kind === "ping") await this.#target.send("pong", part.payload);
          else if (part.kind === "close") await this.#targetCloses(part.close);
          else if (part.kind === "text") {
            budget.received(part.bytes.length);
            await this.#client.send("text", await this.#shown.text(part.bytes));
          } else if (part.kind === "binary") {
            const { isFirst, isLast, content } = part;
            budget.received(content.length);
            const shown = await this.#shown.piece(part);
            if (shown) await this.#client.send(isFirst ? "binary" : "continuation", shown, isLast);
          }
        } finally {
          this.#done();
        }
      }
      // Where nobody has said goodbye. To its own a client has an answer, whatever has become of the target.
      if (this.#isOver) return;
      if (this.#target.hasClosed) this.#end({ code: GOING_AWAY, reason: "" });
      else await this.#targetFails("The connection ended.");
    } catch (error) {
      if (error instanceof Violation || error instanceof Malformed) await this.#targetFails(error.message);
      else if (isLost(error)) this.#left();
      else throw error;
    }
  }

  /** The client's goodbye is handed on without its words, which nobody has decided on. */
  #goodbye({ code }: Close): void {
    this.#target.close(closeOf(code, ""));
    this.#impatience ??= setTimeout(() => this.#target.cut(), this.#limits.patience);
  }

  /** Its words go on where nothing in them has to be hidden. */
  async #targetCloses({ code, reason }: Close): Promise<void> {
    this.#end(closeOf(code, (await this.#shown.isPlain(reason)) ? reason : ""), closeOf(code, ""));
  }

  async #clientFails({ message, closeCode }: Violation): Promise<void> {
    if (this.#isOver) return;
    const refusal = await this.#options.session.refuse({
      kind: closeCode === 1009 ? "too_large" : "protocol",
      message: `This can't be read as a WebSocket's: ${message}.`,
      text: "(a frame of a WebSocket)",
    });
    this.#end({ code: closeCode, reason: closeReason(refusal) });
  }

  async #targetFails(why: string): Promise<void> {
    if (this.#isOver) return;
    const { session } = this.#options;
    this.#refused(
      await session.refuse({
        kind: "unavailable",
        message: `What the target "${session.session.target.name}" sends can't be handed on.`,
        text: "(a WebSocket)",
        reason: why,
      }),
    );
  }

  #waits(held: Held): void {
    this.#held = held;
    if (this.#hasLeft) held.gone("client_gone");
    else if (this.#isOver) held.gone("session_ended");
    else if (this.#inbox.isFull) this.#unseen();
  }

  /** Nothing is read any more until there is room. Who could leave meanwhile, and nobody would see it, is not waited for. */
  #unseen(): void {
    this.#held?.gone("client_gone");
  }

  #leaves(): void {
    this.#hasLeft = true;
    this.#held?.gone("client_gone");
  }

  #left(): void {
    this.#leaves();
    if (!this.#hasSaidGoodbye) this.#end({ code: GOING_AWAY, reason: "" });
  }

  /** There is no way to refuse one message and let the next one be: a client would take the next answer for this one's. */
  #refused(refusal: Refusal): void {
    this.#end({ code: CODES[refusal.kind] ?? POLICY, reason: closeReason(refusal) });
  }

  /** Tells both sides that it is over, once. */
  #end(client: Close, target: Close = { code: GOING_AWAY, reason: "" }): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#inbox.end();
    this.#held?.gone("session_ended");
    this.#client.close(client);
    this.#target.close(target);
    clearTimeout(this.#impatience);
    this.#impatience = setTimeout(() => {
      this.#client.cut();
      this.#target.cut();
    }, this.#limits.patience);
  }

  #begin(): void {
    this.#busy++;
    this.#options.session.activity("busy");
  }

  #done(): void {
    this.#busy--;
    if (this.#busy === 0) this.#options.session.activity("idle");
  }
}

/** All others are the policy's. */
const CODES: Partial<Record<RefusalKind, number>> = {
  busy: GOING_AWAY,
  too_many: TRY_AGAIN_LATER,
  unavailable: INTERNAL,
  internal: INTERNAL,
};

const EXPIRED = {
  kind: "expired",
  message: "The access token has expired.",
  hint: "Get a new one, and connect again.",
} as const;

function closeOf(code: number | undefined, reason: string): Close {
  return code === undefined ? { reason } : { code, reason };
}

/** Whoever something was sent to has gone. */
function isLost(error: unknown): boolean {
  if (error instanceof Violation || error instanceof Malformed) return false;
  return error instanceof GatehouseError && error.code === "PROTOCOL_VIOLATION";
}
