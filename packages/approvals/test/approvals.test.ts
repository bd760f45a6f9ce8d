import type { Approval, Held, Mask } from "@gatehouse/core";
import t from "tap";
import { Approvals, type Claim } from "../src/index.ts";
import {
  command,
  dana,
  decision,
  erik,
  hasEnded,
  hold,
  MINUTE,
  person,
  request,
  serviceWith,
  session,
  settle,
} from "./support.ts";

/** Runs what was claimed, as the gateway does: the audit log has it by then. */
function run(claim: Claim): Extract<Claim, { ok: true }> {
  if (!claim.ok) throw new Error(claim.refusal.message);
  claim.recorded();
  return claim;
}

function refusal(claim: Claim) {
  if (claim.ok) throw new Error("it was let through");
  return claim.refusal;
}

const mask: Mask = {
  rule: { policy: "orders", rule: "deletes", source: "orders.yaml:7" },
  columns: ["public.orders.email"],
  detect: [],
  with: { kind: "redact" },
  predicates: "refuse",
};

t.test(
  "a held command is asked for, approved, let through once, and what became of it is kept",
  async (t) => {
    const { approvals, audit, store, told, held, claim } = serviceWith();
    const waiting = await held();
    const id = waiting.approval;
    t.match(approvals.get(id), { state: "pending", requester: { subject: "crew-analyst" }, answers: [] });
    t.equal(await hasEnded(waiting), false);
    t.match(await approvals.answer(id, dana, { answer: "approve" }), {
      state: "approved",
      answers: [{ by: dana }],
    });
    t.equal(await hasEnded(waiting), true);
    run(claim(waiting));
    t.equal(store.rows.get(id)?.state, "spent");
    t.match(refusal(claim(waiting)), { kind: "policy", message: /run already/ });
    waiting.outcome("done");
    waiting.outcome("failed");
    await settle();
    t.match(approvals.get(id), { state: "spent", outcome: "done" });
    t.same(audit.types(), ["requested", "answered", "approved", "spent"]);
    t.same(told, ["requested 1", "approved 1", "spent 1", "outcome 1"]);
  },
);

t.test(
  "more of the answer of what was let through is let through as well, as long as nothing failed",
  async (t) => {
    for (const outcome of ["done", "failed"] as const) {
      const { approvals, audit, held, claim } = serviceWith();
      const waiting = await held();
      await approvals.answer(waiting.approval, dana, { answer: "approve" });
      run(claim(waiting));
      const more = () =>
        claim(waiting, { command: { ...command("DELETE FROM orders WHERE id = 7"), continues: true } });
      run(more());
      waiting.outcome(outcome);
      await settle();
      t.equal(more().ok, outcome === "done");
      t.notOk(claim(waiting).ok, "and nothing is run again");
      t.same(audit.types(), ["requested", "answered", "approved", "spent"]);
    }
  },
);

t.test("nothing is seen, and nobody is told, before it is on record", async (t) => {
  const { approvals, audit, store, told } = serviceWith();
  audit.state.stepwise = true;
  const held = approvals.hold(request()) as Held;
  await settle();
  t.same(
    [approvals.get(held.approval), approvals.list({ limit: 10 }), store.rows.size, told],
    [undefined, [], 0, []],
  );
  audit.step();
  await settle();
  t.equal(approvals.list({ limit: 10 }).length, 1);

  const answering = approvals.answer(held.approval, dana, { answer: "approve" });
  await settle();
  t.equal(approvals.get(held.approval)?.state, "pending");
  audit.step();
  await settle();
  t.equal(approvals.get(held.approval)?.state, "pending", "the word is written, what it does is not");
  t.equal(await hasEnded(held), false);
  audit.step();
  t.equal((await answering).state, "approved");
});

t.test("the notice says by which rule it is held, who can approve it, until when and how", async (t) => {
  const plain = await serviceWith().held({ holds: [hold({ message: "Ask in #db first." })] });
  t.same(plain.notice, {
    message: 'Held by the rule "deletes" of the policy "orders": it waits for a person. Ask in #db first.',
    detail: `Approval ${plain.approval}: 1 of the group dba; until 2026-11-21 12:15:00 UTC.`,
    hint: `gatehouse approve ${plain.approval}`,
  });
  const second = { ...hold().rule, rule: "nights" };
  const two = await serviceWith({ url: "https://gate.example.com/" }).held({
    holds: [
      hold({ approvers: [{ groups: ["dba"], count: 2 }] }),
      hold({
        rule: second,
        approvers: [{ subjects: ["eve"], kinds: ["human"], count: 1 }],
        expires: 5 * MINUTE,
      }),
    ],
  });
  t.same(two.notice, {
    message:
      'Held by the rules "deletes" of the policy "orders" and "nights" of the policy "orders": it waits for people.',
    detail: `Approval ${two.approval}: 2 of the group dba, and 1 of eve (human); until 2026-11-21 12:05:00 UTC.`,
    hint: `https://gate.example.com/approvals/${two.approval}, or gatehouse approve ${two.approval}`,
  });
});

t.test("one no ends it, with the words of whoever said it", async (t) => {
  const { approvals, audit, held, claim } = serviceWith();
  const waiting = await held({ holds: [hold({ approvers: [{ groups: ["dba"], count: 2 }] })] });
  t.match(await approvals.answer(waiting.approval, erik, { answer: "approve" }), { state: "pending" });
  await approvals.answer(waiting.approval, dana, { answer: "deny", reason: " not on a Friday " });
  t.equal(await hasEnded(waiting), true);
  t.match(refusal(claim(waiting)), {
    kind: "policy",
    message: 'Denied by dana: "not on a Friday"',
    hint: new RegExp(waiting.approval),
  });
  t.same(audit.types(), ["requested", "answered", "answered", "denied"]);
});

t.test("an answer without an effect has its code, is on the audit log, and changes nothing", async (t) => {
  const { approvals, audit, held, clock, claim } = serviceWith();
  const needs = hold({ reasons: ["approver"], approvers: [{ groups: ["dba"], count: 2 }] });
  const { approval: id, ...rest } = await held({ holds: [needs] });
  const yes = { answer: "approve", reason: "fine" } as const;
  await approvals.answer(id, dana, yes);
  const before = approvals.get(id);
  const requester = { ...person("crew-analyst", "dba"), kind: "workload" as const };
  for (const [code, by, given] of [
    ["APPROVAL_OWN", requester, yes],
    ["APPROVAL_NOT_YOURS", person("eve", "web"), yes],
    ["APPROVAL_ANSWERED", dana, yes],
    ["APPROVAL_ANSWERED", dana, { answer: "deny" }],
    ["APPROVAL_REASON", erik, { answer: "approve" }],
    ["APPROVAL_REASON", erik, { answer: "approve", reason: "  " }],
    ["APPROVAL_REASON", erik, { answer: "approve", reason: "x".repeat(501) }],
    ["APPROVAL_REASON", erik, { answer: "approve", reason: "a\nb" }],
    ["APPROVAL_REASON", erik, { answer: "deny", reason: "\u001b[2J" }],
    ["APPROVAL_REASON", erik, { answer: "approve", reason: "a\u202eb" }],
  ] as const) {
    await t.rejects(approvals.answer(id, by, given), { code }, code);
    t.match(audit.events.at(-1), { type: "approval.rejected", approval: id, code, by });
  }
  t.same(approvals.get(id), before);
  await t.rejects(approvals.answer("apr_nothing", dana, yes), { code: "APPROVAL_UNKNOWN" });
  await t.rejects(approvals.answer("x".repeat(5000), dana, yes), { code: "APPROVAL_UNKNOWN" });
  t.match(audit.events.at(-1), { approval: "x".repeat(64) });
  clock.advance(15 * MINUTE);
  await t.rejects(approvals.answer(id, erik, yes), { code: "APPROVAL_ENDED" }, "too late, before any sweep");
  approvals.sweep();
  await rest.ended;
  await t.rejects(approvals.answer(id, erik, yes), { code: "APPROVAL_ENDED" }, "and after it");
  t.equal(claim({ approval: id, ...rest }).ok, false, "what is not what hold gave is never let through");
});

t.test("only a yes needs a reason", async (t) => {
  const { approvals, held } = serviceWith();
  const { approval } = await held({ holds: [hold({ reasons: ["approver"] })] });
  t.equal((await approvals.answer(approval, dana, { answer: "deny" })).state, "denied");
});

t.test("when nobody answers, it is refused, or let through masked where all rules say so", async (t) => {
  const { approvals, held, pass, claim, told } = serviceWith();
  const refused = await held();
  const masking = [hold({ unanswered: [mask] }), hold({ unanswered: [mask] })] as const;
  const masked = await held({ holds: masking });
  const mixed = [hold({ unanswered: [mask] }), hold()] as const;
  const half = await held({ holds: mixed });
  const nothing = [hold({ unanswered: [] })] as const;
  const unmasked = await held({ holds: nothing });
  await pass(15 * MINUTE - 1);
  t.equal(await hasEnded(refused), false);
  await pass(1);
  t.match(refusal(claim(refused)), {
    kind: "policy",
    message: "Nobody answered within 15m, so it was not run.",
  });
  t.same(run(claim(masked, { holds: masking })).masks, [mask, mask]);
  t.equal(claim(masked, { holds: masking }).ok, false, "once");
  t.equal(claim(half, { holds: mixed }).ok, false);
  t.equal(claim(unmasked, { holds: nothing }).ok, false, "without a mask there is nothing to hide behind");
  masked.outcome("done");
  await settle();
  t.match(approvals.get(masked.approval), { state: "spent", outcome: "done" });
  t.same(told.slice(-2), ["spent 2", "outcome 2"]);
});

t.test(
  "a yes in time counts, however long it takes to be written; the time up to then is not over",
  async (t) => {
    const { approvals, audit, held, pass, claim } = serviceWith();
    const waiting = await held();
    audit.state.stepwise = true;
    const answering = approvals.answer(waiting.approval, dana, { answer: "approve" });
    await settle();
    await pass(20 * MINUTE);
    t.equal(await hasEnded(waiting), false);
    audit.state.stepwise = false;
    audit.step();
    t.equal((await answering).state, "approved");
    await settle();
    t.equal(claim(waiting).ok, true);
    t.same(audit.types(), ["requested", "answered", "approved"]);
  },
);

t.test("whose client has gone is not let through, not even by a yes that is being written", async (t) => {
  const { approvals, audit, held, claim } = serviceWith();
  const waiting = await held();
  audit.state.stepwise = true;
  const answering = approvals.answer(waiting.approval, dana, { answer: "approve" });
  await settle();
  waiting.gone("canceled");
  waiting.gone("client_gone");
  audit.state.stepwise = false;
  audit.step();
  await answering;
  t.match(refusal(claim(waiting)), { kind: "canceled", message: "canceling statement due to user request" });
  await settle();
  t.match(approvals.get(waiting.approval), { state: "void", why: "canceled" });
  t.same(audit.types(), ["requested", "answered", "approved", "void"]);
});

t.test(
  "an answer that waits for another to be written comes too late when the client goes meanwhile",
  async (t) => {
    const { approvals, audit, held } = serviceWith();
    const waiting = await held({ holds: [hold({ approvers: [{ groups: ["dba"], count: 2 }] })] });
    audit.state.stepwise = true;
    const first = approvals.answer(waiting.approval, dana, { answer: "approve" });
    const second = approvals.answer(waiting.approval, erik, { answer: "approve" });
    await settle();
    waiting.gone("client_gone");
    audit.state.stepwise = false;
    audit.step();
    t.equal((await first).state, "pending");
    await t.rejects(second, { code: "APPROVAL_ENDED" });
    await settle();
    t.same(audit.types().sort(), ["answered", "rejected", "requested", "void"]);
  },
);

t.test("what has changed since it was asked for is not let through, and never will be", async (t) => {
  const asked = request();
  for (const [what, changed, why] of [
    ["another value", { command: command("DELETE FROM orders WHERE id = 8") }, "changed"],
    ["another session", { session: session("ses_2") }, "changed"],
    ["another identity", { session: session("ses_1", "eve") }, "changed"],
    [
      "another level",
      { session: { ...asked.session, level: { ...asked.session.level, name: "admin" } } },
      "changed",
    ],
    [
      "another target",
      { session: { ...asked.session, target: { ...asked.session.target, name: "billing" } } },
      "changed",
    ],
    ["a command that can't be told", { command: { ...asked.command, fingerprint: undefined } }, "changed"],
    ["other terms", { holds: [hold({ approvers: [{ groups: ["dba"], count: 2 }] })] }, "policy_changed"],
    ["one more rule", { holds: [hold(), hold()] }, "policy_changed"],
  ] as const) {
    const { approvals, held, claim } = serviceWith();
    const waiting = await held();
    await approvals.answer(waiting.approval, dana, { answer: "approve" });
    t.equal(refusal(claim(waiting, changed as object)).kind, "policy", what);
    t.equal(claim(waiting).ok, false, `${what}: nor as it was`);
    await settle();
    t.match(approvals.get(waiting.approval), { state: "void", why }, what);
  }
});

t.test(
  "a rule that stands on another line is the same rule; one that allows it now voids the approval",
  async (t) => {
    const { approvals, held, claim } = serviceWith();
    const [moved, allowed] = [await held(), await held()];
    for (const { approval } of [moved, allowed])
      await approvals.answer(approval, dana, { answer: "approve" });
    const { rule } = hold();
    t.equal(claim(moved, { holds: [hold({ rule: { ...rule, source: "orders.yaml:9" } })] }).ok, true);
    const { session, command } = request();
    const now = { effect: "allow", rule, policyVersion: "v2" } as const;
    t.match(refusal(approvals.claim(allowed, { session, command, decision: now })), {
      message: /rules for this/,
    });
  },
);

t.test("a command that comes before its wait has ended is refused, and so it stays", async (t) => {
  const { approvals, held, claim } = serviceWith();
  const waiting = await held();
  t.equal(claim(waiting).ok, false);
  await t.rejects(approvals.answer(waiting.approval, dana, { answer: "approve" }), {
    code: "APPROVAL_ENDED",
  });
  t.match(approvals.get(waiting.approval), { state: "void", why: "overtaken" });
});

t.test("what can't wait is not held", async (t) => {
  const { approvals, held } = serviceWith({ perIdentity: 2, pending: 3 });
  t.same(approvals.hold(request({ command: command("x", { fingerprint: undefined as never }) })), {
    refused: "unheld",
  });
  const reasons = [hold({ reasons: ["requester"] })] as const;
  t.same(approvals.hold(request({ holds: reasons })), { refused: "reason" });
  t.same(approvals.hold(request({ holds: reasons, command: command("x", { reason: " " }) })), {
    refused: "reason",
  });
  const { approval } = await held({ holds: reasons, command: command("x", { reason: "GDPR 17" }) });
  t.equal(approvals.get(approval)?.reason, "GDPR 17");
  const second = await held();
  t.same(approvals.hold(request()), { refused: "too_many" }, "of one identity");
  await held({ session: session("ses_2", "eve") });
  t.same(
    approvals.hold(request({ session: session("ses_3", "mallory") })),
    { refused: "too_many" },
    "of all",
  );
  second.gone("canceled");
  await settle();
  t.ok("approval" in approvals.hold(request()), "one that has ended makes room");
});

t.test("what can't be put on record does not happen, unless it is an end", async (t) => {
  t.test("asking, for want of the audit log", async (t) => {
    const { approvals, audit, held, claim, told, log } = serviceWith();
    audit.state.fails = () => true;
    const waiting = await held();
    t.equal(await hasEnded(waiting), true);
    t.equal(refusal(claim(waiting)).kind, "internal");
    t.equal(approvals.get(waiting.approval), undefined);
    t.same(told, []);
    t.ok(log.entries.some(({ level }) => level === "error"));
  });
  t.test("asking, for want of the store", async (t) => {
    const { audit, held, claim, store, approvals } = serviceWith();
    store.state.failing = true;
    const waiting = await held();
    t.equal(refusal(claim(waiting)).kind, "internal");
    t.same(audit.types(), ["requested", "void"]);
    store.state.failing = false;
    approvals.sweep();
    t.equal(store.rows.size, 0, "what nobody was told of is not kept for later either");
  });
  for (const type of ["approval.answered", "approval.approved"]) {
    t.test(`a yes, for want of ${type} on the audit log`, async (t) => {
      const { approvals, audit, held, claim } = serviceWith();
      const waiting = await held();
      audit.state.fails = (event) => event.type === type;
      await t.rejects(approvals.answer(waiting.approval, dana, { answer: "approve" }), {
        code: "AUDIT_FAILED",
      });
      t.match(approvals.get(waiting.approval), { state: "pending", answers: [] });
      audit.state.fails = () => false;
      await approvals.answer(waiting.approval, dana, { answer: "approve" });
      t.equal(claim(waiting).ok, true);
    });
  }
  t.test("a yes, for want of the store", async (t) => {
    const { approvals, audit, store, held } = serviceWith();
    const waiting = await held();
    store.state.failing = true;
    await t.rejects(approvals.answer(waiting.approval, dana, { answer: "approve" }), {
      code: "STORE_FAILED",
    });
    t.match(audit.events.at(-1), { type: "approval.rejected", code: "STORE_FAILED" });
    store.state.failing = false;
    t.match(approvals.get(waiting.approval), { state: "pending", answers: [] });
    t.equal(await hasEnded(waiting), false);
  });
  t.test("a no, for want of the audit log", async (t) => {
    const { approvals, audit, held } = serviceWith();
    const waiting = await held();
    audit.state.fails = () => true;
    await t.rejects(approvals.answer(waiting.approval, dana, { answer: "deny" }), { code: "AUDIT_FAILED" });
    t.equal(approvals.get(waiting.approval)?.state, "pending");
  });
  t.test(
    "but a no that is on the audit log takes effect without the store, which has it later",
    async (t) => {
      const { approvals, store, held, pass, claim } = serviceWith();
      const older = await held();
      older.gone("client_gone");
      await pass(1);
      const waiting = await held();
      store.state.failing = true;
      await approvals.answer(waiting.approval, dana, { answer: "deny" });
      t.equal(claim(waiting).ok, false);
      t.equal(approvals.get(waiting.approval)?.state, "denied");
      store.state.failing = false;
      t.same(approvals.list({ states: ["pending"], limit: 9 }), [], "what the store has is out of date");
      t.equal(approvals.list({ states: ["denied"], limit: 9 }).length, 1);
      t.match(approvals.list({ states: ["pending", "void"], limit: 1 }), [{ id: older.approval }]);
      await pass(0);
      t.equal(store.rows.get(waiting.approval)?.state, "denied");
    },
  );
  t.test("and an end takes effect without either", async (t) => {
    const { audit, store, held, pass, claim, log } = serviceWith();
    const [late, left] = [await held(), await held()];
    audit.state.fails = () => true;
    store.state.failing = true;
    left.gone("client_gone");
    await pass(15 * MINUTE);
    t.equal(await hasEnded(late), true);
    t.equal(await hasEnded(left), true);
    t.match(refusal(claim(late)).message, /Nobody answered/);
    t.equal(refusal(claim(left)).kind, "canceled");
    t.ok(log.entries.length >= 4, "the log tells of both");
  });
  t.test("but not an end that would let it through", async (t) => {
    const { audit, held, pass, claim } = serviceWith();
    const masking = [hold({ unanswered: [mask] })] as const;
    const waiting = await held({ holds: masking });
    audit.state.fails = () => true;
    await pass(15 * MINUTE);
    t.equal(await hasEnded(waiting), true);
    t.equal(refusal(claim(waiting, { holds: masking })).kind, "internal");
  });
  t.test("running, for want of the store", async (t) => {
    const { approvals, store, held, claim } = serviceWith();
    const waiting = await held();
    await approvals.answer(waiting.approval, dana, { answer: "approve" });
    store.state.failing = true;
    const claimed = claim(waiting);
    t.ok(claimed.ok);
    t.throws(() => run(claimed), { code: "STORE_FAILED" });
    t.equal(claim(waiting).ok, false);
    store.state.failing = false;
    await settle();
    t.match(approvals.get(waiting.approval), { state: "spent", outcome: "failed" });
  });
  t.test("running, for want of the audit log", async (t) => {
    const { approvals, held, claim } = serviceWith();
    const waiting = await held();
    await approvals.answer(waiting.approval, dana, { answer: "approve" });
    const claimed = claim(waiting);
    if (claimed.ok) claimed.unrecorded();
    await settle();
    t.equal(claim(waiting).ok, false);
    t.match(approvals.get(waiting.approval), { state: "spent", outcome: "failed" });
  });
});

t.test("after a restart nothing that was open is run, and what was under way is in doubt", async (t) => {
  const before = serviceWith();
  const pending = await before.held();
  const approved = await before.held();
  const spent = await before.held();
  const done = await before.held();
  for (const { approval } of [approved, spent, done])
    await before.approvals.answer(approval, dana, { answer: "approve" });
  for (const one of [spent, done]) run(before.claim(one));
  done.outcome("done");
  await settle();

  const after = new Approvals(before.options);
  const told: string[] = [];
  after.subscribe((event, { id }) => told.push(`${event} ${Number(id.slice(4))}`));
  await after.recover();
  t.match(after.get(pending.approval), { state: "void", why: "gateway_restarted" });
  t.match(after.get(approved.approval), { state: "void", why: "gateway_restarted" });
  t.match(after.get(spent.approval), { state: "spent", outcome: "in_doubt" });
  t.match(after.get(done.approval), { state: "spent", outcome: "done" });
  t.same(told.sort(), ["outcome 3", "void 1", "void 2"]);
  t.same(before.audit.types().slice(-3).sort(), ["spent", "void", "void"]);
  const { session, command, holds } = request();
  t.equal(after.claim(approved, { session, command, decision: decision(holds) }).ok, false);
  await t.rejects(after.answer(pending.approval, dana, { answer: "approve" }), { code: "APPROVAL_ENDED" });

  before.clock.advance(25 * 60 * MINUTE);
  await new Approvals(before.options).recover();
  t.equal(before.store.rows.size, 0, "what has ended long ago is forgotten");
});

t.test("what can't be put on record at the start stops the start", async (t) => {
  const before = serviceWith();
  await before.held();
  before.audit.state.fails = () => true;
  await t.rejects(new Approvals(before.options).recover(), { code: "AUDIT_FAILED" });
});

t.test("at the end of the gateway what waits is void", async (t) => {
  const { approvals, held, claim } = serviceWith();
  const waiting = await held();
  await approvals.answer(waiting.approval, dana, { answer: "approve" });
  await approvals.close();
  t.equal(refusal(claim(waiting)).kind, "busy");
  t.match(approvals.get(waiting.approval), { state: "void", why: "gateway_restarted" });
  const late = approvals.hold(request());
  t.ok("approval" in late && (await hasEnded(late)), "nothing waits for a gateway that has ended");
});

t.test("an approver is told what the protocol tells later", async (t) => {
  const { approvals, held } = serviceWith();
  const waiting = await held();
  const transaction = { since: 5, failed: false, locks: [{ on: "public.orders", mode: "ROW EXCLUSIVE" }] };
  waiting.describe({ rows: 12 });
  waiting.describe({ transaction });
  waiting.describe({ rows: 14 });
  t.same(approvals.get(waiting.approval)?.surroundings, { rows: 14, transaction });
  const locks = Array.from({ length: 1000 }, () => ({ on: "x", mode: "y" }));
  waiting.describe({ transaction: { ...transaction, locks } });
  t.equal(approvals.get(waiting.approval)?.surroundings.transaction?.locks.length, 100);
  await approvals.answer(waiting.approval, dana, { answer: "approve" });
  waiting.describe({ rows: 15 });
  t.equal(approvals.get(waiting.approval)?.surroundings.rows, 14);
});

t.test("what waits is listed without a search through all that has ended", async (t) => {
  const { approvals, store, held } = serviceWith();
  const [one, two] = [await held(), await held()];
  store.state.failing = true;
  t.equal(approvals.list({ states: ["pending", "approved"], limit: 9 }).length, 2);
  t.match(approvals.list({ states: ["pending"], before: two.approval, limit: 9 }), [{ id: one.approval }]);
  t.throws(() => approvals.list({ states: ["pending", "spent"], limit: 9 }), { code: "STORE_FAILED" });
});

t.test("approvals are listed newest first, page by page, by state, live ones as they are", async (t) => {
  const { approvals, clock, store, held } = serviceWith();
  const all: Held[] = [];
  for (let at = 0; at < 7; at++) {
    all.push(await held());
    clock.advance(1);
  }
  for (const one of all.slice(0, 3)) one.gone("client_gone");
  await settle();
  const ids = (found: readonly Approval[]) => found.map(({ id }) => Number(id.slice(4)));
  t.same(ids(approvals.list({ limit: 3 })), [7, 6, 5]);
  const [first = ""] = [all[4]?.approval];
  t.same(ids(approvals.list({ limit: 3, before: first })), [4, 3, 2]);
  t.same(ids(approvals.list({ limit: 9, states: ["void"] })), [3, 2, 1]);
  t.same(ids(approvals.list({ limit: 2, states: ["pending"], before: first })), [4]);
  t.same(approvals.list({ limit: 9, before: "apr_unknown" }), []);
  store.rows.clear();
  t.same(ids(approvals.list({ limit: 9 })), [7, 6, 5, 4], "those in memory need no store");
});

t.test("a listener that fails is in nobody's way, and one that has left hears nothing", async (t) => {
  const { approvals, held, log, told } = serviceWith();
  approvals.subscribe(() => {
    throw new Error("out of order");
  });
  let heard = 0;
  const leave = approvals.subscribe(() => heard++);
  await held();
  leave();
  await held();
  t.same(told, ["requested 1", "requested 2"]);
  t.equal(heard, 1);
  t.equal(log.entries.filter(({ message }) => message === "a listener failed").length, 2);
});
