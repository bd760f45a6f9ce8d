import type { Command, Mask, MaskingOutcome } from "@gatehouse/core";
import t from "tap";
import { endingOf } from "../src/index.ts";
import { command, load, policy, request } from "./fixtures.ts";

const masks = `  - mask: addresses
    columns: [public.customers.email]
    with: redact`;
const refusing = "  - hold: first\n    approvers: { groups: [dba] }";
const masking = `  - hold: second
    approvers: { groups: [dba] }
    then: allow-with-mask
    columns: [public.customers.phone]
    with: hash`;

const hides = (list: readonly Mask[]): MaskingOutcome => ({
  ok: true,
  applied: list.map(({ rule, columns }) => ({ rule, hides: columns })),
});
const refuses: MaskingOutcome = { ok: false, message: "It depends on email.", hint: "Leave it out." };

function ending(rules: readonly string[], mask?: Command["mask"]) {
  const asked = request({ command: { ...command(), ...(mask ? { mask } : {}) } });
  return endingOf(load([policy(rules.join("\n"))]).decide(asked), asked.command);
}

t.test("what is held ends with who holds it, and refused where nobody answers", async (t) => {
  t.match(ending([refusing]), {
    effect: "hold",
    rule: { rule: "first" },
    holds: [{ rule: { rule: "first" }, approvers: [{ groups: ["dba"] }] }],
    masks: { length: 0 },
    unanswered: "refuse",
  });
});

t.test("nobody's answer lets it through with the masks of the rule beside those of others", async (t) => {
  t.match(ending([masks, masking], hides), {
    effect: "hold",
    masks: [{ rule: { rule: "addresses" } }],
    unanswered: {
      masks: [
        { rule: { rule: "addresses" }, hides: ["public.customers.email"] },
        { rule: { rule: "second" }, hides: ["public.customers.phone"] },
      ],
    },
  });
  t.match(ending([masking]), { masks: { length: 0 }, unanswered: { masks: undefined } });
});

t.test("one of several rules is enough to refuse what nobody answers", async (t) => {
  t.match(ending([refusing, masking], hides), { holds: { length: 2 }, unanswered: "refuse" });
});

t.test("where its masks refuse it, there is nobody to ask", async (t) => {
  t.match(
    ending([masks, masking], () => refuses),
    {
      effect: "block",
      rule: { rule: "addresses" },
      masks: "refused",
      hint: "Leave it out.",
    },
  );
});

t.test("where the masks of nobody's answer refuse it, it is refused then", async (t) => {
  const only = (list: readonly Mask[]) => (list.length > 1 ? refuses : hides(list));
  t.match(ending([masks, masking], only), { effect: "hold", masks: { length: 1 }, unanswered: "refuse" });
});

t.test("a broken glass is an allow that says whose", async (t) => {
  const glass = "\n    breakGlass: { groups: [analysts] }";
  t.match(ending([refusing + glass, masking + glass]), {
    effect: "allow",
    rule: { rule: "first" },
    brokeGlass: [{ rule: "first" }, { rule: "second" }],
  });
  t.notOk("brokeGlass" in ending(["  - allow: all"]));
});
