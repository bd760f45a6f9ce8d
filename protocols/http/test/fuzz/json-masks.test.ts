import { Random } from "@gatehouse/testkit";
import t from "tap";
import { JsonMasks } from "../../src/masking/json-masks.ts";
import { JsonStream } from "../../src/masking/json-stream.ts";
import { maskOf } from "../masking/masks.ts";
import { addresses, sampleValues } from "../masking/sample-values.ts";

const ROUNDS = 3000;
const SEED = 20_261_122;

const NAMES = ["a", "b", "email", "0", "", "é", "x y", "anna@example.com"] as const;
const TEXTS = [
  "",
  "x",
  "anna@example.com",
  "to anna@example.com.",
  'q"\\/\n',
  "é€😀",
  "4111111111111111",
  "\ud83d",
] as const;
const NUMBERS = ["0", "-1", "12.50", "1e3", "4111111111111111", "-0.0E-2"] as const;
const STEPS = [
  ".a",
  ".email",
  "..b",
  "[*]",
  "[0]",
  "..*",
  "['x y']",
  "..[1]",
  "['é']",
  "..email",
  "['0']",
] as const;

/** A text with what stands in it made of the same choices, written in one of many ways. */
function written(random: Random, depth: number): string {
  const blank = () => random.pick(["", "", "", " ", "\n\t", "\r\n"]);
  const kind = depth > 4 ? random.below(3) : random.below(6);
  const among = (count: number, one: (number: number) => string) =>
    Array.from({ length: count }, (_, number) => `${blank()}${one(number)}${blank()}`).join(",");
  switch (kind) {
    case 0:
      return random.pick(NUMBERS);
    case 1:
      return random.pick(["true", "false", "null"]);
    case 2:
      return quoted(random, random.pick(TEXTS));
    case 3:
      return `[${random.chance(0.1) ? blank() : among(random.below(4), () => written(random, depth + 1))}]`;
    default: {
      const names = NAMES.filter(() => random.chance(0.4));
      const members = (number: number) =>
        `${quoted(random, names[number] ?? "")}${blank()}:${blank()}${written(random, depth + 1)}`;
      return `{${names.length === 0 ? blank() : among(names.length, members)}}`;
    }
  }
}

function quoted(random: Random, text: string): string {
  const characters = JSON.stringify(text)
    .slice(1, -1)
    .match(/\\u....|\\.|[\s\S]/gu);
  const escaped = (one: string) =>
    one
      .split("")
      .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
      .join("");
  const some = (one: string) => (!one.startsWith("\\") && random.chance(0.1) ? escaped(one) : one);
  return `"${(characters ?? []).map(some).join("")}"`;
}

/** The same rules, put on what JSON.parse makes of it. */
function expected(value: unknown, at: readonly (string | number)[], paths: readonly string[]): unknown {
  if (paths.some((path) => leads(path, at))) return value === null ? null : "[redacted]";
  if (Array.isArray(value)) return value.map((item: unknown, index) => expected(item, [...at, index], paths));
  if (typeof value === "object" && value !== null) {
    const members: [string, unknown][] = Object.entries(value).map(([name, member]: [string, unknown]) => [
      hidden(name),
      expected(member, [...at, name], paths),
    ]);
    return Object.fromEntries<unknown>(members);
  }
  if (typeof value === "string") return hidden(value);
  return typeof value === "number" && hidden(String(value)) !== String(value) ? hidden(String(value)) : value;
}

const hide = sampleValues.detectors([addresses]);
const hidden = (text: string): string => hide(text) ?? "";

/** By an expression over a place that is written as a text. */
function leads(path: string, at: readonly (string | number)[]): boolean {
  const place = at.map((key) => `/${typeof key === "number" ? "#" : "."}${key}`).join("");
  const steps = path.slice(1).match(/(\.\.|\.)?(\[[^\]]*\]|\*|[a-z]+)/g) ?? [];
  const pattern = steps.map((step) => {
    const [, dots, word = ""] = /^(\.*)(.*)$/.exec(step) ?? [];
    const key = /^\[\d/.test(word) ? `#${word.slice(1, -1)}` : `.${word.replace(/^\['|'\]$/g, "")}`;
    const any = word === "*" || word === "[*]";
    return `${dots === ".." ? "(?:/[^/]*)*" : ""}/${any ? "[^/]*" : key.replace(".", String.raw`\.`)}`;
  });
  return new RegExp(`^${pattern.join("")}$`).test(place);
}

t.test("however a text is written and cut, it is masked as what it says", (t) => {
  let changed = 0;
  for (let seed = SEED; seed < SEED + ROUNDS; seed++) {
    const random = new Random(seed);
    const text = written(random, 0);
    const paths = Array.from({ length: random.below(3) }, () => {
      return `$${Array.from({ length: 1 + random.below(3) }, () => random.pick(STEPS)).join("")}`;
    });
    const masks = new JsonMasks([maskOf({ fields: paths }), addresses], sampleValues);
    const run = (pieces: readonly Buffer[]) => {
      const out: Buffer[] = [];
      const take = (content: readonly Buffer[]): undefined => {
        out.push(...content);
      };
      const next = {
        write: (content: readonly Buffer[]) => take(content),
        end: () => undefined,
        abort: () => undefined,
      };
      const stream = new JsonStream(masks, "one", next);
      for (const piece of pieces) void stream.write([piece]);
      void stream.end();
      return Buffer.concat(out).toString("utf8");
    };
    const whole = run([Buffer.from(text)]);
    const cut = run(random.split(Buffer.from(text), random.pick([1, 5, 200])));
    const wanted = JSON.stringify(expected(JSON.parse(text), [], paths));
    const said = JSON.stringify(JSON.parse(whole));
    if (said !== wanted || cut !== whole) t.fail(`seed ${seed}`, { text, paths, whole, cut, wanted });
    if (whole !== text) changed++;
    else if (wanted !== JSON.stringify(JSON.parse(text))) t.fail(`seed ${seed}: nothing was hidden`);
  }
  t.ok(changed > ROUNDS / 4 && changed < ROUNDS, `${changed} of ${ROUNDS} were changed`);
  t.end();
});
