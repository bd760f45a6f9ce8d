import type { Grant } from "@gatehouse/core";
import t from "tap";
import { dana, erik, HOUR, hold, MINUTE, olga, runWith, session, settle, who } from "./support.ts";

type Run = Awaited<ReturnType<typeof runWith>>;

const { target, level } = session("ses_1");
const client = { host: "10.0.0.7", port: 5123 };
const asked = { identity: who, target, level, client };

/** A grant of the workload, by dana's yes. */
async function granted({ grants, approve }: Run, lasts = HOUR): Promise<Grant> {
  await grants.request({ ...asked, lasts });
  await approve();
  const [grant] = grants.list(who);
  if (!grant) throw new Error("no grant was issued");
  return grant;
}

t.test(
  "what is asked for beforehand is an approval without a session, and a grant with the yes",
  async (t) => {
    const run = await runWith();
    const { grants, enter, clock } = run;
    const approval = await grants.request({ ...asked, lasts: 30 * MINUTE, reason: "INC-1234" });
    t.match(approval, {
      id: /^apr_/,
      state: "pending",
      session: { id: "", client, application: "", commands: 0 },
      command: { kind: "access", text: "access to orders as reader for 30m" },
      reason: "INC-1234",
    });
    t.same(grants.list(who), []);
    await run.approve();
    const [grant] = grants.list(who);
    t.match(grant, {
      identity: { subject: who.subject },
      from: clock.now(),
      until: clock.now() + 30 * MINUTE,
      approval: approval.id,
      by: [dana],
      reason: "INC-1234",
    });
    t.same(await enter(session("ses_1")).entry, { ok: true, grant: { id: grant?.id, until: grant?.until } });
  },
);

t.test("a request is for no longer than the policies let a grant last", async (t) => {
  const { grants, pending, state } = await runWith();
  for (const lasts of [HOUR + 1, MINUTE - 1, 0, -HOUR, Number.NaN]) {
    await t.rejects(grants.request({ ...asked, lasts }), { code: "REQUEST_INVALID", message: /1m to 1h/ });
  }
  t.same(pending(), []);
  t.match(await grants.request(asked), { command: { text: /for 1h$/ } });
  state.terms = undefined;
  await t.rejects(grants.request(asked), { code: "GRANT_NOT_NEEDED" });
});

t.test("the same request is the same approval; another is another", async (t) => {
  const { grants, pending } = await runWith();
  const first = await grants.request({ ...asked, lasts: 5 * MINUTE, reason: "one" });
  t.equal((await grants.request({ ...asked, lasts: 5 * MINUTE })).id, first.id);
  t.equal((await grants.request({ ...asked, lasts: 5 * MINUTE, reason: "one" })).id, first.id);
  t.not((await grants.request({ ...asked, lasts: 5 * MINUTE, reason: "two" })).id, first.id);
  t.not((await grants.request({ ...asked, lasts: 6 * MINUTE })).id, first.id);
  t.equal(pending().length, 3);
  await t.rejects(grants.request({ ...asked, lasts: 7 * MINUTE }), { code: "REQUEST_LIMITED" });
});

t.test(
  "a request without the reason that a policy wants, or that can't be put on record, is an error",
  async (t) => {
    const { grants, state, pending } = await runWith();
    state.terms = { holds: [hold({ reasons: ["requester"] })], lasts: HOUR };
    await t.rejects(grants.request(asked), { code: "APPROVAL_REASON" });
    state.auditFails = () => true;
    await t.rejects(grants.request({ ...asked, reason: "INC-1" }), { code: "AUDIT_FAILED" });
    t.same(pending(), []);
  },
);

t.test(
  "a log-in waits for what was asked for beforehand, and its leaving leaves that as it is",
  async (t) => {
    const { grants, enter, approve, pending } = await runWith();
    const approval = await grants.request({ ...asked, lasts: 10 * MINUTE });
    const [one, other] = [enter(session("ses_1")), enter(session("ses_2"))];
    await settle();
    t.same(
      pending().map(({ id }) => id),
      [approval.id],
    );
    one.leave();
    other.leave();
    await settle();
    t.equal(pending().length, 1);
    const third = enter(session("ses_3"));
    await settle();
    await approve();
    t.match(await third.entry, { ok: true });
  },
);

t.test("a log-in that asked first gets in by the request's yes, and its own approval is void", async (t) => {
  const { grants, enter, approvals, pending } = await runWith();
  const login = enter(session("ses_1"));
  await settle();
  const request = await grants.request({ ...asked, lasts: 10 * MINUTE });
  const [own] = pending();
  await approvals.answer(request.id, dana, { answer: "approve" });
  t.match(await login.entry, { ok: true });
  await settle();
  t.match(approvals.get(own?.id ?? ""), { state: "void", why: "overtaken" });
  t.equal(grants.list(who).length, 1);
});

t.test("of two grants the one that lasts longer lets in; each is revoked by itself", async (t) => {
  const run = await runWith();
  const { grants, enter } = run;
  const long = await granted(run, HOUR);
  await granted(run, 10 * MINUTE);
  t.equal(grants.list(who).length, 2);
  t.match(await enter(session("ses_1")).entry, { grant: { id: long.id } });
  const other = grants.list(who).find(({ id }) => id !== long.id);
  await grants.revoke(long.id, who);
  t.match(await enter(session("ses_2")).entry, { grant: { id: other?.id } });
});

t.test("grants are seen and taken back by their holder, and by who could have said yes", async (t) => {
  const run = await runWith();
  const { grants, events } = run;
  const grant = await granted(run);
  for (const viewer of [who, dana, erik]) {
    t.same(grants.list(viewer), [grant]);
    t.same(grants.show(viewer, grant.id), grant);
  }
  t.same(grants.list(olga), []);
  for (const id of [grant.id, "grt_none"]) {
    t.throws(() => grants.show(olga, id), { code: "GRANT_UNKNOWN" });
    await t.rejects(grants.revoke(id, olga), { code: "GRANT_UNKNOWN" });
  }
  t.equal(grants.revocationOf({ grant }), undefined);
  const revoked = await grants.revoke(grant.id, erik, "the work is done");
  t.match(revoked, { revoked: { by: erik, at: run.clock.now(), reason: "the work is done" } });
  t.match(events.at(-1), {
    type: "grant.revoked",
    grant: grant.id,
    by: { subject: "erik" },
    reason: "the work is done",
  });
  t.same(grants.list(who), []);
  t.match(grants.show(who, grant.id), { revoked: { by: erik } });
  await t.rejects(grants.revoke(grant.id, dana), { code: "GRANT_ENDED" });
  t.match(grants.revocationOf({ grant }), {
    kind: "revoked",
    message: 'The grant that let the session in was taken back by erik: "the work is done"',
  });
  const own = await granted(run);
  await grants.revoke(own.id, who);
  t.same(grants.list(who), []);
});

t.test("a revocation is told at once, and lets nobody in from the call on", async (t) => {
  const run = await runWith();
  const { grants, enter } = run;
  const grant = await granted(run);
  const told: string[] = [];
  const end = grants.onRevoked(({ id }) => told.push(id));
  const revoking = grants.revoke(grant.id, dana);
  t.same(told, [grant.id], "before it is on record");
  const login = enter(session("ses_1"));
  await revoking;
  await settle();
  t.equal(login.settled(), undefined, "a log-in at the same moment asks anew");
  login.leave();
  end();
});

t.test("a grant that is revoked while a log-in is about to enter with it does not let it in", async (t) => {
  const run = await runWith();
  const { grants, enter, pending, approvals } = run;
  const login = enter(session("ses_1"));
  await settle();
  // The moment it is there, before the log-in has looked.
  run.state.auditFails = ({ type }) => {
    if (type === "approval.spent") for (const { id } of grants.list(dana)) void grants.revoke(id, dana);
    return false;
  };
  await approvals.answer(pending()[0]?.id ?? "", dana, { answer: "approve" });
  await settle();
  const entry = await login.entry;
  const grant = entry.ok ? entry.grant : undefined;
  // In or not, the session does not last: whoever opens it asks again.
  if (grant) t.match(grants.revocationOf({ grant }), { kind: "revoked" });
  else t.match(entry, { ok: false });
  t.same(grants.list(who), []);
});

t.test(
  "grants outlive a restart until their end, requests do not, and what was taken back stays so",
  async (t) => {
    const run = await runWith();
    const kept = await granted(run, HOUR);
    await granted(run, 10 * MINUTE);
    const back = run.grants.list(who).find(({ until }) => until < kept.until);
    await run.grants.revoke(back?.id ?? "", dana);
    const request = await run.grants.request({ ...asked, lasts: 2 * MINUTE });
    const { folder, clock } = run;
    const next = await runWith({ folder, clock, first: 1000 });
    t.same(
      next.grants.list(who).map(({ id }) => id),
      [kept.id],
    );
    t.match(next.approvals.get(request.id), { state: "void", why: "gateway_restarted" });
    t.match(await next.enter(session("ses_1")).entry, { ok: true, grant: { id: kept.id } });
    await next.pass(HOUR);
    t.same(next.grants.list(who), []);
    await t.rejects(next.grants.revoke(kept.id, dana), { code: "GRANT_ENDED" });
    const last = await runWith({ folder, clock, first: 2000 });
    t.same(last.grants.list(who), []);
  },
);

t.test(
  "a revocation that the audit log does not take happens; one that the store does not take is an error, and can be tried again",
  async (t) => {
    const run = await runWith();
    const { grants, state, folder, log } = run;
    const grant = await granted(run);
    state.auditFails = () => true;
    folder.failing = true;
    await t.rejects(grants.revoke(grant.id, dana), { code: "STORE_FAILED" });
    t.same(grants.list(who), [], "it lets nobody in all the same");
    t.match(grants.revocationOf({ grant }), { kind: "revoked" });
    t.match(log.entries, [{ level: "error" }, { level: "error" }]);
    folder.failing = false;
    t.match(await grants.revoke(grant.id, erik), { revoked: { by: dana } });
    t.match(folder.grants.get(grant.id), { revoked: { by: { subject: "dana" } } });
    await t.rejects(grants.revoke(grant.id, erik), { code: "GRANT_ENDED" });
  },
);
