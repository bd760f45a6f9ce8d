import type { ApprovalScope, Held } from "@gatehouse/core";
import t from "tap";
import { scopeOf } from "../src/scope.ts";
import { Yeses } from "../src/yeses.ts";
import {
  command,
  dana,
  erik,
  hasEnded,
  hold,
  MINUTE,
  request,
  serviceWith,
  session,
  settle,
} from "./support.ts";

const seven = command("DELETE FROM orders WHERE id = 7");
const eight = command("DELETE FROM orders WHERE id = 8");
const other = command("DELETE FROM customers WHERE id = 7");

const scoped = (scope: ApprovalScope) => [hold({ scope })] as const;
const IN_SESSION = scoped({ same: "command", for: "session" });
const SHAPE_IN_SESSION = scoped({ same: "shape", for: "session" });
const FOR_AN_HOUR = scoped({ same: "command", for: 60 * MINUTE });

const elsewhere = { session: session("ses_2") };

t.test("a yes for once is good for no other command, not even for the same again", async (t) => {
  const { approvals, held } = serviceWith();
  const [one, same] = [await held(), await held()];
  await approvals.answer(one.approval, dana, { answer: "approve" });
  t.equal(await hasEnded(same), false);
  t.equal(approvals.reuse(request()), undefined);
  t.equal(approvals.pendingAlike({ id: same.approval }), 0);
});

t.test("a yes for the session is good for what it was said of, in that session", async (t) => {
  for (const [holds, covered] of [
    [IN_SESSION, { seven: true, eight: false }],
    [SHAPE_IN_SESSION, { seven: true, eight: true }],
  ] as const) {
    const { approvals, held } = serviceWith();
    const { approval } = await held({ holds });
    t.equal(approvals.reuse(request({ holds })), undefined, "nobody has answered yet");
    await approvals.answer(approval, dana, { answer: "approve" });
    const reused = (changed: object) => approvals.reuse(request({ holds, ...changed })) === approval;
    t.equal(reused({ command: seven }), covered.seven);
    t.equal(reused({ command: eight }), covered.eight);
    t.equal(reused({ command: other }), false);
    t.equal(reused(elsewhere), false, "another session");
    t.equal(reused({ session: session("ses_1", "eve") }), false, "another identity");
    t.equal(reused({ holds: scoped({ same: "shape", for: 5 * MINUTE }) }), false, "other terms");
    t.equal(reused({ holds: [...holds, hold({ scope: holds[0].scope })] }), false, "one more rule");
    const admin = { ...session("ses_1"), level: { ...session("ses_1").level, name: "admin" } };
    t.equal(reused({ session: admin }), false, "another level");
    t.equal(
      reused({ command: { ...seven, fingerprint: undefined } }),
      false,
      "what can't be told from others",
    );
  }
});

t.test("a yes for a time is good in all sessions of the identity, until that is over", async (t) => {
  const { approvals, held, clock } = serviceWith();
  const { approval } = await held({ holds: FOR_AN_HOUR });
  clock.advance(10 * MINUTE);
  await approvals.answer(approval, dana, { answer: "approve" });
  const again = () => approvals.reuse(request({ holds: FOR_AN_HOUR, ...elsewhere }));
  clock.advance(60 * MINUTE - 1);
  t.equal(again(), approval, "counted from the yes on");
  clock.advance(1);
  t.equal(again(), undefined);
});

t.test("a no is good for the one thing that it was said of, and is asked for anew", async (t) => {
  const { approvals, held } = serviceWith();
  const { approval } = await held({ holds: IN_SESSION });
  await approvals.answer(approval, dana, { answer: "deny" });
  t.equal(approvals.reuse(request({ holds: IN_SESSION })), undefined);
  t.equal(approvals.get((await held({ holds: IN_SESSION })).approval)?.state, "pending");
});

t.test("what a yes has let through is counted", async (t) => {
  const { approvals, store, held, pass, claim } = serviceWith();
  const waiting = await held({ holds: IN_SESSION });
  await approvals.answer(waiting.approval, dana, { answer: "approve" });
  approvals.reuse(request({ holds: IN_SESSION }));
  t.equal(approvals.get(waiting.approval)?.reused, 1, "at once");
  await pass(1000);
  t.equal(store.rows.get(waiting.approval)?.reused, 1, "in the store soon after");
  const claimed = claim(waiting, { holds: IN_SESSION });
  if (claimed.ok) claimed.recorded();
  waiting.outcome("done");
  await settle();
  for (let times = 0; times < 3; times++) approvals.reuse(request({ holds: IN_SESSION }));
  t.equal(approvals.list({ limit: 1 })[0]?.reused, 4, "also after its own command");
  store.state.failing = true;
  await pass(1000);
  store.state.failing = false;
  await approvals.close();
  t.match(store.rows.get(waiting.approval), { state: "spent", outcome: "done", reused: 4 });
});

t.test("under several rules the narrowest holds", async (t) => {
  const under = (...scopes: ApprovalScope[]) => {
    const [first, ...others] = scopes.map((scope) => hold({ scope }));
    return first && scopeOf([first, ...others]);
  };
  const [once, short] = [
    { same: "shape", for: "once" },
    { same: "shape", for: MINUTE },
  ] as const;
  const inSession = { same: "command", for: "session" } as const;
  const long = { same: "shape", for: 60 * MINUTE } as const;
  t.same(under(long, short), short);
  t.same(under(short, inSession), inSession);
  t.same(under(inSession, long), inSession);
  t.same(under(long, inSession, once), { same: "command", for: "once" });

  const { approvals, held, clock } = serviceWith();
  const both = [hold({ scope: short }), hold({ scope: { same: "shape", for: "session" } })] as const;
  const { approval } = await held({ holds: both });
  await approvals.answer(approval, dana, { answer: "approve" });
  t.equal(approvals.reuse(request({ holds: both })), approval);
  clock.advance(MINUTE);
  t.equal(
    approvals.reuse(request({ holds: both })),
    undefined,
    "in the session, and for the time of the other",
  );
});

t.test("ten connections ask at once: one is told of, one yes lets all of them go", async (t) => {
  const { approvals, audit, held, told, claim } = serviceWith();
  const all: Held[] = [];
  for (let at = 0; at < 10; at++) all.push(await held({ holds: FOR_AN_HOUR, session: session(`ses_${at}`) }));
  t.same(told, ["requested 1"]);
  const [first = "", fourth = ""] = [all[0]?.approval, all[3]?.approval];
  t.equal(approvals.pendingAlike({ id: first }), 9);
  await approvals.answer(fourth, dana, { answer: "approve", reason: "go on" });
  for (const one of all) t.equal(await hasEnded(one), true);
  for (const [at, one] of all.entries()) {
    t.match(approvals.get(one.approval), { state: "approved", answers: [{ by: dana, reason: "go on" }] });
    t.equal(claim(one, { holds: FOR_AN_HOUR, session: session(`ses_${at}`) }).ok, true);
    t.equal(claim(one, { holds: FOR_AN_HOUR, session: session(`ses_${at}`) }).ok, false, "each once");
  }
  const approved = audit.events.flatMap((event) =>
    event.type === "approval.answered" || event.type === "approval.approved" ? [event.approval] : [],
  );
  t.equal(new Set(approved).size, 10);
  t.equal(approved.length, 20, "each has its own word and its own change on the audit log");
  t.same(told.slice(0, 2), ["requested 1", "approved 4"]);
});

t.test("one no ends all that wait for the same yes", async (t) => {
  const { approvals, held, told } = serviceWith();
  const [one, two] = [await held({ holds: FOR_AN_HOUR }), await held({ holds: FOR_AN_HOUR, ...elsewhere })];
  const apart = await held({ holds: FOR_AN_HOUR, command: eight });
  await approvals.answer(two.approval, dana, { answer: "deny", reason: "no" });
  t.equal(await hasEnded(one), true);
  t.match(approvals.get(one.approval), { state: "denied", answers: [{ by: dana, answer: "deny" }] });
  t.equal(await hasEnded(apart), false);
  t.same(told, ["requested 1", "requested 3", "denied 2", "denied 1"]);
});

t.test("what people have said to one of them before is kept, and nobody counts twice", async (t) => {
  const { approvals, held } = serviceWith();
  const two = [hold({ approvers: [{ groups: ["dba"], count: 2 }], scope: FOR_AN_HOUR[0].scope })] as const;
  const [first, second] = [await held({ holds: two }), await held({ holds: two, ...elsewhere })];
  await approvals.answer(first.approval, dana, { answer: "approve" });
  await approvals.answer(second.approval, dana, { answer: "approve" });
  t.equal(await hasEnded(first), false);
  t.equal(await hasEnded(second), false);
  await approvals.answer(second.approval, erik, { answer: "approve" });
  t.equal(await hasEnded(first), true);
  t.same(
    approvals.get(first.approval)?.answers.map(({ by }) => by.subject),
    ["dana", "erik"],
  );
});

t.test("when the one that was told of has ended without an answer, the next is", async (t) => {
  for (const end of ["gone", "late"] as const) {
    const { held, told, pass } = serviceWith();
    const first = await held({ holds: FOR_AN_HOUR });
    await pass(MINUTE);
    await held({ holds: FOR_AN_HOUR, ...elsewhere });
    await held({ holds: FOR_AN_HOUR, session: session("ses_3") });
    if (end === "gone") first.gone("client_gone");
    else await pass(14 * MINUTE);
    await settle();
    t.same(told, ["requested 1", end === "gone" ? "void 1" : "expired 1", "requested 2"]);
  }
});

t.test("one whose yes can't be put on record goes on waiting, and is told of", async (t) => {
  const { approvals, audit, held, told } = serviceWith();
  const [one, two] = [await held({ holds: FOR_AN_HOUR }), await held({ holds: FOR_AN_HOUR, ...elsewhere })];
  audit.state.fails = (event) => event.type === "approval.approved" && event.approval === two.approval;
  await approvals.answer(one.approval, dana, { answer: "approve" });
  t.equal(await hasEnded(two), false);
  t.same(told, ["requested 1", "approved 1", "requested 2"]);
  audit.state.fails = () => false;
  await approvals.answer(two.approval, erik, { answer: "approve" });
  t.equal(await hasEnded(two), true);
});

t.test("one whose client has gone is not let go by another's yes", async (t) => {
  const { approvals, audit, held, claim } = serviceWith();
  const [one, two] = [await held({ holds: FOR_AN_HOUR }), await held({ holds: FOR_AN_HOUR, ...elsewhere })];
  audit.state.stepwise = true;
  const answering = approvals.answer(one.approval, dana, { answer: "approve" });
  await settle();
  two.gone("canceled");
  audit.state.stepwise = false;
  while (audit.waiting.length > 0) audit.step();
  await answering;
  await settle();
  t.match(approvals.get(two.approval), { state: "void", why: "canceled" });
  t.equal(claim(two, { holds: FOR_AN_HOUR, ...elsewhere }).ok, false);
});

t.test("nor one whose client goes while its own answers are being written", async (t) => {
  const { approvals, audit, held } = serviceWith();
  const [one, two] = [await held({ holds: FOR_AN_HOUR }), await held({ holds: FOR_AN_HOUR, ...elsewhere })];
  audit.state.stepwise = true;
  const denying = approvals.answer(two.approval, erik, { answer: "deny" });
  await settle();
  const approving = approvals.answer(one.approval, dana, { answer: "approve" });
  await settle();
  // Of what waits for the log, the words to the first one are written, and those to the second fail.
  const [, words] = audit.waiting.splice(0, 2, ...audit.waiting.slice(0, 1));
  words?.settle(true);
  await settle();
  audit.waiting.pop()?.settle(true);
  await approving;
  two.gone("canceled");
  audit.state.stepwise = false;
  audit.step(false);
  await t.rejects(denying, { code: "AUDIT_FAILED" });
  await settle();
  const ofTwo = audit.events.filter((event) => "approval" in event && event.approval === two.approval);
  t.same(
    ofTwo.map(({ type }) => type),
    ["approval.requested", "approval.void"],
  );
});

t.test("no more yeses are kept than a bound; the one not used for longest goes", async (t) => {
  const yeses = new Yeses(2);
  for (const key of ["a", "b"]) yeses.keep(key, { approval: key, until: 10 });
  t.equal(yeses.find("a", 0), "a");
  yeses.keep("c", { approval: "c", until: 20 });
  t.same([yeses.find("a", 0), yeses.find("b", 0), yeses.find("c", 0)], ["a", undefined, "c"]);
  yeses.sweep(10);
  t.equal(yeses.size, 1);
  t.equal(yeses.find("c", 20), undefined);
  t.equal(yeses.size, 0);
});
