import type { Access } from "@gatehouse/core";
import t from "tap";
import { loadPolicies } from "../src/index.ts";
import { command, facts, identity, request, targets } from "./fixtures.ts";

/** Mulberry32: small, seeded, the same on every machine. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

function pick<T>(random: (below: number) => number, list: readonly [T, ...T[]]): T {
  return list[random(list.length)] ?? list[0];
}

function shuffled<T>(random: (below: number) => number, list: readonly T[]): T[] {
  return list
    .map((item) => ({ item, key: random(1_000_000) }))
    .sort((a, b) => a.key - b.key)
    .map(({ item }) => item);
}

interface Sample {
  readonly title: string;
  readonly head: string;
  readonly rules: readonly string[];
}

function samples(random: (below: number) => number): Sample[] {
  const whens = [
    "sql.access == 'read'",
    "sql.access in ['write', 'unknown']",
    "sql.unfiltered",
    "'public.orders' in sql.reads",
    "sql.params[0] == 'x'",
    "identity.kind == 'human'",
    "true",
  ] as const;
  return Array.from({ length: 1 + random(3) }, (_, file) => ({
    title: `policy ${file}`,
    head: [
      `who: { ${pick(random, ["everyone: true", "groups: [analysts]", "kinds: [human]"])} }`,
      `targets: ${pick(random, ["[orders]", '["*"]', "[billing]"])}`,
    ].join("\n"),
    rules: Array.from({ length: 1 + random(4) }, (_, rule) => {
      const effect = random(3) === 0 ? "block" : "allow";
      return `  - ${effect}: rule ${rule}\n    when: "${pick(random, whens)}"`;
    }),
  }));
}

function engineOf(list: readonly Sample[]) {
  const loaded = loadPolicies({
    files: list.map(({ title, head, rules }, index) => ({
      path: `${index}.yaml`,
      text: `policy: ${title}\n${head}\nrules:\n${rules.join("\n")}\n`,
    })),
    targets,
    facts,
    onError: () => undefined,
  });
  if (!loaded.ok) throw new Error(loaded.problems[0]?.message);
  return loaded.engine;
}

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
