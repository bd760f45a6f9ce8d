import type { Random } from "@gatehouse/testkit";
import { encode, type Step } from "./steps.ts";

/** Texts with this in them are refused by the gate of the fuzzers. */
export const REFUSED = "refuse me";

const NAMES = ["", "a", "b"] as const;

const TEXTS: readonly [string, ...string[]] = [
  "",
  ";",
  "-- nothing",
  "select 1",
  "select 'größe'",
  "select $1::int + 1",
  "select 1; select 2",
  "select 1; select 1/0; select 2",
  "select 1/0",
  "selec",
  "select * from nowhere",
  "select generate_series(1, 5)",
  "select repeat('x', 100) from generate_series(1, 1000)",
  "select count(*) from t",
  "insert into t values (1) returning n",
  "insert into t values (1 / 0)",
  "insert into t select generate_series(1, 3)",
  "begin",
  "begin; select 1",
  "commit",
  "rollback",
  "savepoint one",
  "rollback to one",
  "begin; select 1/0",
  "commit; select 1",
  "set search_path = public",
  "set local search_path = pg_catalog",
  "reset search_path",
  "select set_config('search_path', (1/0)::text, false)",
  "select set_config('search_path', 'public', false)",
  "set standard_conforming_strings = off",
  "set standard_conforming_strings = on",
  "set datestyle = 'ISO'",
  "set nothing.such = 1",
  "set nothing_such = 1",
  "select current_setting('search_path')",
  "show search_path",
  "select own(1)",
  "select own(0)",
  "select change_path()",
  "prepare a as select 1",
  "prepare a(int) as select $1",
  "prepare b as select 1/0",
  "prepare a as select 1; execute a",
  "execute a",
  "execute b",
  "execute a(1)",
  "deallocate a",
  "deallocate all",
  "discard plans",
  "declare a cursor for select generate_series(1, 5)",
  "declare a cursor with hold for select generate_series(1, 5)",
  "declare b cursor for select 1 / (3 - n) from generate_series(1, 5) n",
  "fetch 2 from a",
  "fetch all from b",
  "move 1 from a",
  "close a",
  "close all",
  "copy t from stdin",
  "copy t from stdin; select 1",
  "copy t from stdin; copy t from stdin",
  "copy t to stdout",
  "copy (select 1/0) to stdout",
  "copy nowhere from stdin",
  "listen here",
  "notify here, 'said'",
  "unlisten *",
  "do $$ begin raise notice 'said'; end $$",
  "do $$ begin raise exception 'said' using errcode = 'XX999'; end $$",
  "explain (costs off) select 1",
  "create temp table u (n int)",
  "drop table u",
  `select '${REFUSED}'`,
  `select 1; select '${REFUSED}'`,
  `prepare b as select '${REFUSED}'`,
  `copy (select '${REFUSED}') to stdout`,
];

const DATA = ["1\n", "2\n3\n", "x\n", "1", "\n", "", "\\.\n", "4\t5\n"] as const;

type Idiom = (random: Random) => Step[];

const name = (random: Random) => random.pick(NAMES);
const text = (random: Random) => random.pick(TEXTS);
const values = (random: Random): (string | null)[] => {
  const list: (string | null)[] = [];
  while (random.chance(0.3)) list.push(random.pick(["1", "x", null, ""]));
  return list;
};
const rows = (random: Random) => random.pick([0, 0, 1, 2, -1]);
const end = (random: Random): Step[] =>
  random.pick<Step[]>([[["sync"]], [["sync"]], [["flush"]], [], [["sync"], ["pause"]]]);

const copied: Idiom = (random) => {
  const steps: Step[] = [];
  while (random.chance(0.6)) steps.push(["copy-data", random.pick(DATA)]);
  if (random.chance(0.1)) steps.push(random.pick<Step>([["flush"], ["sync"]]));
  steps.push(random.chance(0.7) ? ["copy-done"] : ["copy-fail", "enough"]);
  return steps;
};

/** What clients do, whole. */
const IDIOMS: readonly [Idiom, ...Idiom[]] = [
  (random) => [["query", text(random)]],
  (random) => [["query", text(random)], ["pause"]],
  (random) => {
    const [statement, portal] = [name(random), name(random)];
    const steps: Step[] = [
      ["parse", statement, text(random)],
      ["bind", portal, statement, ...values(random)],
    ];
    if (random.chance(0.3)) steps.splice(1, 0, ["describe", "S", statement]);
    if (random.chance(0.4)) steps.push(["describe", "P", portal]);
    return [...steps, ["execute", portal, rows(random)], ...end(random)];
  },
  (random) => {
    const statement = name(random);
    return [["parse", statement, text(random)], ["describe", "S", statement], ...end(random)];
  },
  (random) => [
    ["bind", name(random), name(random), ...values(random)],
    ["execute", name(random), rows(random)],
    ...end(random),
  ],
  (random) => {
    const portal = name(random);
    const steps: Step[] = [
      ["parse", "", "select generate_series(1, 5)"],
      ["bind", portal, ""],
    ];
    for (let times = random.below(4); times >= 0; times--) steps.push(["execute", portal, 2]);
    return [...steps, ["close", "P", portal], ...end(random)];
  },
  (random) => [["query", random.pick(["copy t from stdin", "copy nowhere from stdin"])], ...copied(random)],
  (random) => [
    ["parse", "", "copy t from stdin"],
    ["bind", "", ""],
    ["execute", "", 0],
    ...end(random),
    ...copied(random),
    ...end(random),
  ],
];

/** Messages that may be broken. Not a call: some of PostgreSQL's internal functions bring the server down. */
const BREAKABLE: readonly [Idiom, ...Idiom[]] = [
  (random) => [["parse", name(random), text(random)]],
  (random) => [["bind", name(random), name(random), ...values(random)]],
  (random) => [["describe", random.pick(["S", "P"]), name(random)]],
  (random) => [["close", random.pick(["S", "P"]), name(random)]],
  (random) => [["execute", name(random), rows(random)]],
  () => [["sync"]],
  () => [["flush"]],
  () => [["pause"]],
  (random) => [["copy-data", random.pick(DATA)]],
  () => [["copy-done"]],
  () => [["copy-fail", "enough"]],
];

/** By an object id of no function, or of one that says what it does not like. */
const CALL: Idiom = (random) => [["call", random.pick([0, 964, 4_000_000_000]), ...values(random)]];

/** Any message at any place. */
const MESSAGES: readonly [Idiom, ...Idiom[]] = [...BREAKABLE, CALL];

/** Something that breaks the protocol: a valid message with its bytes changed, cut or lengthened. */
const broken: Idiom = (random) => {
  const [step] = random.pick(BREAKABLE)(random);
  const bytes = Buffer.from(step === undefined || step[0] === "pause" ? encode(["sync"]) : encode(step));
  switch (random.below(5)) {
    case 0:
      bytes[5 + random.below(Math.max(bytes.length - 5, 1))] = random.below(256);
      return [["raw", bytes.toString("hex")]];
    case 1: {
      const cut = bytes.subarray(0, 5 + random.below(Math.max(bytes.length - 5, 1)));
      cut.writeInt32BE(cut.length - 1, 1);
      return [["raw", cut.toString("hex")]];
    }
    case 2: {
      const longer = Buffer.concat([bytes, random.bytes(1 + random.below(3))]);
      longer.writeInt32BE(longer.length - 1, 1);
      return [["raw", longer.toString("hex")]];
    }
    case 3:
      return [["raw", random.pick(["2100000004", "5100000003", "53ffffffff", "5000000000", "00000000"])]];
    default:
      bytes[0] = random.below(256);
      return [["raw", bytes.toString("hex")]];
  }
};

export interface Mix {
  /** How many idioms or messages a conversation has, at the most. */
  readonly length: number;
  /** The part of them that stands at any place, and the part that breaks the protocol. */
  readonly stray: number;
  readonly broken: number;
}

/** A conversation, and no other for the same random numbers. */
export function conversation(random: Random, mix: Mix): Step[] {
  const steps: Step[] = [];
  for (let left = 1 + random.below(mix.length); left > 0; left--) {
    if (random.chance(mix.broken)) steps.push(...broken(random));
    else if (random.chance(mix.stray)) steps.push(...random.pick(MESSAGES)(random));
    else steps.push(...random.pick(IDIOMS)(random));
  }
  if (random.chance(0.05)) steps.splice(random.below(steps.length), 0, ["terminate"]);
  return steps;
}
