import t from "tap";
import { dana, erik, HOUR, hold, MINUTE, runWith, session, settle, stateFolder, who } from "./support.ts";

t.test("where no policy asks for a yes, everybody gets in at once, and nobody is asked", async (t) => {
  const { enter, state, events } = await runWith();
  state.terms = undefined;
  t.same(await enter(session("ses_1")).entry, { ok: true });
  t.same(events, []);
});

t.test("a log-in waits, is told for whom, and gets in with a grant by their yes", async (t) => {
  const { enter, approve, pending, types, events, clock } = await runWith();
  const login = enter(session("ses_1"));
  await settle();
  t.equal(login.settled(), undefined);
  t.match(login.notices, [
    {
      message:
        'Getting in to orders as reader needs somebody\'s yes, by the policy "writers": the log-in waits for it.',
      detail: /^Approval apr_.*: 1 of the group dba; until /,
      hint: /^gatehouse approve apr_/,
    },
  ]);
  t.match(pending(), [
    {
      session: { id: "ses_1" },
      target: "orders",
      level: "reader",
      command: {
        kind: "access",
        verbs: ["ACCESS"],
        text: "access to orders as reader for 1h",
        outline: "access to orders as reader for 1h",
        touches: [],
      },
    },
  ]);
  await approve();
  const until = clock.now() + HOUR;
  t.match(await login.entry, { ok: true, grant: { id: /^grt_/, until } });
  t.same(types(), [
    "approval.requested",
    "approval.answered",
    "approval.approved",
    "grant.issued",
    "approval.spent",
  ]);
  t.match(events[3], { subject: "crew-analyst", target: "orders", level: "reader" });
  t.match(events[4], { outcome: "done" });
});

t.test("with a grant the next log-ins get in at once, until its end and no longer", async (t) => {
  const { enter, approve, pass, pending } = await runWith();
  const first = enter(session("ses_1"));
  await settle();
  await approve();
  const entry = await first.entry;
  t.same(await enter(session("ses_2")).entry, entry, "with the same grant");
  await pass(HOUR - 1);
  t.same(await enter(session("ses_3")).entry, entry);
  await pass(1);
  const late = enter(session("ses_4"));
  await settle();
  t.equal(late.settled(), undefined);
  t.equal(pending().length, 1, "it is asked for anew");
  late.leave();
});

t.test("a grant is its identity's, its target's and its level's alone", async (t) => {
  const { enter, approve } = await runWith();
  const first = enter(session("ses_1"));
  await settle();
  await approve();
  t.match(await first.entry, { ok: true });
  const other = session("ses_2");
  const elsewhere = [
    session("ses_2", "somebody-else"),
    { ...other, identity: { ...who, proof: { ...who.proof, issuer: "https://other.example.com" } } },
    { ...other, target: { ...other.target, name: "billing" } },
    { ...other, level: { ...other.level, name: "writer" } },
  ];
  for (const asked of elsewhere) {
    const login = enter(asked);
    await settle();
    t.equal(login.settled(), undefined);
    login.leave();
    t.match(await login.entry, { ok: false, refusal: { kind: "canceled" } });
  }
});

t.test("a client that can't be told is refused, and told how to ask beforehand", async (t) => {
  const { grants, events } = await runWith();
  t.match(await grants.enter(session("ses_1"), {}), {
    ok: false,
    refusal: { kind: "policy", message: /can't wait/, hint: "gatehouse request orders --as reader" },
  });
  t.same(events, []);
});

t.test("a no and no answer each refuse, in words that say so, and leave no grant", async (t) => {
  const run = await runWith();
  const { enter, approvals, pending, pass, types } = run;
  const denied = enter(session("ses_1"));
  await settle();
  const [asked] = pending();
  await approvals.answer(asked?.id ?? "", dana, { answer: "deny", reason: "not today" });
  t.match(await denied.entry, {
    ok: false,
    refusal: { kind: "policy", message: 'Denied by dana: "not today"', reason: /was denied$/ },
  });
  const unanswered = enter(session("ses_2"));
  await settle();
  await pass(15 * MINUTE);
  t.match(await unanswered.entry, {
    ok: false,
    refusal: { kind: "policy", message: "Nobody said yes within 15m." },
  });
  t.notOk(types().includes("grant.issued"));
});

t.test("log-ins that wait for the same ask once, and all get in by one yes", async (t) => {
  const { enter, approve, types } = await runWith();
  const logins = ["ses_1", "ses_2", "ses_3", "ses_4"].map((id) => enter(session(id)));
  await settle();
  for (const { notices } of logins) t.equal(notices.length, 1);
  t.match(
    await enter(session("ses_5")).entry,
    { ok: false, refusal: { kind: "too_many" } },
    "as many as may",
  );
  await approve();
  const entries = await Promise.all(logins.map(({ entry }) => entry));
  for (const entry of entries) t.same(entry, entries[0]);
  t.match(entries[0], { ok: true });
  t.equal(types().filter((type) => type === "grant.issued").length, 1);
});

t.test("when the last client that waits has left, the approval is void", async (t) => {
  const { enter, pending, approvals } = await runWith();
  const [one, other] = [enter(session("ses_1")), enter(session("ses_2"))];
  await settle();
  one.leave();
  t.match(await one.entry, { ok: false, refusal: { kind: "canceled" } });
  t.equal(pending().length, 1, "another waits still");
  const [asked] = pending();
  other.leave();
  t.match(await other.entry, { ok: false });
  await settle();
  t.match(approvals.get(asked?.id ?? ""), { state: "void", why: "client_gone" });
  await t.rejects(approvals.answer(asked?.id ?? "", dana, { answer: "approve" }), { code: "APPROVAL_ENDED" });
  const gone = enter(session("ses_3"));
  gone.leave();
  t.match(await gone.entry, { ok: false });
});

t.test("nobody says yes to their own, and each policy's people are needed", async (t) => {
  const security = hold({ approvers: [{ groups: ["security"], count: 1 }] });
  const { enter, approve, pending, state, approvals } = await runWith();
  state.terms = { holds: [hold(), security], lasts: HOUR };
  const login = enter(session("ses_1"));
  await settle();
  const own = { ...who, groups: ["dba", "security"] };
  await t.rejects(approvals.answer(pending()[0]?.id ?? "", own, { answer: "approve" }), {
    code: "APPROVAL_OWN",
  });
  await approve(dana);
  t.equal(login.settled(), undefined);
  await approve({ ...erik, groups: ["security"] });
  t.match(await login.entry, { ok: true });
});

t.test(
  "where the policies change, what was asked for and what was granted on others is good no more",
  async (t) => {
    const { enter, approve, state, approvals, types } = await runWith();
    const first = enter(session("ses_1"));
    await settle();
    await approve();
    t.match(await first.entry, { ok: true });
    // On another line it is the same.
    const moved = { ...hold().rule, source: "writers.yaml:9" };
    state.terms = { holds: [hold({ rule: moved })], lasts: HOUR };
    t.match(await enter(session("ses_2")).entry, { ok: true });
    state.terms = { holds: [hold({ approvers: [{ groups: ["dba"], count: 2 }] })], lasts: HOUR };
    const second = enter(session("ses_3"));
    await settle();
    t.equal(second.settled(), undefined);
    state.terms = {
      holds: [hold({ approvers: [{ groups: ["dba"], count: 1 }], expires: MINUTE })],
      lasts: HOUR,
    };
    const id = await approve(dana);
    await approve(erik);
    t.match(await second.entry, { ok: false, refusal: { message: /has changed since/ } });
    t.match(approvals.get(id), { state: "void", why: "policy_changed" });
    t.equal(types().filter((type) => type === "grant.issued").length, 1);
  },
);

t.test("where nothing is needed any more when the wait ends, the log-in gets in", async (t) => {
  const { enter, approve, state } = await runWith();
  const login = enter(session("ses_1"));
  await settle();
  state.terms = undefined;
  await approve();
  t.same(await login.entry, { ok: true });
});

t.test("a log-in that has to say why, and has not, is refused; one that has waits", async (t) => {
  const { enter, pending, state } = await runWith();
  state.terms = { holds: [hold({ reasons: ["requester"] })], lasts: HOUR };
  t.match(await enter(session("ses_1")).entry, {
    ok: false,
    refusal: { kind: "policy", hint: "gatehouse request orders --as reader --reason TEXT" },
  });
  const said = enter(session("ses_2"), "INC-1234");
  await settle();
  t.match(pending(), [{ reason: "INC-1234" }]);
  said.leave();
});

t.test("an identity has no more requests open than it may", async (t) => {
  const { enter } = await runWith();
  const at = (level: string) => {
    const asked = session(`ses_${level}`);
    return { ...asked, level: { ...asked.level, name: level } };
  };
  const waiting = ["a", "b", "c"].map((level) => enter(at(level)));
  await settle();
  t.match(await enter(at("d")).entry, { ok: false, refusal: { kind: "too_many" } });
  for (const { leave } of waiting) leave();
});

t.test("a yes that can't be put on record lets nobody in", async (t) => {
  const cases = {
    "approval.requested": 0,
    "grant.issued": 1,
  } as const;
  for (const [failing, granted] of Object.entries(cases)) {
    const { enter, approve, state, folder } = await runWith();
    state.auditFails = ({ type }) => type === failing;
    const login = enter(session("ses_1"));
    await settle();
    if (granted > 0) await approve();
    t.match(await login.entry, { ok: false, refusal: { kind: "internal" } }, failing);
    t.equal(folder.grants.size, 0);
    state.auditFails = () => false;
    const again = enter(session("ses_2"));
    await settle();
    t.equal(again.settled(), undefined, "nor the next");
    again.leave();
  }
  const folder = { ...stateFolder(), failing: true };
  const { enter, approve, approvals } = await runWith({ folder });
  const login = enter(session("ses_1"));
  await settle();
  const id = await approve();
  t.match(await login.entry, { ok: false, refusal: { kind: "internal" } });
  t.match(approvals.get(id), { state: "spent", outcome: "failed" });
});
