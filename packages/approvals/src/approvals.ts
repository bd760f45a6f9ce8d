import {
  type Answer,
  type Approval,
  type ApprovalState,
  type AuditLog,
  type Clock,
  type ErrorCode,
  GatehouseError,
  type Held,
  type Identity,
  type IdSource,
  identityKey,
  type Logger,
  messageOf,
  type Outcome,
  type Standing,
  type VoidReason,
  type Waited,
} from "@gatehouse/core";
import { type Given, judge, noAnswer } from "./answering.ts";
import { type Claim, type Claimed, judgeClaim, masksUnanswered } from "./claim.ts";
import { digestOf, keyOf } from "./digest.ts";
import { Entry } from "./entry.ts";
import { answerEvents, expiredEvent, outcomeEvent, requestedEvent, voidEvent } from "./events.ts";
import { Journal } from "./journal.ts";
import { described, type HoldRequest, newApproval, reasonOf } from "./record.ts";
import { Register } from "./register.ts";
import { type Missing, missing, type Person, whyNot } from "./requirements.ts";
import { lifetimeOf } from "./scope.ts";
import type { ApprovalStore } from "./store.ts";
import { noticeOf, refusalOf, refusalOfOther, standingOf } from "./words.ts";
import { Yeses } from "./yeses.ts";

/** What has happened to an approval, as others are told. */
export type ApprovalEventName =
  | "requested"
  | "answered"
  | "approved"
  | "denied"
  | "expired"
  | "void"
  | "spent"
  | "outcome";

export interface ApprovalLimits {
  /** Approvals that one identity may have open at once, and all together. */
  readonly perIdentity: number;
  readonly pending: number;
  /** Milliseconds for which those that have ended are kept. */
  readonly keep: number;
  /** Milliseconds after which a client is told again that it waits; undefined is never. */
  readonly repeat: number | undefined;
  /** Where people answer, for the notice. */
  readonly url: string | undefined;
}

export interface ApprovalsOptions {
  readonly store: ApprovalStore;
  readonly audit: AuditLog;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly log: Logger;
  /** The limits as they are at this moment. */
  readonly limits: () => ApprovalLimits;
}

/** Why a command that a rule holds can't even wait. */
export interface NotHeld {
  /** `reason`: the requester has to say why, and has not. `unheld`: its protocol can't tell it from others. */
  readonly refused: "too_many" | "reason" | "unheld";
}

/** What an answer is told of as, by what it does. */
const TOLD = { yes: "answered", approve: "approved", deny: "denied" } as const;
/** Yeses that are good for later commands: more are asked for anew. */
const MOST_YESES = 1000;
/** Characters of an id in an audit event: it is whatever somebody has sent. */
const LONGEST_ID = 64;
const SECOND = 1000;
/** Milliseconds until what the store did not take is tried again. */
const RETRY = 5 * SECOND;
const HOUR = 3600 * SECOND;

/**
 * The life of every held command, from the asking to what became of it. A command is let through by its own approval
 * once (`claim`), or by a yes that is good for more than one (`reuse`). Whatever lets something through is on the
 * audit log, and in the store, before. A detached one does not end with its connection: its command comes back with
 * the approval's id (`recall`), in whichever session its identity has by then.
 */
export class Approvals {
  readonly #options: ApprovalsOptions;
  readonly #journal: Journal;
  readonly #register: Register;
  readonly #yeses = new Yeses(MOST_YESES);
  readonly #ofWaited = new WeakMap<Waited, Entry>();
  readonly #listeners = new Set<(event: ApprovalEventName, approval: Approval) => void>();
  #timer: { readonly at: number; readonly timeout: NodeJS.Timeout } | undefined;
  #forgetAt = 0;
  #closed = false;

  constructor(options: ApprovalsOptions) {
    this.#options = options;
    this.#journal = new Journal(options);
    this.#register = new Register({ ...options, journal: this.#journal });
  }

  /**
   * Brings to an end what another run of the gateway has left: nothing of it is run any more. To be called before
   * anything is held.
   * @throws GatehouseError AUDIT_FAILED, STORE_FAILED
   */
  async recover(): Promise<void> {
    const { store, clock } = this.#options;
    for (const approval of store.unfinished()) {
      const entry = new Entry(approval, undefined);
      const spent = approval.state === "spent";
      const ended = spent
        ? entry.after("outcome", clock.now(), { outcome: "in_doubt" })
        : entry.after("void", clock.now(), { why: "gateway_restarted" });
      if (!ended) continue;
      await this.#journal.append(
        spent ? outcomeEvent(approval, "in_doubt") : voidEvent(approval, "gateway_restarted"),
      );
      this.#journal.save(ended);
      this.#tell(spent ? "outcome" : "void", ended);
    }
    this.#forget(clock.now());
  }

  /** The approval whose yes is good for this command too; undefined where it has to wait for one of its own. */
  reuse(asked: HoldRequest): string | undefined {
    if (this.#yeses.size === 0) return undefined;
    const key = keyOf(asked);
    const now = this.#options.clock.now();
    const id = key && this.#yeses.find(key, now);
    if (id === undefined) return undefined;
    this.#register.reused(id);
    this.#wakeAt(now + SECOND);
    return id;
  }

  /** Has a command wait. That it was asked for goes on record meanwhile; where it can't, the wait ends. */
  hold(asked: HoldRequest): Held | NotHeld {
    const { clock, ids, limits } = this.#options;
    const { perIdentity, pending, repeat, url } = limits();
    const digest = digestOf(asked, asked.command.detached === true);
    if (digest === undefined) return { refused: "unheld" };
    const why = asked.holds.some(({ reasons }) => reasons.includes("requester"));
    if (why && reasonOf(asked.command.reason) === undefined) return { refused: "reason" };
    const open = this.#register.open(asked.session.identity);
    if (open.own >= perIdentity || open.all >= pending) return { refused: "too_many" };
    const approval = newApproval(asked, ids("apr"), digest, clock.now());
    const entry = new Entry(approval, keyOf(asked));
    const held: Held = {
      approval: approval.id,
      notice: noticeOf(approval, url),
      repeat,
      ended: entry.ended,
      describe: (surroundings) => {
        if (!entry.waits) return;
        const before = entry.approval.surroundings;
        entry.become({ ...entry.approval, surroundings: described(before, surroundings) });
      },
      gone: (why) => {
        if (approval.detached !== true) this.#stop(entry, why);
      },
      outcome: (outcome) => this.#outcome(held, outcome),
    };
    this.#ofWaited.set(held, entry);
    this.#register.add(entry);
    void entry.change(() => this.#request(entry, asked));
    if (this.#closed) this.#stop(entry, "gateway_restarted");
    this.#wakeAt(approval.expiresAt);
    return held;
  }

  /** What was asked for, as soon as it is on record; undefined where it could not be put there, and the wait has ended. */
  async recorded(held: Held): Promise<Approval | undefined> {
    const entry = this.#ofWaited.get(held);
    await entry?.settled();
    return entry?.recorded === true ? entry.approval : undefined;
  }

  /**
   * Whether a command whose wait has ended is let through now. Where it is, its approval is spent from here on,
   * whatever the audit log and the store do next. Where it is not, it never will be.
   */
  claim(waited: Waited, claimed: Claimed): Claim {
    const { approval } = waited;
    const entry = this.#entryOf(waited, claimed);
    if (!entry) return { ok: false, approval, refusal: this.#refusalOfEnded(waited, claimed) };
    // Its time may have run out since anybody looked.
    if (entry.phase === "approved" && this.#options.clock.now() >= entry.due) this.#stop(entry, "unused");
    const judged = judgeClaim(entry, claimed);
    if (!judged.ok) {
      if (judged.void !== undefined) this.#stop(entry, judged.void);
      return { ok: false, approval, refusal: judged.refusal };
    }
    const { event, masks } = judged;
    if (event === undefined) return { ok: true, approval, masks, recorded: nothing, unrecorded: nothing };
    const spent = entry.after(event, this.#options.clock.now());
    if (!spent) return { ok: false, approval, refusal: refusalOf(entry.approval) };
    entry.become(spent);
    entry.spentBy = waited;
    this.#register.add(entry);
    return {
      ok: true,
      approval,
      masks,
      recorded: () => {
        try {
          this.#journal.save(entry.approval);
        } catch (error) {
          this.#outcome(waited, "failed");
          throw error;
        }
        this.#tell("spent", entry.approval);
      },
      unrecorded: () => this.#outcome(waited, "failed"),
    };
  }

  /** What a detached command has waited for, to be claimed by it. Whether there is such a thing, the claim says. */
  recall(approval: string): Waited {
    const waited: Waited = {
      approval: approval.slice(0, LONGEST_ID),
      recalled: true,
      // Another one of the same identity may be about to run it.
      gone: nothing,
      outcome: (outcome) => this.#outcome(waited, outcome),
    };
    return waited;
  }

  /**
   * How a detached one stands, as soon as that it was asked for is on record; undefined where it could not be put
   * there, and where it is not that identity's.
   * @throws GatehouseError STORE_FAILED
   */
  async standing(identity: Identity, id: string): Promise<Standing | undefined> {
    await this.#register.live(id)?.settled();
    const approval = this.#register.get(id);
    if (approval?.detached !== true || identityKey(approval.requester) !== identityKey(identity))
      return undefined;
    const entry = this.#register.live(id);
    return standingOf(entry ? this.#asItStands(entry) : approval, this.#options.limits().url);
  }

  /**
   * Takes somebody's answer. Resolves with the approval when the answer is on record and in effect.
   * @throws GatehouseError of the APPROVAL_ family, AUDIT_FAILED, STORE_FAILED: it has no effect
   */
  async answer(id: string, by: Person, given: Given): Promise<Approval> {
    try {
      const entry = this.#register.live(id);
      if (entry) return await entry.change(() => this.#answer(entry, by, given));
      const ended = this.#register.get(id);
      throw noAnswer(ended ? (whyNot(ended, by) ?? "APPROVAL_ENDED") : "APPROVAL_UNKNOWN", id);
    } catch (error) {
      await this.#rejected(id, by, error);
      throw error;
    }
  }

  /** @throws GatehouseError STORE_FAILED */
  get(id: string): Approval | undefined {
    return this.#register.get(id);
  }

  /** The newest first. @param query before: the id of the last one of the page before. @throws GatehouseError STORE_FAILED */
  list(query: {
    readonly states?: readonly ApprovalState[];
    readonly before?: string;
    readonly limit: number;
  }): readonly Approval[] {
    return this.#register.list(query);
  }

  /** How many others wait for the same yes. */
  pendingAlike({ id }: Pick<Approval, "id">): number {
    const entry = this.#register.live(id);
    if (entry?.key === undefined) return 0;
    return this.#register.alike(entry.key).filter((other) => other !== entry).length;
  }

  /** What a pending approval still needs. */
  missing(approval: Approval): readonly Missing[] {
    return missing(approval);
  }

  /** Why somebody can't answer an approval now; undefined where they can. */
  mayAnswer(approval: Approval, by: Person): ErrorCode | undefined {
    const entry = this.#register.live(approval.id);
    return whyNot(entry ? this.#asItStands(entry) : approval, by);
  }

  /**
   * Tells of all that happens from here on. Of those that wait for the same yes, the first one alone is told of as
   * `requested`, and when it has come to an end without one, the next. A yes that was the last one needed is told of
   * as `approved`, not as `answered`.
   * @returns ends it
   */
  subscribe(listener: (event: ApprovalEventName, approval: Approval) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Ends what nobody has answered in time. It runs by itself; a test with a clock of its own calls it. */
  sweep(): void {
    const now = this.#options.clock.now();
    for (const entry of this.#register.entries) {
      if (now < entry.due) continue;
      if (entry.waits) {
        entry.expiring = true;
        void entry.change(() => this.#expire(entry));
      } else this.#stop(entry, "unused");
    }
    this.#yeses.sweep(now);
    this.#register.flush();
    if (now >= this.#forgetAt) this.#tryForget(now);
    const due = this.#register.entries.map((entry) => entry.due);
    const retryAt = this.#journal.allUnsaved.length > 0 ? now + RETRY : Infinity;
    this.#wakeAt(Math.min(this.#forgetAt, retryAt, ...due));
  }

  /** To be called when all sessions have ended. What still waits is void. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer?.timeout);
    const left = this.#register.entries;
    for (const entry of left) this.#stop(entry, "gateway_restarted");
    await Promise.all(left.map((entry) => entry.settled()));
    this.#register.flush();
  }

  async #request(entry: Entry, asked: HoldRequest): Promise<void> {
    const { approval } = entry;
    try {
      await this.#journal.append(requestedEvent(approval, asked.commandForAudit));
      this.#journal.save(entry.approval);
    } catch (error) {
      this.#options.log.error(
        { approval: approval.id, error: messageOf(error) },
        "an approval could not be asked for: its command is refused",
      );
      entry.stopped ??= "not_recorded";
      await this.#void(entry);
      return;
    }
    entry.recorded = true;
    if (entry.key === undefined) this.#announce(entry);
    else this.#announceNext(entry.key);
  }

  async #answer(entry: Entry, by: Person, given: Given): Promise<Approval> {
    const { clock } = this.#options;
    const now = clock.now();
    const { answer, event } = judge(this.#asItStands(entry), by, given, now);
    await this.#journal.append(...answerEvents(entry.approval, [answer], event));
    const answers = [...entry.approval.answers, answer];
    const answered = entry.after(event, clock.now(), { answers });
    if (!answered) throw noAnswer("APPROVAL_ENDED", entry.approval.id);
    this.#take(entry, event, answered);
    if (event === "yes" || entry.key === undefined) return answered;
    if (event === "approve") {
      const until = answered.changedAt + lifetimeOf(answered.holds);
      this.#yeses.keep(entry.key, { approval: answered.id, until });
    }
    this.#takeAlong(entry.key, event, answers);
    return answered;
  }

  /**
   * Brings an answer that is on the audit log into effect. A yes has to be in the store before; a no takes effect even
   * where the store fails: it lets nothing through.
   */
  #take(entry: Entry, event: "yes" | "approve" | "deny", answered: Approval): void {
    if (event === "deny") this.#keep(answered);
    else this.#journal.save(answered);
    entry.become(answered);
    if (event === "deny") this.#register.remove(entry);
    if (event === "approve" && entry.due < Infinity) this.#wakeAt(entry.due);
    this.#tell(TOLD[event], answered);
  }

  /** An answer has no effect: where its words are on the audit log already, this comes behind them. */
  async #rejected(id: string, by: Person, error: unknown): Promise<void> {
    if (!(error instanceof GatehouseError) || error.code === "AUDIT_FAILED") return;
    const approval = id.slice(0, LONGEST_ID);
    await this.#journal.tryAppend(approval, { type: "approval.rejected", approval, code: error.code, by });
  }

  /** What was said to one is said to all that wait for the same yes. */
  #takeAlong(key: string, event: "approve" | "deny", answers: readonly Answer[]): void {
    const others = this.#register.alike(key).filter(({ following }) => !following);
    for (const other of others) other.following = true;
    const followed = others.map((other) => other.change(() => this.#follow(other, event, answers)));
    void Promise.all(followed).then(() => this.#announceNext(key));
  }

  async #follow(entry: Entry, event: "approve" | "deny", answers: readonly Answer[]): Promise<void> {
    try {
      if (this.#asItStands(entry).state !== "pending") return;
      await this.#journal.append(...answerEvents(entry.approval, answers, event));
      const people = new Set(answers.map(({ by }) => identityKey(by)));
      const others = entry.approval.answers.filter(({ by }) => !people.has(identityKey(by)));
      const now = this.#options.clock.now();
      const answered = entry.after(event, now, { answers: [...others, ...answers] });
      if (answered) this.#take(entry, event, answered);
    } catch (error) {
      this.#options.log.error(
        { approval: entry.approval.id, error: messageOf(error) },
        "what was said to an approval could not be put on record for one alike: it goes on waiting",
      );
      for (const { by } of answers.slice(-1)) await this.#rejected(entry.approval.id, by, error);
    } finally {
      entry.following = false;
    }
  }

  /** It can't be let through from here on; that it is void is put on record. */
  #stop(entry: Entry, why: VoidReason): void {
    if (entry.stopped !== undefined) return;
    if (!["pending", "approved", "expired"].includes(entry.phase)) return;
    entry.stopped = why;
    void entry.change(() => this.#void(entry));
  }

  async #void(entry: Entry): Promise<void> {
    const why = entry.stopped ?? "overtaken";
    if (!entry.after("void", 0)) return;
    await this.#journal.tryAppend(entry.approval.id, voidEvent(entry.approval, why));
    this.#end(entry, "void", entry.after("void", this.#options.clock.now(), { why }));
  }

  async #expire(entry: Entry): Promise<void> {
    if (!entry.waits) return;
    const { id, holds } = entry.approval;
    const onRecord = await this.#journal.tryAppend(id, expiredEvent(entry.approval));
    // Where the end of its time would let it through, that has to be on record like a yes.
    if (!onRecord && masksUnanswered(holds)) entry.stopped ??= "not_recorded";
    this.#end(entry, "expired", entry.after("expire", this.#options.clock.now()));
  }

  /** Whoever has not run it can't tell what became of it. */
  #outcome(waited: Waited, outcome: Outcome): void {
    const entry = this.#ofWaited.get(waited);
    if (entry?.spentBy !== waited || entry.told || entry.phase !== "spent") return;
    entry.told = true;
    void entry.change(async () => {
      await this.#journal.tryAppend(entry.approval.id, outcomeEvent(entry.approval, outcome));
      this.#end(entry, "outcome", entry.after("outcome", this.#options.clock.now(), { outcome }));
    });
  }

  /** What a command that has waited has waited for. Of one that came back: where that is its own, and not at its end. */
  #entryOf(waited: Waited, { session }: Claimed): Entry | undefined {
    const entry = this.#ofWaited.get(waited);
    if (entry || !waited.recalled) return entry;
    const live = this.#register.live(waited.approval);
    if (!live || !isDetachedOf(live.approval, session)) return undefined;
    this.#ofWaited.set(waited, live);
    return live;
  }

  /** What is at its end is never let through, whatever the store says of it. */
  #refusalOfEnded(waited: Waited, { session }: Claimed): Extract<Claim, { ok: false }>["refusal"] {
    const ended = waited.recalled ? this.#register.get(waited.approval) : undefined;
    return ended && isDetachedOf(ended, session) ? refusalOf(ended) : refusalOfOther(waited.approval);
  }

  /** Nothing more happens to it, or nothing that waits. */
  #end(entry: Entry, event: "void" | "expired" | "outcome", ended: Approval | undefined): void {
    if (!ended) return;
    if (entry.recorded) this.#keep(ended);
    entry.become(ended);
    this.#register.remove(entry);
    if (entry.recorded) this.#tell(event, ended);
    if (entry.key !== undefined) this.#announceNext(entry.key);
  }

  /** Saves what is in effect already; again, and again, where the store does not take it. */
  #keep(approval: Approval): void {
    this.#journal.trySave(approval);
    if (this.#journal.unsaved(approval.id)) this.#wakeAt(this.#options.clock.now() + RETRY);
  }

  /** Of those that wait for the same yes one is told of: the oldest, unless another is known already. */
  #announceNext(key: string): void {
    const waiting = this.#register.alike(key).filter(({ recorded, following }) => recorded && !following);
    const [oldest] = waiting;
    if (oldest && !waiting.some(({ announced }) => announced)) this.#announce(oldest);
  }

  #announce(entry: Entry): void {
    entry.announced = true;
    this.#tell("requested", entry.approval);
  }

  #tell(event: ApprovalEventName, approval: Approval): void {
    for (const listener of this.#listeners) {
      try {
        listener(event, approval);
      } catch (error) {
        this.#options.log.error(
          { event, approval: approval.id, error: messageOf(error) },
          "a listener failed",
        );
      }
    }
  }

  /** The record as it is for whoever would answer now: what is about to end takes no answer any more. */
  #asItStands({ approval, stopped, due }: Entry): Approval {
    if (approval.state !== "pending" && approval.state !== "approved") return approval;
    if (stopped !== undefined) return { ...approval, state: "void", why: stopped };
    if (approval.state === "approved")
      return this.#options.clock.now() < due ? approval : { ...approval, state: "void", why: "unused" };
    return this.#options.clock.now() < approval.expiresAt ? approval : { ...approval, state: "expired" };
  }

  /** One timer for all, until the next of them is due. It keeps no process alive. */
  #wakeAt(at: number): void {
    if (this.#closed || (this.#timer && this.#timer.at <= at)) return;
    clearTimeout(this.#timer?.timeout);
    const delay = Math.min(Math.max(at - this.#options.clock.now(), 1), HOUR);
    const wake = () => {
      this.#timer = undefined;
      this.sweep();
    };
    this.#timer = { at, timeout: setTimeout(wake, delay).unref() };
  }

  #tryForget(now: number): void {
    try {
      this.#forget(now);
    } catch (error) {
      this.#options.log.warn({ error: messageOf(error) }, "old approvals are not removed yet");
    }
  }

  #forget(now: number): void {
    this.#forgetAt = now + HOUR;
    this.#wakeAt(this.#forgetAt);
    this.#options.store.forget(now - this.#options.limits().keep);
  }
}

/** Whether it is a detached one of a session's identity, for its target and level. */
function isDetachedOf(approval: Approval, { identity, target, level }: Claimed["session"]): boolean {
  return (
    approval.detached === true &&
    identityKey(approval.requester) === identityKey(identity) &&
    approval.protocol === target.protocol &&
    approval.target === target.name &&
    approval.level === level.name
  );
}

function nothing(): void {
  // Nothing is to be put on record, or to be ended.
}
