import type { Access } from "@gatehouse/core";
import t from "tap";
import { command, identity, request } from "./fixtures.ts";
import { engineOf, pick, randomFrom, samples, shuffled } from "./samples.ts";

t.test("the order of files and rules never changes the effect", async (t) => {
  const random = randomFrom(20261120);
  const seen = { allow: 0, block: 0 };
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
    const { effect } = engine.decide(asked);
    seen[effect]++;
    if (other.decide(asked).effect !== effect) differences.push(list);
    if (other.admits(asked) !== engine.admits(asked)) differences.push(list);
    if (effect === "allow" && !engine.admits(asked)) differences.push(list);
  }
  t.same(differences, []);
  t.ok(seen.allow > 40 && seen.block > 40, "the samples reach both effects");
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
