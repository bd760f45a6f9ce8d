import { type LoadedPolicies, loadPolicies } from "../src/index.ts";
import { detectors, facts, type RuleError, targets } from "./fixtures.ts";

/** Mulberry32: small, seeded, the same on every machine. */
export function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

export function pick<T>(random: (below: number) => number, list: readonly [T, ...T[]]): T {
  return list[random(list.length)] ?? list[0];
}

export function shuffled<T>(random: (below: number) => number, list: readonly T[]): T[] {
  return list
    .map((item) => ({ item, key: random(1_000_000) }))
    .sort((a, b) => a.key - b.key)
    .map(({ item }) => item);
}

export interface Sample {
  readonly title: string;
  readonly head: string;
  readonly rules: readonly string[];
}

/** One to three policies with one to four rules each. */
export function samples(random: (below: number) => number): Sample[] {
  const whens = [
    "sql.access == 'read'",
    "sql.access in ['write', 'unknown']",
    "sql.unfiltered",
    "'public.orders' in sql.reads",
    "sql.params[0] == 'x'",
    "identity.kind == 'human'",
    "true",
    "sql.verbs[0] == 'DELETE'",
    "sql.reads.exists(table, table == sql.text)",
    "sql.text.contains('secret')",
    "session.client == '10.0.0.7'",
    "time.getHours() >= 12",
  ] as const;
  return Array.from({ length: 1 + random(3) }, (_, file) => ({
    title: `policy ${file}`,
    head: [
      `who: { ${pick(random, ["everyone: true", "groups: [analysts]", "kinds: [human]"])} }`,
      `targets: ${pick(random, ["[orders]", '["*"]', "[billing]"])}`,
    ].join("\n"),
    rules: Array.from({ length: 1 + random(4) }, (_, rule) => {
      const effect = pick(random, ["allow", "allow", "allow", "block", "hold"]);
      const approvers = effect === "hold" ? "\n    approvers: { groups: [dba] }" : "";
      const breakGlass = approvers && random(3) === 0 ? "\n    breakGlass: { groups: [analysts] }" : "";
      return `  - ${effect}: rule ${rule}\n    when: "${pick(random, whens)}"${approvers}${breakGlass}`;
    }),
  }));
}

export function engineOf(list: readonly Sample[], errors: RuleError[] = []): LoadedPolicies {
  const loaded = loadPolicies({
    files: list.map(({ title, head, rules }, index) => ({
      path: `${index}.yaml`,
      text: `policy: ${title}\n${head}\nrules:\n${rules.join("\n")}\n`,
    })),
    targets,
    facts,
    detectors,
    onError: (rule, message) => errors.push([rule, message]),
  });
  if (!loaded.ok) throw new Error(loaded.problems[0]?.message);
  return loaded.engine;
}
