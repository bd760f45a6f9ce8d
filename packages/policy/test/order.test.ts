import type { Access, Decision } from "@gatehouse/core";
import t from "tap";
import { command, identity, request } from "./fixtures.ts";
import { engineOf, pick, randomFrom, samples, shuffled } from "./samples.ts";

/** The rules that hold it, or would, whatever their order. */
function holdersOf(decision: Decision): string {
  const rules =
    decision.effect === "hold"
      ? decision.holds.map(({ rule }) => rule)
      : (decision.effect === "allow" && decision.brokeGlass) || [];
  return JSON.stringify(rules.map(({ policy, rule }) => [policy, rule]).sort());
}

t.test("the order of files and rules never changes the effect", async (t) => {
  const random = randomFrom(20261120);
  const seen = { allow: 0, hold: 0, block: 0 };
  const differences: unknown[] = [];
  for (let round = 0; round < 400; round++) {
    const list = samples(random);
    const engine = engineOf(list);
    const other = engineOf(
      shuffled(random, list).map((sample) => ({ ...sample, rules: shuffled(random, sample.rules) })),
    );
    const access = pick<Access>(random, ["read", "write", "ddl", "unknown"]);
    const asked = request({
      identity: identity({
        kind: pick(random, ["human", "workload"]),
        groups: pick(random, [[], ["analysts"]]),
      }),
      command: command(access, {
        unfiltered: random(2) === 0,
        params: pick(random, [[], ["x"], ["y"]]),
      }),
    });
    const decision = engine.decide(asked);
    const { effect } = decision;
    seen[effect]++;
    const again = other.decide(asked);
    if (again.effect !== effect || holdersOf(again) !== holdersOf(decision)) differences.push(list);
    if (effect === "hold" && !engine.holds(asked)) differences.push(list);
    if (other.admits(asked) !== engine.admits(asked)) differences.push(list);
    if (effect !== "block" && !engine.admits(asked)) differences.push(list);
  }
  t.same(differences, []);
  t.ok(Math.min(...Object.values(seen)) > 20, `the samples reach every effect: ${JSON.stringify(seen)}`);
});

t.test("the same request always has the same decision", async (t) => {
  const random = randomFrom(7);
  for (let round = 0; round < 50; round++) {
    const list = samples(random);
    const engine = engineOf(list);
    const asked = request();
    t.same(engine.decide(asked), engine.decide(asked));
    t.same(engineOf(list).decide(request()), engine.decide(asked));
  }
});
