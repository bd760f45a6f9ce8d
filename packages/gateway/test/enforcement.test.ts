import { randomBytes } from "node:crypto";
import { setImmediate as turn } from "node:timers/promises";
import {
  type AuditEvent,
  type AuditLog,
  type Command,
  type Decision,
  GatehouseError,
  idSource,
} from "@gatehouse/core";
import { createFakeClock, createMemoryLog, sampleSession as session } from "@gatehouse/testkit";
import t from "tap";
import { Enforcement } from "../src/enforcement.ts";

const rule = { policy: "orders for analysts", rule: "reads", source: "policies/analysts.yaml:6" };
const allow: Decision = { effect: "allow", rule, policyVersion: "v1" };
const block: Decision = { effect: "block", rule, message: "Not this table.", policyVersion: "v1" };
const byDefault: Decision = { effect: "block", rule: null, message: "No rule.", policyVersion: "v1" };

const command: Command = {
  protocol: "postgres",
  kind: "execute",
  verbs: ["SELECT"],
  access: "read",
  resources: ["public.orders"],
  text: "select id from orders where id = $1",
  parameters: ["7", null],
  facts: { access: "read" },
};

function enforcing(decision: Decision | (() => Decision), audit: AuditLog) {
  const log = createMemoryLog();
  const decide = typeof decision === "function" ? decision : () => decision;
  const enforcement = new Enforcement({
    policies: () => ({ version: "v1", decide, admits: () => true }),
    audit,
    clock: createFakeClock(),
    ids: idSource(randomBytes),
    log,
  });
  return { enforcement, log };
}

function recording() {
  const events: AuditEvent[] = [];
  const audit: AuditLog = {
    append: async (event) => {
      events.push(event);
    },
  };
  return { events, audit };
}

const failing: AuditLog = {
  append: () => Promise.reject(new GatehouseError("AUDIT_FAILED", "The disk is full.")),
};

t.test("an allowed command is on the audit log before there is a permit", async (t) => {
  const written = Promise.withResolvers<undefined>();
  const events: AuditEvent[] = [];
  const { enforcement } = enforcing(allow, {
    append: async (event) => {
      events.push(event);
      await written.promise;
    },
  });
  let decided = false;
  const verdict = enforcement.decide(session, command).then((result) => {
    decided = true;
    return result;
  });
  await turn();
  t.equal(events.length, 1);
  t.notOk(decided, "the event is under way, and so there is no permit");
  written.resolve(undefined);
  const result = await verdict;
  if (!result.ok) throw new Error("it was allowed");
  t.equal(result.decision, allow);
  t.doesNotThrow(() => result.permit.redeem(command));
});

t.test("the event says who, what and by which rule of which version", async (t) => {
  const { events, audit } = recording();
  await enforcing(allow, audit).enforcement.decide(session, command);
  t.match(events[0], {
    type: "command",
    reference: /^ref_/,
    session: "ses_1",
    subject: "crew-analyst",
    target: "orders",
    level: "reader",
    command: {
      kind: "execute",
      verbs: ["SELECT"],
      access: "read",
      resources: ["public.orders"],
      text: command.text,
      parameters: ["7", null],
    },
    decision: { effect: "allow", rule, policyVersion: "v1" },
  });
});

t.test(
  "a command that a rule blocks is refused in the rule's words, under the event's reference",
  async (t) => {
    const { events, audit } = recording();
    const verdict = await enforcing(block, audit).enforcement.decide(session, command);
    if (verdict.ok) throw new Error("it was let through");
    t.match(verdict.refusal, { kind: "policy", message: "Not this table.", hint: /"reads"/ });
    t.match(events, [{ reference: verdict.refusal.reference, decision: { effect: "block", rule } }]);
  },
);

t.test("a command that no rule allows is refused, and the event has no rule", async (t) => {
  const { events, audit } = recording();
  const verdict = await enforcing(byDefault, audit).enforcement.decide(session, command);
  t.match(verdict, { ok: false, refusal: { kind: "policy", message: "No rule." } });
  t.match(events, [{ decision: { effect: "block", rule: null } }]);
});

t.test("a command that can't be put on the audit log is refused, whatever the policy said", async (t) => {
  for (const decision of [allow, block, byDefault]) {
    const { enforcement, log } = enforcing(decision, failing);
    const verdict = await enforcement.decide(session, command);
    if (verdict.ok) throw new Error("there is a permit without an event");
    t.notOk("permit" in verdict);
    t.match(verdict.refusal, { kind: "internal", message: /could not be put on the audit log/ });
    t.match(log.entries, [{ level: "error", fields: { reference: verdict.refusal.reference } }]);
  }
});

t.test("a command is not let through when the policies themselves fail", async (t) => {
  const { events, audit } = recording();
  const { enforcement } = enforcing(() => {
    throw new Error("a rule could not be evaluated");
  }, audit);
  await t.rejects(enforcement.decide(session, command), { message: "a rule could not be evaluated" });
  t.same(events, []);
});

t.test("each decision is made by the policies of that moment, under a reference of its own", async (t) => {
  const { events, audit } = recording();
  let now: Decision = allow;
  const { enforcement } = enforcing(() => now, audit);
  t.ok((await enforcement.decide(session, command)).ok);
  now = { ...block, policyVersion: "v2" };
  t.notOk((await enforcement.decide(session, command)).ok);
  t.match(events, [{ decision: { policyVersion: "v1" } }, { decision: { policyVersion: "v2" } }]);
  t.equal(new Set(events.map((event) => ("reference" in event ? event.reference : ""))).size, 2);
});

t.test("what an adapter refuses by itself is on the audit log, with the reason and no permit", async (t) => {
  const { events, audit } = recording();
  const { enforcement } = enforcing(allow, audit);
  const refused = {
    kind: "syntax",
    message: "syntax error at end of input",
    text: "selec",
    position: 6,
  } as const;
  const refusal = await enforcement.refuse(session, refused);
  t.match(refusal, { kind: "syntax", message: refused.message, position: 6, reference: /^ref_/ });
  t.notOk("text" in refusal, "what goes to the log is not sent to the client");
  t.match(events, [
    {
      type: "command",
      reference: refusal.reference,
      command: { kind: "refused", verbs: [], access: "unknown", text: "selec" },
      decision: { effect: "block", rule: null, policyVersion: "v1", reason: refused.message },
    },
  ]);
});

t.test("a refusal of an adapter's own that can't be audited is still a refusal", async (t) => {
  const { enforcement } = enforcing(allow, failing);
  const refusal = await enforcement.refuse(session, { kind: "syntax", message: "syntax error", text: "x" });
  t.match(refusal, { kind: "internal", reference: /^ref_/ });
});
