import type { Transform } from "@gatehouse/core";
import t from "tap";
import { compileTransform, maskingKey, REDACTED } from "../src/index.ts";
import { anyText, randomFrom, scanner, values } from "./texts.ts";

const key = maskingKey(Buffer.alloc(32, 1));
const whole: readonly Transform[] = [
  { kind: "redact" },
  { kind: "hash" },
  { kind: "constant", value: "<hidden>" },
];
const partial: readonly Transform[] = (["email", "card", "phone", "text"] as const).map((of) => ({
  kind: "partial",
  of,
}));
t.test("nothing is found in a text that was masked, and masking it again changes nothing", async (t) => {
  const random = randomFrom(20261121);
  const all = scanner();
  const wrong: unknown[] = [];
  let hidden = 0;
  for (let round = 0; round < 300; round++) {
    const text = anyText(random);
    const spans = all.find(text);
    hidden += spans.length;
    for (const transform of whole) {
      const compiled = compileTransform(transform, key);
      const once = all.mask(text, compiled).text ?? "";
      const twice = all.mask(once, compiled).text;
      if (twice !== once) wrong.push({ transform, text, once, twice });
    }
  }
  t.same(wrong.slice(0, 3), []);
  t.ok(hidden > 300, "the samples are found");
});

t.test("what a partial transform leaves of a value is not found again", async (t) => {
  const all = scanner();
  for (const transform of partial) {
    const compiled = compileTransform(transform, key);
    for (const value of values) {
      const once = all.mask(`see ${value} here`, compiled).text ?? "";
      t.equal(all.mask(once, compiled).text, once, once.slice(0, 60));
    }
  }
});

t.test("what is found is in order, does not overlap, and all beside it stays as it is", async (t) => {
  const random = randomFrom(7);
  const all = scanner();
  for (let round = 0; round < 300; round++) {
    const text = anyText(random);
    const spans = all.find(text);
    let end = 0;
    let expected = "";
    for (const span of spans) {
      if (span.start < end || span.end <= span.start || span.end > text.length) t.fail(JSON.stringify(span));
      expected += `${text.slice(end, span.start)}<>`;
      end = span.end;
    }
    if (all.mask(text, () => "<>").text !== expected + text.slice(end)) t.fail(text);
  }
});

t.test("of several things in one text each is hidden for itself, and what touches as one", async (t) => {
  const all = scanner();
  const partly = compileTransform({ kind: "partial", of: "email" }, key);
  t.same(all.mask("ada@example.com, 4111111111111111", partly), {
    text: `a***@example.com, ${REDACTED}`,
    detectors: ["pii.email", "pii.card"],
  });
  t.same(all.find("postgres://u:hunter2@db.example.com/x"), [
    { start: 13, end: 35, detectors: ["pii.email", "secret.connection_string"] },
  ]);
  t.equal(
    all.mask("postgres://u:hunter2@db.example.com/x", partly).text,
    `postgres://u:${REDACTED}/x`,
    "and not as if it were one of them",
  );
});

t.test("a value in which something is found is NULL where the transform says so", async (t) => {
  const all = scanner();
  t.same(
    all.mask("mail ada@example.com", () => null),
    { text: null, detectors: ["pii.email"] },
  );
  t.same(
    all.mask("no mail", () => null),
    { text: "no mail", detectors: [] },
  );
  t.same(
    all.mask("", () => null),
    { text: "", detectors: [] },
  );
});

t.test("what is found does not depend on where in a long text it stands", async (t) => {
  const all = scanner();
  const value = "DE89 3704 0044 0532 0130 00";
  const lookAlike = "94111111111111111";
  for (let at = 1400; at < 2100; at++) {
    const text = `${" ".repeat(at)}${value}${" ".repeat(3000)}${lookAlike} `;
    const spans = all.find(text);
    if (spans.length !== 1 || spans[0]?.start !== at || spans[0].end !== at + value.length) {
      t.fail(`at ${at}: ${JSON.stringify(spans)}`);
    }
    const alone = all.find(`${" ".repeat(at)}${lookAlike}${" ".repeat(3000)}`);
    if (alone.length > 0) t.fail(`at ${at}: ${JSON.stringify(alone)}`);
  }
});

t.test("a text that is all of one value is masked to its last character", async (t) => {
  const all = scanner();
  const masked = all.mask("ada@example.com, ".repeat(3000), () => "***").text;
  t.equal(masked, "***, ".repeat(3000));
});

t.test("a match of the config's is found whole, however long it is", async (t) => {
  const one = scanner({ "custom.block": "(?s)BEGIN.*END" }, "custom.block");
  for (const filler of ["x".repeat(10_000), ` END ${"x".repeat(10_000)}`, "x"]) {
    t.equal(one.mask(`before BEGIN ${filler} END after`, () => "***").text, "before *** after");
  }
  t.same(one.find(`BEGIN ${"x".repeat(10_000)}`), []);
});

t.test("a text with more than can be kept apart is hidden whole", async (t) => {
  const one = scanner({ "custom.digit": "[0-9]" }, "custom.digit");
  t.equal(one.mask("1 ".repeat(2000), () => "*").text, "* ".repeat(2000));
  t.equal(one.mask("1 ".repeat(10_000), () => "*").text, "*");
  const all = scanner();
  t.equal(all.mask("a@b.co ".repeat(101_000), () => "*").text, "*");
  t.equal(all.mask(`ada@${"bbbb.".repeat(1000)}com is an address of a kind`, () => "*").text, "*");
});

t.test("texts that are made to be slow come to an end", async (t) => {
  const all = scanner();
  for (const piece of [
    "7",
    "a",
    "1 ",
    "eyJaaaaaaaa-",
    "eyJaaaaaaaa.",
    "-----BEGIN PRIVATE KEY-----",
    "4111111111111112 ",
    "DE89 ",
    "pwd=$1 ",
    "ab://c:d",
    '"',
    "a@",
    "+1 ",
  ]) {
    const text = piece.repeat(Math.ceil(100_000 / piece.length));
    t.ok((all.mask(text, () => "***").text ?? "").length <= text.length, piece);
  }
  const one = scanner({ "custom.all": "a(?:.*b)?" }, "custom.all");
  t.equal(one.mask("a".repeat(1_000_000), () => "***").text, "***");
});
