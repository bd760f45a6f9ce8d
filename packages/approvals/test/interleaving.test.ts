import type { AuditEvent, Held } from "@gatehouse/core";
import t from "tap";
import type { HoldRequest } from "../src/index.ts";
import {
  command,
  dana,
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

const RULES = [
  [hold()],
  [hold({ approvers: [{ groups: ["dba"], count: 2 }] })],
  [hold({ scope: { same: "command", for: "session" } })],
  [hold({ scope: { same: "shape", for: 10 * MINUTE }, expires: 5 * MINUTE })],
] as const;

/** One command that was held, and what the test itself knows of it. */
interface Known {
  readonly held: Held;
  readonly asked: HoldRequest;
  gone: boolean;
  claimed: number;
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

async function oneRun(seed: number): Promise<{ claims: number; reuses: number; problems: string[] }> {
  const random = randomFrom(seed);
  const { approvals, audit, store, clock, claim } = serviceWith({ perIdentity: 8, pending: 12 });
  const all: Known[] = [];
  const problems: string[] = [];
  let reuses = 0;
  audit.state.stepwise = true;
  const pick = <T>(from: readonly T[]): T | undefined => from[random(from.length)];

  function ask(): void {
    const holds = pick(RULES) ?? RULES[0];
    const asked = request({
      holds,
      session: session(`ses_${random(2)}`, random(3) === 0 ? "rita" : "crew-analyst"),
      command: command(`DELETE FROM orders WHERE id = ${random(2)}`),
    });
    const reused = approvals.reuse(asked);
    if (reused !== undefined) {
      reuses++;
      const origin = all.find(({ held }) => held.approval === reused);
      if (!origin || !wasApproved(audit.events, origin)) problems.push(`reused ${reused} without a yes`);
      else if (origin.asked.holds !== holds || holds[0].scope.for === "once")
        problems.push("beyond its scope");
      else if (origin.asked.session.identity.subject !== asked.session.identity.subject)
        problems.push("of another");
      return;
    }
    const held = approvals.hold(asked);
    if (!("refused" in held)) all.push({ held, asked, gone: false, claimed: 0 });
  }

  function tryClaim(known: Known | undefined): void {
    if (!known) return;
    const claimed = claim(
      known.held,
      random(8) === 0 ? { ...known.asked, command: command("TRUNCATE orders") } : known.asked,
    );
    if (!claimed.ok) return;
    known.claimed++;
    if (known.claimed > 1) problems.push(`${claimed.approval} let through twice`);
    if (known.gone) problems.push(`${claimed.approval} let through though its client had gone`);
    if (!wasApproved(audit.events, known)) problems.push(`${claimed.approval} let through without a yes`);
    if (random(6) === 0) claimed.unrecorded();
    else
      try {
        claimed.recorded();
        if (random(4) > 0) known.held.outcome("done");
      } catch {
        // The store failed: the command is refused.
      }
  }

  for (let step = 0; step < STEPS; step++) {
    const known = pick(all);
    switch (random(14)) {
      case 0:
      case 1:
        ask();
        break;
      case 2:
      case 3:
      case 4: {
        const by = pick(PEOPLE) ?? dana;
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
        tryClaim(known);
        break;
      case 7:
        if (known && (await hasEnded(known.held))) tryClaim(known);
        break;
      case 8:
        clock.advance(random(3) * MINUTE);
        approvals.sweep();
        break;
      case 9:
        store.state.failing = random(4) === 0;
        break;
      default:
        for (let times = random(12); times > 0; times--) audit.step(random(20) > 0);
        await settle();
    }
  }

  // Everything comes to rest: the disk works again, the clients that are left go or time out.
  store.state.failing = false;
  audit.state.stepwise = false;
  while (audit.waiting.length > 0) {
    audit.step();
    await settle();
  }
  clock.advance(60 * MINUTE);
  approvals.sweep();
  await settle();
  for (const known of all) {
    if (!(await hasEnded(known.held))) problems.push(`${known.held.approval} waits for ever`);
  }
  for (const known of all) tryClaim(known);
  await approvals.close();
  for (const { held } of all) {
    const stored = store.rows.get(held.approval);
    if (stored?.state === "pending" || stored?.state === "approved")
      problems.push(`${held.approval} stays open`);
  }
  return { claims: all.reduce((sum, { claimed }) => sum + claimed, 0), reuses, problems };
}

t.test(
  `${RUNS} random lives: nothing is let through twice, without a yes, or after its client has gone`,
  async (t) => {
    const sums = { claims: 0, reuses: 0 };
    for (let seed = 1; seed <= RUNS; seed++) {
      const { claims, reuses, problems } = await oneRun(seed);
      sums.claims += claims;
      sums.reuses += reuses;
      if (problems.length > 0) t.fail(`seed ${seed}: ${problems.join("; ")}`);
    }
    t.ok(sums.claims > RUNS / 4, `${sums.claims} were let through by their own`);
    t.ok(sums.reuses > RUNS / 50, `${sums.reuses} by another's`);
  },
);
