import { createFakeClock, sampleSession } from "@gatehouse/testkit";
import t from "tap";
import { Budgets, type Taken } from "../../src/budgets/budgets.ts";

const { identity, target } = sampleSession;
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const PER_MINUTE = { requests: { amount: 3, per: MINUTE } };

function budgets(kept?: number) {
  const clock = createFakeClock(1_000_000);
  return { clock, all: new Budgets({ clock, ...(kept === undefined ? {} : { kept }) }) };
}

function used(taken: Taken) {
  if (!taken.ok) throw new Error(taken.refusal.message);
  return taken.use;
}

function retryAfter(taken: Taken): number | undefined {
  return taken.ok ? undefined : taken.refusal.retryAfter;
}

t.test("as many requests as the budget has are let in, and more as time passes", async (t) => {
  const { clock, all } = budgets();
  const take = () => all.take(identity, target, PER_MINUTE);
  for (let at = 0; at < 3; at++) t.ok(take().ok);
  t.match(take(), {
    ok: false,
    refusal: {
      kind: "too_many",
      message: 'You have used all requests that "orders" has for you: 3 in 1m.',
      retryAfter: 20,
    },
  });
  clock.advance(19_999);
  t.equal(retryAfter(take()), 1, "rounded up");
  clock.advance(1);
  t.ok(take().ok, "who was refused has used nothing by it");
  t.equal(retryAfter(take()), 20);
});

t.test("no more is saved up than the budget has", async (t) => {
  const { clock, all } = budgets();
  t.ok(all.take(identity, target, PER_MINUTE).ok);
  clock.advance(100 * MINUTE);
  const taken = [1, 2, 3, 4].map(() => all.take(identity, target, PER_MINUTE).ok);
  t.same(taken, [true, true, true, false]);
});

t.test("each identity has its own at each target, however it was proved", async (t) => {
  const { all } = budgets();
  const once = { requests: { amount: 1, per: MINUTE } };
  const take = (changed: object, name = "orders") =>
    all.take({ ...identity, ...changed }, { ...target, name }, once).ok;
  t.ok(take({}));
  t.notOk(take({ expiresAt: 9, groups: ["other"], proof: { ...identity.proof, tokenId: "new" } }));
  t.ok(take({ subject: "crew-ops" }));
  t.ok(take({ proof: { ...identity.proof, issuer: "https://other.example.com" } }));
  t.ok(take({}, "model"));
});

t.test("what an answer costs beyond what is left is owed", async (t) => {
  const { clock, all } = budgets();
  const budget = { bytes: { amount: 100, per: 100 * SECOND } };
  const take = () => all.take(identity, target, budget);
  const one = used(take());
  one.bytes(99);
  t.ok(take().ok, "there is one left");
  one.bytes(150);
  t.equal(retryAfter(take()), 150);
  clock.advance(149 * SECOND);
  t.equal(retryAfter(take()), 1);
  clock.advance(SECOND);
  t.ok(take().ok);
  one.bytes(1);
  t.equal(retryAfter(take()), 1, "an answer that goes on is paid for by whoever asked for it");
});

t.test("of several that are used up, the one that takes longest says how long", async (t) => {
  const { all } = budgets();
  const budget = {
    ...{ requests: { amount: 1, per: MINUTE }, tokens: { amount: 10, per: 100 * SECOND } },
    bytes: { amount: 10, per: 10 * SECOND },
  };
  const use = used(all.take(identity, target, budget));
  use.tokens(19);
  use.bytes(10);
  t.match(all.take(identity, target, budget), {
    refusal: { message: /all tokens .* 10 in 100s/, retryAfter: 100 },
  });
  use.tokens(-15);
  t.match(all.take(identity, target, budget), { refusal: { message: /all requests/, retryAfter: 60 } });
});

t.test("what no budget names is not counted", async (t) => {
  const { all } = budgets();
  for (let at = 0; at < 100; at++) used(all.take(identity, target, {})).bytes(1e9);
  t.equal(all.size, 0);
});

t.test("a new budget holds at once for what was used under the old one", async (t) => {
  const { all } = budgets();
  for (let at = 0; at < 3; at++) all.take(identity, target, PER_MINUTE);
  t.ok(all.take(identity, target, { requests: { amount: 5, per: MINUTE } }).ok);
  t.equal(retryAfter(all.take(identity, target, { requests: { amount: 2, per: MINUTE } })), 90);
});

t.test("a clock that is set back gives nothing, and shuts nobody out", async (t) => {
  const { clock, all } = budgets();
  const take = () => all.take(identity, target, PER_MINUTE).ok;
  t.same([take(), take()], [true, true]);
  clock.advance(-1000 * MINUTE);
  t.same([take(), take()], [true, false]);
  clock.advance(20 * SECOND);
  t.ok(take());
});

t.test(
  "no more accounts are kept than a bound, and those that are full again go by themselves",
  async (t) => {
    const { clock, all } = budgets(100);
    const take = (subject: string) => all.take({ ...identity, subject }, target, PER_MINUTE);
    for (let at = 0; at < 1000; at++) {
      take(`agent-${at}`);
      t.ok(all.size <= 100);
    }
    t.equal(retryAfter(take("agent-999")), undefined);
    clock.advance(2 * MINUTE);
    take("agent-0");
    t.equal(all.size, 1);
  },
);

t.test("who goes on asking is not forgotten for those who come once", async (t) => {
  const { all } = budgets(100);
  const take = (subject: string) => all.take({ ...identity, subject }, target, PER_MINUTE).ok;
  const loop: boolean[] = [];
  for (let at = 0; at < 300; at++) {
    if (at % 30 === 0) loop.push(take("loop"));
    take(`agent-${at}`);
  }
  t.same(
    loop.map((ok) => ok),
    [true, true, true, false, false, false, false, false, false, false],
  );
});
