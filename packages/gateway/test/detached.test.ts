import { createHash, randomBytes } from "node:crypto";
import { join } from "node:path";
import { Approvals } from "@gatehouse/approvals";
import {
  type AuditEvent,
  type Command,
  type Decision,
  type Hold,
  idSource,
  type OpenSession,
  type Session,
  type Verdict,
} from "@gatehouse/core";
import { openApprovalStore } from "@gatehouse/storage";
import { createFakeClock, createMemoryLog, sampleSession } from "@gatehouse/testkit";
import t, { type Test } from "tap";
import { Enforcement, type SessionEnforcement } from "../src/enforcement.ts";

const MINUTE = 60_000;
const rule = { policy: "refunds", rule: "large ones", source: "policies/refunds.yaml:6" };
const hold: Hold = {
  rule,
  approvers: [{ groups: ["dba"], count: 1 }],
  ...{ expires: 15 * MINUTE, reasons: [], scope: { same: "command", for: "once" }, unanswered: "refuse" },
};
const held: Decision = { effect: "hold", rule, holds: [hold], policyVersion: "v1" };
const proof = { method: "oidc", provider: "corp", issuer: "https://idp.example.com" } as const;
const dana = { subject: "dana", kind: "human", groups: ["dba"], proof } as const;

function refund(body: string): Command {
  const fingerprint = createHash("sha256").update(body).digest("hex");
  return {
    ...{ protocol: "http", kind: "request", verbs: ["POST"], access: "write", resources: ["/v1/refunds"] },
    ...{ text: `POST /v1/refunds\n\n${body}`, parameters: [], facts: {} },
    detached: true,
    fingerprint: () => fingerprint,
  };
}

/** The gateway's own parts over a real store; its policies are the test's. */
function gateway(t: Test) {
  const events: AuditEvent[] = [];
  const audit = {
    append: (event: AuditEvent) => {
      events.push(event);
      return Promise.resolve();
    },
  };
  const clock = createFakeClock();
  const log = createMemoryLog();
  const ids = idSource(randomBytes);
  const file = join(t.testdir(), "approvals.db");
  const store = openApprovalStore(file, { durability: "written" });
  t.teardown(() => store.close());
  const limits = () => ({
    ...{ perIdentity: 10, pending: 100, keep: MINUTE, repeat: undefined, url: undefined },
  });
  const policy = { decision: held };
  const start = () => {
    const approvals = new Approvals({ store, audit, clock, ids, log, limits });
    const enforcement = new Enforcement({
      policies: () => ({
        ...{ version: "v1", decide: () => policy.decision },
        ...{ holds: () => true, masks: () => [] },
      }),
      ...{ approvals, brokeGlass: () => undefined, audit, clock, ids, log },
    });
    const open = (id: string, changed: Partial<Session> = {}) =>
      enforcement.of({ ...sampleSession, id, ...changed });
    return { approvals, open };
  };
  return { ...start(), start, events, clock, policy };
}

/** Asks for it, and has it approved unless told otherwise. @returns the approval's id */
async function ask(approvals: Approvals, by: SessionEnforcement, command: Command, approved = true) {
  const deciding = by.decide(command);
  if (deciding.effect !== "hold") throw new Error("it is not held");
  const { approval } = deciding.held;
  const standing = await by.standing(approval);
  if (standing?.state !== "pending") throw new Error("it is not on record");
  deciding.held.gone("client_gone");
  if (approved) await approvals.answer(approval, dana, { answer: "approve" });
  return approval;
}

function send(
  by: Pick<OpenSession, "decide" | "recall">,
  command: Command,
  approval: string,
): Promise<Verdict> {
  const deciding = by.decide(command, by.recall(approval));
  if (deciding.effect === "hold") throw new Error("it is held again");
  return deciding.verdict;
}

t.test("approved, it is let through once by another session, and the log says by whose yes", async (t) => {
  const { approvals, open, events } = gateway(t);
  const first = open("ses_1");
  const approval = await ask(approvals, first, refund("70"));
  const second = open("ses_2");
  const command = refund("70");
  const verdict = await send(second, command, approval);
  if (!verdict.ok) throw new Error(verdict.refusal.message);
  verdict.permit.redeem(command);
  t.throws(() => verdict.permit.redeem(command), { code: "PERMIT_INVALID" });
  t.match(events.at(-1), { type: "command", session: "ses_2", decision: { effect: "allow", approval } });
  t.equal(second.commands, 1, "it counts where it was sent");
  t.match(await send(second, refund("70"), approval), { ok: false, refusal: { message: /run already/ } });
  t.match(events.at(-1), { type: "command", decision: { effect: "block", approval } });
  t.equal(second.refused, 1);
});

t.test("of many that are sent at once, one has a permit", async (t) => {
  const { approvals, open } = gateway(t);
  const approval = await ask(approvals, open("ses_1"), refund("70"));
  const verdicts = await Promise.all(
    Array.from({ length: 20 }, (_, n) => send(open(`ses_${n + 2}`), refund("70"), approval)),
  );
  t.equal(verdicts.filter(({ ok }) => ok).length, 1);
});

t.test("what is not the approved command of this identity, here, has no permit", async (t) => {
  const { approvals, open, clock } = gateway(t);
  const approval = await ask(approvals, open("ses_1"), refund("70"));
  const { identity, target, level } = sampleSession;
  const other = open("ses_2", { identity: { ...identity, subject: "crew-ops" } });
  t.equal(await other.standing(approval), undefined);
  for (const [by, body] of [
    [other, "70"],
    [open("ses_3", { target: { ...target, name: "billing" } }), "70"],
    [open("ses_4", { level: { ...level, name: "admin" } }), "70"],
    [open("ses_5"), "700"],
  ] as const)
    t.match(await send(by, refund(body), approval), { ok: false, refusal: { kind: "policy" } });
  t.match(await send(open("ses_6"), refund("70"), "apr_0000000000000000"), { ok: false });
  const early = await ask(approvals, open("ses_1"), refund("80"), false);
  t.match(await send(open("ses_6"), refund("80"), early), { ok: false, refusal: { message: /still waits/ } });
  clock.advance(15 * MINUTE);
  t.match(await send(open("ses_6"), refund("70"), approval), {
    ...{ ok: false, refusal: { message: /not sent again in time/ } },
  });
});

t.test("rules that have changed meanwhile, or the start of another gateway, take the yes away", async (t) => {
  const { approvals, open, policy, start } = gateway(t);
  const one = await ask(approvals, open("ses_1"), refund("70"));
  const other = await ask(approvals, open("ses_1"), refund("80"));
  policy.decision = { effect: "block", rule, message: "Not any more.", policyVersion: "v2" };
  t.match(await send(open("ses_2"), refund("70"), one), { refusal: { message: "Not any more." } });
  policy.decision = held;
  t.match(await send(open("ses_2"), refund("70"), one), { ok: false });

  const restarted = start();
  await restarted.approvals.recover();
  t.match(await restarted.open("ses_1").standing(other), { state: "void", why: "gateway_restarted" });
  t.match(await send(restarted.open("ses_1"), refund("80"), other), {
    ...{ ok: false, refusal: { message: /was shut down/ } },
  });
});
