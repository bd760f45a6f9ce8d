import type { AuditEvent, Held, Mask } from "@gatehouse/core";
import t from "tap";
import { Approvals, type HoldRequest } from "../src/index.ts";
import {
  command,
  dana,
  decision,
  erik,
  hasEnded,
  hold,
  MINUTE,
  person,
  randomFrom,
  request,
  serviceWith,
  session,
  settle,
} from "./support.ts";

const RUNS = 3000;
const STEPS = 60;

const eve = person("eve", "web");
/** In the group that approves, and the requester of some. */
const rita = person("rita", "dba");
const PEOPLE = [dana, erik, rita, eve];

const mask: Mask = {
  rule: hold().rule,
  columns: ["public.orders.email"],
  detect: [],
  with: { kind: "redact" },
  predicates: "refuse",
};

const RULES = [
  [hold()],
  [hold({ approvers: [{ groups: ["dba"], count: 2 }] })],
  [hold({ scope: { same: "command", for: "session" } })],
  [hold({ scope: { same: "shape", for: 10 * MINUTE }, expires: 5 * MINUTE })],
  [hold({ unanswered: [mask], expires: MINUTE })],
] as const;

/** One command that was held, and what the test itself knows of it. */
interface Known {
  readonly held: Held;
  readonly asked: HoldRequest;
  readonly at: number;
  gone: boolean;
  claimed: number;
  /** It was let through, and is on record: the target has it. */
  run: boolean;
}

/**
 * Whether the audit log has enough people's word for an approval, and that it was approved: counted by hand, from the
 * log alone, without anything of the code under test.
 */
function wasApproved(events: readonly AuditEvent[], { held, asked }: Pick<Known, "held" | "asked">): boolean {
  const said = new Set<string>();
  let approved = false;
  for (const event of events) {
    if (
      event.type === "approval.answered" &&
      event.approval === held.approval &&
      event.answer === "approve"
    ) {
      const { subject, groups } = event.by;
      if (subject !== asked.session.identity.subject && groups.includes("dba")) said.add(subject);
    }
    approved ||= event.type === "approval.approved" && event.approval === held.approval;
  }
  return approved && said.size >= asked.holds[0].approvers[0].count;
}

/** What each kind of event is in a history: words come before what they do, and behind an end comes nothing. */
const LETTERS: Readonly<Record<string, string>> = {
  "approval.requested": "r",
  "approval.answered": "a",
  "approval.approved": "A",
  "approval.denied": "D",
  "approval.expired": "E",
  "approval.void": "V",
  "approval.spent": "S",
};
const HISTORY = /^(?:ra*(?:A[VS]?|D|ES?|V)?|V|S)?$/;

/** Whether the audit log tells a life that can be. Of an end that the log did not take, nothing is on it. */
function misfits(events: readonly AuditEvent[], { held }: Known): string[] {
  const own = events.filter((event) => "approval" in event && event.approval === held.approval);
  const history = own.map(({ type }) => LETTERS[type] ?? "").join("");
  return HISTORY.test(history) ? [] : [`${held.approval} has the history ${history}`];
}

/** A gateway to which anything happens in any order, and clients, approvers and a disk that do as they like. */
class Life {
  readonly service = serviceWith({ perIdentity: 8, pending: 12 });
  readonly all: Known[] = [];
  readonly problems: string[] = [];
  claims = 0;
  reuses = 0;
  readonly #random: (below: number) => number;
  readonly #storeFails: boolean;

  /** @param storeFails now and then */
  constructor(seed: number, storeFails = true) {
    this.#storeFails = storeFails;
    this.#random = randomFrom(seed);
    this.service.audit.state.stepwise = true;
  }

  async step(): Promise<void> {
    const { approvals, audit, store, clock } = this.service;
    const random = this.#random;
    const known = this.#pick(this.all);
    switch (random(14)) {
      case 0:
      case 1:
        this.#ask();
        break;
      case 2:
      case 3:
      case 4: {
        const by = this.#pick(PEOPLE) ?? dana;
        const answer = random(10) === 0 ? "deny" : "approve";
        if (known) void approvals.answer(known.held.approval, by, { answer }).catch(() => undefined);
        break;
      }
      case 5:
        if (!known || random(3) > 0) break;
        known.gone = true;
        known.held.gone("client_gone");
        break;
      case 6:
        this.claim(known);
        break;
      case 7:
        if (known && (await hasEnded(known.held))) this.claim(known);
        break;
      case 8:
        clock.advance(random(3) * MINUTE);
        approvals.sweep();
        break;
      case 9:
        store.state.failing = random(4) === 0 && this.#storeFails;
        break;
      default:
        for (let times = random(12); times > 0; times--) audit.step(random(20) > 0);
        await settle();
    }
  }

  claim(known: Known | undefined): void {
    if (!known) return;
    const random = this.#random;
    const changed = random(8) === 0 ? { command: command("TRUNCATE orders") } : {};
    const claimed = this.service.claim(known.held, { ...known.asked, ...changed });
    if (!claimed.ok) return;
    this.claims++;
    known.claimed++;
    if (known.claimed > 1) this.problems.push(`${claimed.approval} let through twice`);
    if (known.gone) this.problems.push(`${claimed.approval} let through though its client had gone`);
    if ("command" in changed) this.problems.push(`${claimed.approval} let through as another command`);
    const { audit, clock } = this.service;
    const late = clock.now() >= known.at + known.asked.holds[0].expires;
    if (claimed.masks.length > 0 ? !late : !wasApproved(audit.events, known)) {
      this.problems.push(`${claimed.approval} let through without a yes`);
    }
    if (random(6) === 0) {
      claimed.unrecorded();
      return;
    }
    try {
      claimed.recorded();
      known.run = true;
    } catch {
      return; // The store failed, and the command is refused.
    }
    if (random(4) > 0) known.held.outcome("done");
  }

  /** The disk works again, the clients that are left time out. */
  async rest(): Promise<void> {
    const { approvals, audit, store, clock } = this.service;
    store.state.failing = false;
    audit.state.stepwise = false;
    while (audit.waiting.length > 0) {
      audit.step();
      await settle();
    }
    clock.advance(60 * MINUTE);
    approvals.sweep();
    await settle();
  }

  #ask(): void {
    const { approvals, audit, clock } = this.service;
    const random = this.#random;
    const holds = this.#pick(RULES) ?? RULES[0];
    const asked = request({
      holds,
      session: session(`ses_${random(2)}`, random(3) === 0 ? "rita" : "crew-analyst"),
      command: command(`DELETE FROM orders WHERE id = ${random(2)}`),
    });
    const reused = approvals.reuse(asked);
    if (reused === undefined) {
      const held = approvals.hold(asked);
      if (!("refused" in held))
        this.all.push({ held, asked, at: clock.now(), gone: false, claimed: 0, run: false });
      return;
    }
    this.reuses++;
    const origin = this.all.find(({ held }) => held.approval === reused);
    const [scope, own] = [holds[0].scope, origin?.asked];
    if (!origin || !wasApproved(audit.events, origin)) this.problems.push(`${reused} reused without a yes`);
    else if (own?.holds !== holds || scope.for === "once")
      this.problems.push(`${reused} reused beyond its rule`);
    else if (own.session.identity.subject !== asked.session.identity.subject) {
      this.problems.push(`${reused} reused by another identity`);
    } else if (scope.for === "session" && own.session.id !== asked.session.id) {
      this.problems.push(`${reused} reused in another session`);
    } else if (scope.same === "command" && own.command.text !== asked.command.text) {
      this.problems.push(`${reused} reused for another command`);
    }
  }

  #pick<T>(from: readonly T[]): T | undefined {
    return from[this.#random(from.length)];
  }
}

t.test(
  `${RUNS} lives: nothing is let through twice, without a yes, or for a client that has gone`,
  async (t) => {
    const sums = { claims: 0, reuses: 0 };
    for (let seed = 1; seed <= RUNS; seed++) {
      const life = new Life(seed, seed % 2 === 0);
      for (let step = 0; step < STEPS; step++) await life.step();
      await life.rest();
      const { all, problems, service } = life;
      for (const { held } of all) {
        if (!(await hasEnded(held))) problems.push(`${held.approval} waits for ever`);
      }
      for (const known of all) life.claim(known);
      await service.approvals.close();
      for (const { held } of all) {
        const state = service.store.rows.get(held.approval)?.state;
        if (state === "pending" || state === "approved") problems.push(`${held.approval} stays ${state}`);
      }
      // What the store fails to take is on the log, and taken back there.
      if (seed % 2 === 1) problems.push(...all.flatMap((known) => misfits(service.audit.events, known)));
      sums.claims += life.claims;
      sums.reuses += life.reuses;
      if (problems.length > 0) t.fail(`seed ${seed}: ${problems.join("; ")}`);
    }
    t.ok(sums.claims > RUNS / 2, `${sums.claims} were let through by their own`);
    t.ok(sums.reuses > RUNS / 10, `${sums.reuses} by another's`);
  },
);

t.test(
  `${RUNS} lives that a crash ends: nothing is run after it, and what was run is known to be`,
  async (t) => {
    let doubts = 0;
    for (let seed = 1; seed <= RUNS; seed++) {
      const life = new Life(seed);
      for (let step = 0; step < seed % STEPS; step++) await life.step();
      // From here on nothing of the old process happens: what it was writing is never written.
      const { all, problems, service } = life;
      service.store.state.failing = false;
      service.audit.state.stepwise = false;
      const next = new Approvals(service.options);
      await next.recover();
      for (const { held, asked, run } of all) {
        const { session, command, holds } = asked;
        const claimed = next.claim(held, { session, command, decision: decision(holds) });
        if (claimed.ok || next.reuse(asked) !== undefined)
          problems.push(`${held.approval} is good after a crash`);
        const stored = next.get(held.approval);
        if (stored?.state === "pending" || stored?.state === "approved")
          problems.push(`${held.approval} is open`);
        if (run && stored?.state !== "spent") problems.push(`${held.approval} was run, and is lost`);
        if (stored?.state === "spent" && stored.outcome === undefined)
          problems.push(`${held.approval} is left`);
        doubts += Number(stored?.outcome === "in_doubt");
      }
      if (problems.length > 0) t.fail(`seed ${seed}: ${problems.join("; ")}`);
    }
    t.ok(doubts > RUNS / 50, `${doubts} are in doubt`);
  },
);
