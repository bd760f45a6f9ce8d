import { randomBytes } from "node:crypto";
import { setImmediate as turn } from "node:timers/promises";
import {
  type AuditEvent,
  type AuditLog,
  type Command,
  type Decision,
  type DecisionRequest,
  GatehouseError,
  type Held,
  type Hold,
  idSource,
  type Mask,
} from "@gatehouse/core";
import { createFakeClock, createMemoryLog, sampleSession as session } from "@gatehouse/testkit";
import t from "tap";
import { nobodyWaits, sampleHeld } from "./nobody-waits.ts";
import { Enforcement, type EnforcementOptions, type SessionEnforcement } from "../src/enforcement.ts";

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

function enforcing(
  decision: Decision | (() => Decision),
  audit: AuditLog,
  approvals: EnforcementOptions["approvals"] = nobodyWaits,
) {
  const log = createMemoryLog();
  const decide = typeof decision === "function" ? decision : () => decision;
  const enforcement = new Enforcement({
    policies: () => ({ version: "v1", decide, admits: () => true, holds: () => false, masks: () => [] }),
    approvals,
    brokeGlass: () => undefined,
    audit,
    clock: createFakeClock(),
    ids: idSource(randomBytes),
    log,
  });
  return { enforced: enforcement.of(session), log };
}

/** @throws where the command is held */
function settled(enforced: SessionEnforcement, command: Command, held?: Held) {
  const deciding = enforced.decide(command, held);
  if (deciding.effect === "hold") throw new Error("it is held");
  return deciding;
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
  const { enforced } = enforcing(allow, {
    append: async (event) => {
      events.push(event);
      await written.promise;
    },
  });
  const deciding = settled(enforced, command);
  t.equal(deciding.effect, "allow", "what was decided is known at once");
  let permitted = false;
  const verdict = deciding.verdict.then((result) => {
    permitted = true;
    return result;
  });
  await turn();
  t.equal(events.length, 1);
  t.notOk(permitted, "the event is under way, and so there is no permit");
  written.resolve(undefined);
  const result = await verdict;
  if (!result.ok) throw new Error("it was allowed");
  t.equal(result.decision, allow);
  t.doesNotThrow(() => result.permit.redeem(command));
});

t.test("the event says who, what and by which rule of which version", async (t) => {
  const { events, audit } = recording();
  await settled(enforcing(allow, audit).enforced, command).verdict;
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
    const { effect, verdict: pending } = settled(enforcing(block, audit).enforced, command);
    t.equal(effect, "block");
    const verdict = await pending;
    if (verdict.ok) throw new Error("it was let through");
    t.match(verdict.refusal, { kind: "policy", message: "Not this table.", hint: /"reads"/ });
    t.match(events, [{ reference: verdict.refusal.reference, decision: { effect: "block", rule } }]);
  },
);

t.test("a command that no rule allows is refused, and the event has no rule", async (t) => {
  const { events, audit } = recording();
  const { verdict } = settled(enforcing(byDefault, audit).enforced, command);
  t.match(await verdict, { ok: false, refusal: { kind: "policy", message: "No rule." } });
  t.match(events, [{ decision: { effect: "block", rule: null } }]);
});

const mask: Mask = {
  rule: { policy: "personal data", rule: "contact details", source: "policies/pii.yaml:6" },
  columns: ["public.customers.email"],
  detect: [],
  with: { kind: "redact" },
  predicates: "refuse",
};
const otherMask: Mask = { ...mask, rule: { ...mask.rule, rule: "national ids" } };
const masked = { ...allow, masks: [mask, otherMask] } as const;
const unmaskable = {
  ok: false,
  message: "It depends on a column that is hidden.",
  hint: "Leave it out.",
} as const;

t.test("an allowed command's masks are prepared before the event, which says what is hidden", async (t) => {
  const { events, audit } = recording();
  const asked: unknown[] = [];
  const applied = [{ rule: mask.rule, hides: ["email"] }];
  const masking: Command = {
    ...command,
    mask: (masks) => {
      t.equal(events.length, 0);
      asked.push(masks);
      return { ok: true, applied };
    },
  };
  const { effect, verdict } = settled(enforcing(masked, audit).enforced, masking);
  t.equal(effect, "allow");
  const result = await verdict;
  if (!result.ok) throw new Error("it was allowed");
  t.doesNotThrow(() => result.permit.redeem(masking));
  t.equal(asked[0], masked.masks);
  t.same(
    events.map((event) => "decision" in event && event.decision),
    [{ effect: "allow", rule, policyVersion: "v1", masks: applied }],
  );
});

t.test("where nothing of an answer is hidden, its event says nothing of masks", async (t) => {
  const { events, audit } = recording();
  const masking: Command = { ...command, mask: () => ({ ok: true, applied: [] }) };
  t.ok((await settled(enforcing(masked, audit).enforced, masking).verdict).ok);
  t.same(
    events.map((event) => "decision" in event && event.decision),
    [{ effect: "allow", rule, policyVersion: "v1" }],
  );
});

t.test("a command without masks is not asked to mask", async (t) => {
  const { audit } = recording();
  const masking: Command = {
    ...command,
    mask: () => {
      throw new Error("there is nothing to mask");
    },
  };
  t.ok((await settled(enforcing(allow, audit).enforced, masking).verdict).ok);
  t.match(await settled(enforcing(block, audit).enforced, masking).verdict, { refusal: { kind: "policy" } });
});

t.test("a command whose answer can't be masked is refused in the mask's name", async (t) => {
  for (const [mask, told, named] of [
    [undefined, /its answer can't be masked, so it was not run/, masked.masks[0]],
    [() => unmaskable, unmaskable.message, masked.masks[0]],
    [() => ({ ...unmaskable, rule: otherMask.rule }), unmaskable.message, otherMask],
  ] as const) {
    const { events, audit } = recording();
    const { enforced } = enforcing(masked, audit);
    const { effect, verdict } = settled(enforced, mask ? { ...command, mask } : command);
    t.equal(effect, "block");
    const result = await verdict;
    if (result.ok) throw new Error("it was let through");
    t.match(result.refusal, { kind: "policy", message: told });
    const { rule: title, policy } = named.rule;
    t.ok(result.refusal.hint?.endsWith(`The mask is the rule "${title}" of the policy "${policy}".`));
    t.match(events, [
      {
        reference: result.refusal.reference,
        command: { text: command.text },
        decision: { effect: "block", rule: named.rule, policyVersion: "v1", reason: result.refusal.message },
      },
    ]);
    t.equal(events.length, 1);
    t.same([enforced.commands, enforced.refused], [1, 1]);
  }
});

t.test("masks that fail while they are prepared refuse the command, and quote nothing of it", async (t) => {
  const { events, audit } = recording();
  const failingMask: Command = {
    ...command,
    mask: () => {
      throw new RangeError("can't mask hunter2");
    },
  };
  const { enforced, log } = enforcing(masked, audit);
  t.match(await settled(enforced, failingMask).verdict, { ok: false, refusal: { kind: "internal" } });
  t.match(events, [{ decision: { effect: "block", rule: null } }]);
  t.notMatch(JSON.stringify([events, log.entries]), "hunter2");
});

t.test("a command that can't be put on the audit log is refused, whatever the policy said", async (t) => {
  for (const decision of [allow, block, byDefault]) {
    const { enforced, log } = enforcing(decision, failing);
    const verdict = await settled(enforced, command).verdict;
    if (verdict.ok) throw new Error("there is a permit without an event");
    t.notOk("permit" in verdict);
    t.match(verdict.refusal, { kind: "internal", message: /could not be put on the audit log/ });
    t.match(log.entries, [{ level: "error", fields: { reference: verdict.refusal.reference } }]);
  }
});

t.test(
  "commands that share a write are each refused when it fails, under their own references",
  async (t) => {
    const written = Promise.withResolvers<undefined>();
    const { enforced } = enforcing(allow, { append: () => written.promise });
    const verdicts = [1, 2, 3].map(() => settled(enforced, command).verdict);
    written.reject(new GatehouseError("AUDIT_FAILED", "The disk is full."));
    const references = (await Promise.all(verdicts)).map((verdict) => {
      if (verdict.ok) throw new Error("there is a permit without an event");
      return verdict.refusal.reference;
    });
    t.equal(new Set(references).size, 3);
    t.same([enforced.commands, enforced.refused], [3, 3]);
  },
);

t.test("commands that share a write have a permit each, for themselves alone", async (t) => {
  const written = Promise.withResolvers<undefined>();
  const { enforced } = enforcing(allow, { append: () => written.promise });
  const other = { ...command };
  const verdicts = [settled(enforced, command).verdict, settled(enforced, other).verdict];
  written.resolve(undefined);
  const [first, second] = await Promise.all(verdicts);
  if (!first?.ok || !second?.ok) throw new Error("both were allowed");
  t.throws(() => first.permit.redeem(other), { code: "PERMIT_INVALID" });
  t.doesNotThrow(() => second.permit.redeem(other));
});

t.test("when the policies themselves fail, the command is refused, and that is on the log", async (t) => {
  const { events, audit } = recording();
  const { enforced, log } = enforcing(() => {
    throw new TypeError("can't read hunter2");
  }, audit);
  const { effect, verdict } = settled(enforced, command);
  t.equal(effect, "block");
  const result = await verdict;
  if (result.ok) throw new Error("it was let through");
  const { reference, message } = result.refusal;
  t.match(result.refusal, { kind: "internal", message: /could not decide/ });
  t.match(events, [
    {
      reference,
      command: { kind: "execute" },
      decision: { effect: "block", rule: null, policyVersion: "v1", reason: message },
    },
  ]);
  t.match(log.entries, [{ level: "error", fields: { reference, error: "TypeError" } }]);
  t.notMatch(JSON.stringify([events, log.entries, result]), "hunter2");
  const unheard = enforcing(() => {
    throw new TypeError("no");
  }, failing);
  t.match(await settled(unheard.enforced, command).verdict, { ok: false, refusal: { kind: "internal" } });
});

t.test(
  "what the policies are asked has the session's identity, place and client, and the time",
  async (t) => {
    const { audit } = recording();
    const asked: DecisionRequest[] = [];
    const clock = createFakeClock();
    const enforcement = new Enforcement({
      policies: () => ({
        version: "v1",
        decide: (request) => {
          asked.push(request);
          return allow;
        },
        admits: () => true,
        holds: () => false,
        masks: () => [],
      }),
      approvals: nobodyWaits,
      brokeGlass: () => undefined,
      audit,
      clock,
      ids: idSource(randomBytes),
      log: createMemoryLog(),
    });
    const local = { ...session, client: { socket: "/run/gatehouse/.s.PGSQL.15432" } };
    await settled(enforcement.of(session), command).verdict;
    await settled(enforcement.of(local), command).verdict;
    const { identity, target, level } = session;
    t.match(asked, [
      { identity, target, level, command, client: { host: "127.0.0.1" }, now: clock.now() },
      { client: { host: "local" } },
    ]);
  },
);

t.test("a session's commands are counted, with those that were refused in whichever way", async (t) => {
  const { audit } = recording();
  let decision: Decision = allow;
  const { enforced } = enforcing(() => decision, audit);
  await settled(enforced, command).verdict;
  decision = block;
  await settled(enforced, command).verdict;
  await enforced.refuse({ kind: "syntax", message: "syntax error", text: "x" });
  t.same([enforced.commands, enforced.refused], [3, 2]);
});

t.test("each decision is made by the policies of that moment, under a reference of its own", async (t) => {
  const { events, audit } = recording();
  let now: Decision = allow;
  const { enforced } = enforcing(() => now, audit);
  t.ok((await settled(enforced, command).verdict).ok);
  now = { ...block, policyVersion: "v2" };
  t.notOk((await settled(enforced, command).verdict).ok);
  t.match(events, [{ decision: { policyVersion: "v1" } }, { decision: { policyVersion: "v2" } }]);
  t.equal(new Set(events.map((event) => ("reference" in event ? event.reference : ""))).size, 2);
});

t.test("what an adapter refuses by itself is on the audit log, with the reason and no permit", async (t) => {
  const { events, audit } = recording();
  const { enforced } = enforcing(allow, audit);
  const refused = {
    kind: "syntax",
    message: "syntax error at end of input",
    text: "selec",
    position: 6,
  } as const;
  const refusal = await enforced.refuse(refused);
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
  const { enforced } = enforcing(allow, failing);
  const refusal = await enforced.refuse({ kind: "syntax", message: "syntax error", text: "x" });
  t.match(refusal, { kind: "internal", reference: /^ref_/ });
});

const held = sampleHeld("apr_1");
const holds = [
  {
    rule,
    approvers: [{ groups: ["dba"], count: 1 }],
    expires: 60_000,
    reasons: [],
    scope: { same: "command", for: "once" },
    unanswered: "refuse",
  },
] as const satisfies readonly Hold[];
const holding: Decision = { effect: "hold", rule, holds, policyVersion: "v1" };

t.test(
  "a held command waits, and is let through by its approval, which is put on record first",
  async (t) => {
    const { events, audit } = recording();
    const steps: string[] = [];
    const { enforced } = enforcing(holding, audit, {
      ...nobodyWaits,
      hold: ({ holds: asked, commands }) => {
        t.same([asked, commands], [holds, 0]);
        return held;
      },
      claim: () => ({
        ok: true,
        approval: "apr_1",
        masks: [],
        recorded: () => steps.push(`recorded behind ${events.length} event`),
        unrecorded: () => steps.push("unrecorded"),
      }),
    });
    t.match(enforced.decide(command), { effect: "hold", held: { approval: "apr_1" } });
    t.same(events, [], "that it waits is the approvals' to put on record");
    const deciding = enforced.decide(command, held);
    if (deciding.effect !== "allow") throw new Error("it is not let through");
    const verdict = await deciding.verdict;
    if (!verdict.ok) throw new Error("it is refused");
    verdict.permit.redeem(command);
    t.match(events, [{ type: "command", decision: { effect: "allow", approval: "apr_1" } }]);
    t.same(steps, ["recorded behind 1 event"]);
    t.equal(enforced.commands, 1, "it is one command");
  },
);

t.test("what is let through masked has these masks in its decision, beside its own", async (t) => {
  const { audit } = recording();
  const late: Mask = { ...mask, detect: ["pii.email"] };
  const { enforced } = enforcing({ ...holding, masks: [mask] }, audit, {
    ...nobodyWaits,
    hold: () => held,
    claim: () => ({
      ...{ ok: true, approval: "apr_1", masks: [late] },
      ...{ recorded: () => undefined, unrecorded: () => undefined },
    }),
  });
  const maskable: Command = { ...command, mask: () => ({ ok: true, applied: [] }) };
  enforced.decide(maskable);
  t.match(await settled(enforced, maskable, held).verdict, { ok: true, decision: { masks: [mask, late] } });
});

t.test("a held command that nobody approved is refused, with the approval's words", async (t) => {
  const { events, audit } = recording();
  const refusal = { kind: "policy", message: "Denied by dana.", hint: "Ask dana." } as const;
  const { enforced } = enforcing(holding, audit, {
    ...nobodyWaits,
    hold: () => held,
    claim: () => ({ ok: false, approval: "apr_1", refusal }),
  });
  enforced.decide(command);
  const deciding = enforced.decide(command, held);
  if (deciding.effect !== "block") throw new Error("it is not refused");
  t.match(await deciding.verdict, { ok: false, refusal });
  t.match(events, [{ decision: { effect: "block", rule, reason: "Denied by dana.", approval: "apr_1" } }]);
  t.equal(enforced.refused, 1);
});

t.test("an approval that can't be put on record lets nothing through", async (t) => {
  const { audit } = recording();
  const steps: string[] = [];
  const claim = (recorded: () => void) => ({
    ...nobodyWaits,
    hold: () => held,
    claim: () => ({
      ok: true as const,
      approval: "apr_1",
      masks: [],
      recorded,
      unrecorded: () => void steps.push("unrecorded"),
    }),
  });
  const full = () => {
    throw new GatehouseError("STORE_FAILED", "The disk is full.");
  };
  for (const [log, recorded] of [
    [audit, full],
    [failing, () => void steps.push("recorded")],
  ] as const) {
    const { enforced } = enforcing(holding, log, claim(recorded));
    enforced.decide(command);
    const deciding = enforced.decide(command, held);
    if (deciding.effect === "hold") throw new Error("it is held again");
    t.match(await deciding.verdict, { ok: false, refusal: { kind: "internal" } });
  }
  t.same(steps, ["unrecorded", "unrecorded"]);
});

t.test(
  "nobody is asked for what only makes ready, what an earlier yes covers, or what could not be masked",
  async (t) => {
    const { events, audit } = recording();
    const asked: string[] = [];
    const approvals = {
      ...nobodyWaits,
      hold: () => {
        asked.push("asked");
        return held;
      },
    };
    const prepared = enforcing(holding, audit, approvals).enforced.decide({ ...command, prepares: true });
    t.equal(prepared.effect, "allow");
    const covered = enforcing(holding, audit, { ...approvals, reuse: () => "apr_7" }).enforced;
    t.ok((await settled(covered, command).verdict).ok);
    const mask: Mask = {
      rule,
      columns: ["*.*.*"],
      detect: [],
      with: { kind: "redact" },
      predicates: "refuse",
    };
    const unmasked = enforcing({ ...holding, masks: [mask] }, audit, approvals).enforced;
    t.match(await settled(unmasked, command).verdict, { ok: false, refusal: { kind: "policy" } });
    t.same(asked, []);
    t.match(events[1], { decision: { effect: "allow", approval: "apr_7" } });
  },
);

t.test("what can't wait is refused, and says what to do", async (t) => {
  const { audit } = recording();
  for (const [refused, kind, hint] of [
    ["too_many", "too_many", /try again/],
    ["reason", "policy", /In a comment/],
    ["unheld", "policy", /of its own/],
  ] as const) {
    const { enforced } = enforcing(holding, audit, { ...nobodyWaits, hold: () => ({ refused }) });
    const asked = { ...command, reasonHint: "In a comment." };
    t.match(await settled(enforced, asked).verdict, { ok: false, refusal: { kind, hint } });
  }
});

t.test("a glass that is broken is told of", async (t) => {
  const { events, audit } = recording();
  const { enforced, log } = enforcing({ ...allow, brokeGlass: [rule] }, audit);
  t.ok((await settled(enforced, command).verdict).ok);
  t.match(events, [{ decision: { effect: "allow", brokeGlass: [rule] } }]);
  t.match(log.entries, [{ level: "warn", fields: { rules: [rule] } }]);
});
