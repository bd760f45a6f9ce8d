import t from "tap";
import { type ApprovalEvent, next, type Phase } from "../src/machine.ts";

const EVENTS = ["yes", "approve", "deny", "expire", "void", "spend", "spend unanswered", "outcome"] as const;

/**
 * What is to come of a new approval to which two things happen, the row's first. It was written from the promises, not
 * from the machine: who answers first has answered, what is over stays over, nothing is let through but after enough
 * people's yes or, once nobody has answered, masked.
 */
const PAIRS = `
             yes       approve   deny      expire    void      spend     masked    outcome
  yes        pending   approved  denied    expired   void      pending   pending   pending
  approve    approved  approved  approved  approved  void      spent     approved  approved
  deny       denied    denied    denied    denied    denied    denied    denied    denied
  expire     expired   expired   expired   expired   expired   expired   spent     expired
  void       void      void      void      void      void      void      void      void
  spend      pending   approved  denied    expired   void      pending   pending   pending
  masked     pending   approved  denied    expired   void      pending   pending   pending
  outcome    pending   approved  denied    expired   void      pending   pending   pending`;

/** The same for one that was approved before. */
const APPROVED_PAIRS = `
             yes       approve   deny      expire    void      spend     masked    outcome
  yes        approved  approved  approved  approved  void      spent     approved  approved
  approve    approved  approved  approved  approved  void      spent     approved  approved
  deny       approved  approved  approved  approved  void      spent     approved  approved
  expire     approved  approved  approved  approved  void      spent     approved  approved
  void       void      void      void      void      void      void      void      void
  spend      spent     spent     spent     spent     spent     spent     spent     settled
  masked     approved  approved  approved  approved  void      spent     approved  approved
  outcome    approved  approved  approved  approved  void      spent     approved  approved`;

/** The same for one that nobody has answered in time. */
const EXPIRED_PAIRS = `
             yes       approve   deny      expire    void      spend     masked    outcome
  yes        expired   expired   expired   expired   expired   expired   spent     expired
  approve    expired   expired   expired   expired   expired   expired   spent     expired
  deny       expired   expired   expired   expired   expired   expired   spent     expired
  expire     expired   expired   expired   expired   expired   expired   spent     expired
  void       expired   expired   expired   expired   expired   expired   spent     expired
  spend      expired   expired   expired   expired   expired   expired   spent     expired
  masked     spent     spent     spent     spent     spent     spent     spent     settled
  outcome    expired   expired   expired   expired   expired   expired   spent     expired`;

function after(phase: Phase, ...events: readonly ApprovalEvent[]): Phase {
  return events.reduce((before, event) => next(before, event) ?? before, phase);
}

function expectations(table: string): string[][] {
  const [, ...rows] = table.trim().split("\n");
  return rows.map((row) => row.trim().split(/\s+/).slice(1));
}

for (const [phase, table] of [
  ["pending", PAIRS],
  ["approved", APPROVED_PAIRS],
  ["expired", EXPIRED_PAIRS],
] as const) {
  t.test(`every pair of events, in both orders, from ${phase}`, async (t) => {
    const expected = expectations(table);
    t.equal(expected.flat().length, EVENTS.length ** 2, "the table has them all");
    for (const [at, first] of EVENTS.entries()) {
      for (const [then, second] of EVENTS.entries()) {
        t.equal(after(phase, first, second), expected[at]?.[then], `${first}, then ${second}`);
      }
    }
  });
}

t.test("nothing happens to what is at its end, but that the outcome of a spent one is told", async (t) => {
  for (const phase of ["denied", "void", "settled"] as const) {
    for (const event of EVENTS) t.equal(next(phase, event), undefined, `${phase}: ${event}`);
  }
  for (const event of EVENTS) t.equal(next("spent", event), event === "outcome" ? "settled" : undefined);
});

t.test("however long it goes on, one approval is spent once", async (t) => {
  for (let seed = 0; seed < EVENTS.length ** 5; seed++) {
    let phase: Phase = "pending";
    let spent = 0;
    let approved = false;
    for (let rest = seed, step = 0; step < 5; step++, rest = Math.floor(rest / EVENTS.length)) {
      const event = EVENTS[rest % EVENTS.length] ?? "yes";
      const before: Phase = phase;
      phase = after(phase, event);
      approved ||= phase === "approved";
      if (before === phase || phase !== "spent") continue;
      spent++;
      if (event === "spend" && !approved) t.fail(`spent without a yes: ${seed}`);
    }
    if (spent > 1) t.fail(`spent twice: ${seed}`);
  }
});
