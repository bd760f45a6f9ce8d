import { detectorRegistry } from "@gatehouse/masking";
import t from "tap";
import { Placeholders } from "../../src/masking/placeholders.ts";
import type { Restore } from "../../src/masking/restore.ts";
import { CANARY } from "./masks.ts";
import { inPieces } from "./support.ts";

function streamed(restore: Restore, pieces: readonly Buffer[]): string {
  const stream = restore.stream();
  const out = pieces.flatMap((piece) => [...stream.write(piece)]);
  return Buffer.concat([...out, ...stream.flush()]).toString("utf8");
}

function restoreOf(placeholders: Placeholders): Restore {
  const { restore } = placeholders;
  if (restore === undefined) throw new Error("there is nothing to put back");
  return restore;
}

t.test("a value has one placeholder in a request, and another one in the next", (t) => {
  const placeholders = new Placeholders();
  const first = placeholders.of(CANARY, ["pii.email", "pii.phone"]);
  t.match(first, /^\[email-1-[a-z]{6}\]$/);
  t.equal(placeholders.of(CANARY, ["pii.phone"]), first);
  t.match(placeholders.of("b@example.com", ["pii.email"]), /^\[email-2-[a-z]{6}\]$/);
  t.match(placeholders.of("1", ["pii.us_ssn"]), /^\[usssn-1-/);
  t.match(placeholders.of("2", ["custom.9-9"]), /^\[value-1-/);
  t.not(new Placeholders().of(CANARY, ["pii.email"]), first);
  t.end();
});

t.test("a placeholder is nothing that a detector finds", (t) => {
  const made = detectorRegistry();
  const selection = made.ok ? made.registry.select(["pii.*", "secret.*"]) : made;
  if (!selection.ok) throw new Error("no detectors");
  const { scanner } = selection;
  const placeholders = new Placeholders();
  for (let number = 0; number < 300; number++) {
    const name = scanner.detectors[number % scanner.detectors.length] ?? "";
    const text = placeholders.of(String(number), [name]);
    for (const one of [text, `${text}${text}`, `a${text}@example.com`.slice(0, -12)]) {
      t.same(scanner.find(one), [], one);
    }
  }
  t.end();
});

t.test("what was taken out is put back wherever a text is cut, and nothing else is touched", (t) => {
  const placeholders = new Placeholders();
  const email = placeholders.of(CANARY, ["pii.email"]);
  const name = placeholders.of("Zoë 🌍", ["field"]);
  const restore = restoreOf(placeholders);
  const other = new Placeholders().of(CANARY, ["pii.email"]);
  const unknown = email.replace("-1-", "-7-");
  const text = `[${email}] ö [[email ${name}${name}, ${other} [email-1] ${unknown} [1,2] ${email.slice(0, -1)}`;
  const expected = `[${CANARY}] ö [[email Zoë 🌍Zoë 🌍, ${other} [email-1] ${unknown} [1,2] ${email.slice(0, -1)}`;
  t.equal(restore.whole(text), expected);
  const bytes = Buffer.from(text);
  for (let at = 0; at <= bytes.length; at++) {
    t.equal(streamed(restore, [bytes.subarray(0, at), bytes.subarray(at)]), expected, `cut at ${at}`);
  }
  for (const size of [1, 2, 3, 7]) t.equal(streamed(restore, inPieces(bytes, size)), expected, `by ${size}`);
  t.end();
});

t.test("only what can be the beginning of a placeholder is kept back, and it is told how much", (t) => {
  const placeholders = new Placeholders();
  const email = placeholders.of(CANARY, ["pii.email"]);
  const stream = restoreOf(placeholders).stream();
  const write = (text: string) => Buffer.concat([...stream.write(Buffer.from(text))]).toString();
  t.same([write("a [x"), stream.pending, stream.kept], ["a [x", false, 0]);
  t.same([write(`b ${email.slice(0, 5)}`), stream.pending, stream.kept], ["b ", true, 5]);
  t.same([write(`${email.slice(5)}.`), stream.pending, stream.kept], [`${CANARY}.`, false, 0]);
  t.same([write("["), stream.kept], ["", 1]);
  t.same([write("["), stream.kept], ["[", 1]);
  t.equal(Buffer.concat([...stream.flush()]).toString(), "[");
  t.same([stream.pending, stream.kept], [false, 0]);
  t.end();
});

t.test("what is written otherwise within a string of JSON, or is long, is not put back", (t) => {
  for (const value of ['a "b"', "a\\b", "two\nlines", "\ud83d", "x".repeat(1025)]) {
    const placeholders = new Placeholders();
    placeholders.of(value, ["field"]);
    t.equal(placeholders.restore, undefined, JSON.stringify(value.slice(0, 10)));
  }
  t.equal(new Placeholders().restore, undefined);
  t.end();
});
