import type { Command, Mask, Session } from "@gatehouse/core";
import t from "tap";
import { Approvals, type Claim } from "../src/index.ts";
import { command, dana, decision, hold, MINUTE, request, serviceWith, session, settle } from "./support.ts";

const TEXT = "POST /v1/refunds";
const asked = command(TEXT, { detached: true });

/** A detached command that waits, and what its client can do with the id alone. */
async function detached(holds = request().holds) {
  const service = serviceWith();
  const held = await service.held({ command: asked, holds });
  const id = held.approval;
  const requester = session("ses_1").identity;
  return {
    ...{ ...service, held, id },
    approve: () => service.approvals.answer(id, dana, { answer: "approve" }),
    /** The command comes back, on another connection unless told otherwise. */
    comeBack: (command: Command = asked, of: Session = session("ses_2"), now = holds) =>
      service.approvals.claim(service.approvals.recall(id), {
        ...{ session: of, command },
        decision: decision(now),
      }),
    standing: (subject = requester.subject) => service.approvals.standing({ ...requester, subject }, id),
  };
}

function run(claim: Claim): void {
  if (!claim.ok) throw new Error(claim.refusal.message);
  claim.recorded();
}

function why(claim: Claim): string {
  if (claim.ok) throw new Error("it was let through");
  return claim.refusal.message;
}

t.test("it outlives its connection, and runs once when it comes back on another", async (t) => {
  const { held, approve, comeBack, standing, audit, approvals, id } = await detached();
  t.match(await standing(), { state: "pending", message: /waits for a person/ });
  for (const reason of ["client_gone", "session_ended", "canceled", "overtaken"] as const) held.gone(reason);
  await approve();
  t.match(await standing(), { state: "approved", message: /runs once/ });
  run(comeBack());
  t.match(await standing(), { state: "spent" });
  t.match(why(comeBack()), /run already/);
  t.match(why(comeBack(asked, session("ses_1"))), /run already/);
  t.same(audit.types(), ["requested", "answered", "approved"]);
  t.match(audit.events[0], { detached: true, session: "ses_1" });
  t.match(approvals.get(id), { detached: true, state: "spent" });
});

t.test("of two that come back at once, one runs", async (t) => {
  const { approve, approvals, id, comeBack, standing } = await detached();
  await approve();
  const recalled = [approvals.recall(id), approvals.recall(id)];
  const [first, second] = recalled.map((waited) =>
    approvals.claim(waited, {
      ...{ session: session("ses_2"), command: asked },
      decision: decision(request().holds),
    }),
  );
  if (!first?.ok || !second) throw new Error("none was let through");
  t.match(why(second), /run already/);
  // The one that was refused can't say what has become of the other.
  recalled[1]?.outcome("done");
  second.ok || recalled[1]?.gone("client_gone");
  await settle();
  t.equal(approvals.get(id)?.outcome, undefined);
  first.recorded();
  recalled[0]?.outcome("failed");
  await settle();
  t.match(await standing(), { state: "spent", outcome: "failed" });
  t.match(why(comeBack()), /run already/, "that it has failed gives it no second time");
});

t.test("nobody else has any use of its id, and learns nothing by it", async (t) => {
  const { approve, comeBack, standing, approvals, id } = await detached();
  await approve();
  const own = session("ses_2");
  const others: Record<string, Session> = {
    "another subject": session("ses_2", "crew-ops"),
    "a namesake of another issuer": {
      ...own,
      identity: { ...own.identity, proof: { ...own.identity.proof, issuer: "https://other.example.com" } },
    },
    "another target": { ...own, target: { ...own.target, name: "billing" } },
    "another system under the target's name": {
      ...own,
      target: { ...own.target, addresses: [{ host: "elsewhere.internal", port: 5432 }] },
    },
    "another level": { ...own, level: { ...own.level, name: "writer" } },
    "another protocol": { ...own, target: { ...own.target, protocol: "ssh" } },
  };
  for (const [who, other] of Object.entries(others))
    t.match(why(comeBack(asked, other)), /not what was asked for/, who);
  t.equal(await standing("crew-ops"), undefined);
  t.equal(await standing("dana"), undefined, "an approver has the control plane");
  t.equal(await approvals.standing(own.identity, "apr_0000000000000099"), undefined);
  t.equal(approvals.get(id)?.state, "approved");
  run(comeBack());
  t.match(
    why(comeBack(asked, session("ses_2", "crew-ops"))),
    /not what was asked for/,
    "not even that it is over",
  );
});

t.test("another command is not run by it, and takes nothing from the right one", async (t) => {
  const { approve, comeBack } = await detached();
  await approve();
  for (const other of [
    command("POST /v1/refunds?all=1", { detached: true }),
    command("POST /v1/refunds ", { detached: true }),
    command("POST /v1/refunds/7"),
    command(TEXT, { fingerprint: undefined }),
    command("GET /", { detached: true, continues: true }),
  ])
    t.match(why(comeBack(other)), /not what was asked for/);
  run(comeBack());
});

t.test("more of its answer needs the connection that has run it", async (t) => {
  const { approve, comeBack } = await detached();
  await approve();
  run(comeBack());
  t.match(why(comeBack({ ...asked, continues: true })), /run already/);
});

t.test("before anybody has answered it is refused, and goes on waiting", async (t) => {
  const { approve, comeBack } = await detached();
  t.match(why(comeBack()), /still waits/);
  await approve();
  run(comeBack());
});

t.test("after a no it is never run", async (t) => {
  const { approvals, id, comeBack, standing } = await detached();
  await approvals.answer(id, dana, { answer: "deny", reason: "not today" });
  t.match(why(comeBack()), /Denied by dana: "not today"/);
  t.match(await standing(), { state: "denied", message: /not today/ });
});

t.test("nobody answers for their own", async (t) => {
  const { approvals, id, comeBack } = await detached();
  const { subject, kind, groups, proof } = session("ses_2").identity;
  const self = { subject, kind, groups: [...groups, "dba"], proof };
  await t.rejects(approvals.answer(id, self, { answer: "approve" }), { code: "APPROVAL_OWN" });
  t.match(why(comeBack()), /still waits/);
});

t.test("without an answer in time it is never run, not even masked", async (t) => {
  const mask: Mask = {
    ...{ rule: hold().rule, columns: ["email"], detect: [] },
    ...{ with: { kind: "redact" }, predicates: "refuse" },
  };
  for (const unanswered of ["refuse", [mask]] as const) {
    const { pass, comeBack, standing } = await detached([hold({ unanswered })]);
    await pass(15 * MINUTE);
    t.match(why(comeBack()), /Nobody answered within 15m/);
    t.match(await standing(), { state: "expired" });
    t.match(why(comeBack()), /Nobody answered within 15m/);
  }
});

t.test("a yes is good for as long again as there was for it, to the millisecond", async (t) => {
  for (const [after, isRun] of [
    [15 * MINUTE - 1, true],
    [15 * MINUTE, false],
  ] as const) {
    const { clock, approve, comeBack, standing, approvals, id, audit } = await detached();
    clock.advance(14 * MINUTE);
    await approve();
    t.equal((await standing())?.until, clock.now() + 15 * MINUTE);
    // No sweep has been by: what counts is the clock.
    clock.advance(after);
    t.match(await standing(), isRun ? { state: "approved" } : { state: "void", why: "unused" });
    if (isRun) run(comeBack());
    else t.match(why(comeBack()), /not sent again in time/);
    await settle();
    t.match(approvals.get(id), isRun ? { state: "spent" } : { state: "void", why: "unused" });
    t.equal(audit.types().includes("void"), !isRun);
    t.equal(comeBack().ok, false);
  }
});

t.test("what nobody comes back for ends by itself, and makes room", async (t) => {
  const { approvals, held, clock, pass, audit } = serviceWith({ perIdentity: 1 });
  const one = await held({ command: asked });
  t.match(approvals.hold(request({ command: asked })), { refused: "too_many" });
  clock.advance(MINUTE);
  await approvals.answer(one.approval, dana, { answer: "approve" });
  t.match(approvals.hold(request({ command: asked })), { refused: "too_many" }, "it is open still");
  await pass(15 * MINUTE);
  t.match(approvals.get(one.approval), { state: "void", why: "unused" });
  t.same(audit.types(), ["requested", "answered", "approved", "void"]);
  t.notOk("refused" in approvals.hold(request({ command: asked })));
});

t.test("when the rules change, it is void", async (t) => {
  const { approve, comeBack, standing } = await detached();
  await approve();
  const stricter = [hold({ approvers: [{ groups: ["dba"], count: 2 }] })] as const;
  t.match(why(comeBack(asked, session("ses_2"), stricter)), /rules for this have changed/);
  await settle();
  t.match(await standing(), { state: "void", why: "policy_changed" });
  t.match(why(comeBack()), /rules for this have changed/, "and stays so when they change back");
});

t.test("a rule that blocks it by now voids it", async (t) => {
  const { approve, approvals, id, comeBack } = await detached();
  await approve();
  const blocked = approvals.claim(approvals.recall(id), {
    ...{ session: session("ses_2"), command: asked },
    decision: { effect: "block", rule: null, message: "No.", policyVersion: "v2" },
  });
  t.equal(blocked.ok, false);
  t.equal(comeBack().ok, false);
});

t.test("after a restart nothing that was asked for or approved is run", async (t) => {
  for (const approved of [false, true]) {
    const { approve, options, id, standing } = await detached();
    if (approved) await approve();
    const restarted = new Approvals(options);
    await restarted.recover();
    const claim = restarted.claim(restarted.recall(id), {
      ...{ session: session("ses_1"), command: asked },
      decision: decision(request().holds),
    });
    t.match(why(claim), /was shut down/);
    t.match(await restarted.standing(session("ses_1").identity, id), {
      ...{ state: "void", why: "gateway_restarted" },
    });
    await standing();
  }
});

t.test("what the store alone says to be approved is not run", async (t) => {
  const { approvals, store, options, id, approve } = await detached();
  await approve();
  const record = store.rows.get(id);
  const other = new Approvals(options);
  t.equal(record?.state, "approved");
  const claim = other.claim(other.recall(id), {
    ...{ session: session("ses_1"), command: asked },
    decision: decision(request().holds),
  });
  t.equal(claim.ok, false);
  t.equal(approvals.get(id)?.state, "approved");
});

t.test("one that waits on its connection can't be had by its id", async (t) => {
  const { approvals, held, claim } = serviceWith();
  const waiting = await held();
  await approvals.answer(waiting.approval, dana, { answer: "approve" });
  t.match(why(claim(approvals.recall(waiting.approval))), /not what was asked for/);
  t.equal(await approvals.standing(session("ses_1").identity, waiting.approval), undefined);
  run(claim(waiting));
});

t.test(
  "what is asked for detached is no yes for the same command on a connection, nor the other way",
  async (t) => {
    const { approvals, held, claim } = serviceWith();
    const apart = await held({ command: asked });
    const waiting = await held({ command: command(TEXT) });
    const [one, other] = [apart, waiting].map(({ approval }) => approvals.get(approval)?.digest);
    t.not(one, other);
    await approvals.answer(apart.approval, dana, { answer: "approve" });
    t.match(why(claim(waiting, { command: command(TEXT) })), /ended while it was held/);
  },
);

t.test("a yes that can't be put on record lets nothing through", async (t) => {
  const { approvals, id, store, audit, approve, comeBack } = await detached();
  store.state.failing = true;
  await t.rejects(approve(), { code: "STORE_FAILED" });
  t.match(why(comeBack()), /still waits/);
  store.state.failing = false;
  await approve();
  audit.state.stepwise = true;
  const claim = comeBack();
  if (!claim.ok) throw new Error("it is approved");
  store.state.failing = true;
  t.throws(() => claim.recorded(), { code: "STORE_FAILED" });
  store.state.failing = false;
  t.match(why(comeBack()), /run already/, "it was spent all the same");
  t.equal(approvals.get(id)?.state, "spent");
});

t.test("it is told of as soon as it is on record, and where it can't be, never", async (t) => {
  const { approvals, audit } = serviceWith();
  audit.state.stepwise = true;
  const held = approvals.hold(request({ command: asked }));
  if ("refused" in held) throw new Error("not held");
  const standing = approvals.standing(session("ses_1").identity, held.approval);
  await settle();
  audit.step();
  t.match(await standing, { state: "pending" });
  const lost = approvals.hold(request({ command: asked }));
  if ("refused" in lost) throw new Error("not held");
  const none = approvals.standing(session("ses_1").identity, lost.approval);
  await settle();
  audit.state.stepwise = false;
  audit.step(false);
  t.equal(await none, undefined);
  t.match(
    why(
      approvals.claim(approvals.recall(lost.approval), {
        ...{ session: session("ses_1"), command: asked },
        decision: decision(request().holds),
      }),
    ),
    /not what was asked for/,
  );
});

t.test("an id that is none is cut before it is on any log", async (t) => {
  const { approvals } = serviceWith();
  t.equal(approvals.recall("x".repeat(10_000)).approval.length, 64);
});
