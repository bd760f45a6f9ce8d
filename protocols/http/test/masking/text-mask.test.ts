import { mock } from "node:test";
import t from "tap";
import { fromCharset } from "../../src/masking/charset.ts";
import type { Sink } from "../../src/masking/sink.ts";
import { TextMask } from "../../src/masking/text-mask.ts";
import { hideBrackets } from "./brackets.ts";
import { detecting } from "./detecting.ts";
import { CANARY, contacts } from "./masks.ts";
import { Collected, inPieces, malformed, pour, through } from "./support.ts";

const terms = { values: detecting, masks: [contacts], keep: "lines" } as const;
const masked = (next: Sink) => new TextMask(terms, next);
const brackets = (next: Sink) =>
  new TextMask({ values: hideBrackets, masks: [contacts], keep: "beginnings" }, next);

t.test("a value is hidden wherever the text is cut, and no character is cut in two", async (t) => {
  const text = Buffer.from(`Zoë 🌍 schrieb an ${CANARY}, größer als ${CANARY}.\nund 日本 an ${CANARY}`);
  const expected = (await through(masked, [text])).toString();
  t.notMatch(expected, /anna|keller/);
  t.match(expected, /^Zoë 🌍 schrieb an .*\nund 日本 an /);
  for (let at = 0; at <= text.length; at++) {
    const out = await through(masked, [text.subarray(0, at), text.subarray(at)]);
    t.equal(out.toString(), expected, `cut at ${at}`);
  }
  for (const size of [1, 2, 3, 5, 16]) {
    t.equal((await through(masked, inPieces(text, size))).toString(), expected, `by ${size}`);
  }
});

t.test("what is kept back goes on after a while, though nothing follows", async (t) => {
  mock.timers.enable({ apis: ["setTimeout", "setImmediate"] });
  t.teardown(() => mock.timers.reset());
  const next = new Collected();
  const sink = brackets(next);
  void sink.write([Buffer.from("one <tw")]);
  t.equal(next.text, "one ");
  mock.timers.tick(199);
  t.equal(next.text, "one ");
  mock.timers.tick(2);
  t.equal(next.text, "one <tw");
  void sink.write([Buffer.from(" and <three> <fo")]);
  t.equal(next.text, "one <tw and *** ");
  mock.timers.tick(150);
  void sink.write([Buffer.from("ur> <fi")]);
  t.equal(next.text, "one <tw and *** *** ", "a step forward");
  mock.timers.tick(150);
  t.equal(next.text, "one <tw and *** *** ", "and the time begins anew");
  void sink.end();
  t.equal(next.text, "one <tw and *** *** <fi");
  mock.timers.tick(1000);
  t.same([next.pieces.length, next.ended], [5, 1]);
});

t.test("while the client takes nothing, the time does not count", async (t) => {
  mock.timers.enable({ apis: ["setTimeout", "setImmediate"] });
  t.teardown(() => mock.timers.reset());
  const next = new Collected();
  const room = Promise.withResolvers<void>();
  const sink = brackets(next);
  next.room = room.promise;
  const writing = sink.write([Buffer.from("one <tw")]);
  mock.timers.tick(1000);
  t.equal(next.text, "one ", "the rest of it may be there, and is not read");
  next.room = undefined;
  room.resolve();
  await writing;
  mock.timers.tick(199);
  t.equal(next.text, "one ");
  await sink.write([Buffer.from("o> <thr")]);
  t.equal(next.text, "one *** ");
  mock.timers.tick(201);
  t.equal(next.text, "one *** <thr", "it counts again");
});

t.test("given up, it lets nothing out", async (t) => {
  mock.timers.enable({ apis: ["setTimeout", "setImmediate"] });
  t.teardown(() => mock.timers.reset());
  const next = new Collected();
  const sink = brackets(next);
  void sink.write([Buffer.from("one <two")]);
  sink.abort();
  mock.timers.tick(1000);
  t.equal(next.text, "one ");
  t.same([next.ended, next.aborted], [0, 1]);
  t.throws(() => sink.write([Buffer.from(">")]), malformed);
});

t.test("what the time lets out takes its turn, and its failure is told to who comes next", async (t) => {
  mock.timers.enable({ apis: ["setTimeout", "setImmediate"] });
  t.teardown(() => mock.timers.reset());
  const next = new Collected();
  const room = Promise.withResolvers<void>();
  const sink = brackets(next);
  void sink.write([Buffer.from("<one")]);
  next.room = room.promise;
  mock.timers.tick(201);
  const writing = sink.write([Buffer.from(" <two")]);
  t.equal(next.text, "<one", "it waits for room");
  next.room = undefined;
  room.resolve();
  await writing;
  const failed = Promise.withResolvers<void>();
  next.room = failed.promise;
  mock.timers.tick(201);
  const gone = new Error("gone");
  failed.reject(gone);
  await t.rejects(async () => sink.write([Buffer.from("more")]), gone);
  t.throws(() => sink.end(), gone);
});

t.test("what clients read as UTF-16, and zeros, are no text", async (t) => {
  for (const label of ["utf16le", "utf8"] as const) {
    const bytes = Buffer.from(label === "utf8" ? `a\0${CANARY}` : `\ufeff${CANARY}`, label);
    for (const size of [1, 2, bytes.length]) {
      const next = new Collected();
      await t.rejects(async () => pour(inPieces(bytes, size), masked(next)), malformed, label);
      t.notMatch(next.text, /anna/);
    }
  }
  const swapped = Buffer.from(`\ufeffZ${CANARY}`, "utf16le").swap16();
  await t.rejects(async () => pour([swapped], masked(new Collected())), malformed);
});

t.test("other charsets become UTF-8 before they are looked into", async (t) => {
  const text = `größer: ${CANARY}`;
  const expected = (await through(masked, [Buffer.from(text)])).toString();
  const charsets = [
    ["ISO-8859-1", Buffer.from(text, "latin1")],
    ["windows-1252", Buffer.from(text, "latin1")],
    ["utf-16le", Buffer.from(text, "utf16le")],
    ["utf-16", Buffer.from(`\ufeff${text}`, "utf16le")],
    ["utf-16be", Buffer.from(text, "utf16le").swap16()],
    ["UTF-8", Buffer.from(text)],
  ] as const;
  for (const [charset, bytes] of charsets) {
    for (const size of [1, 3, bytes.length]) {
      const out = await through(
        (next) => {
          const sink = fromCharset(charset, masked(next));
          if (sink === undefined) throw new Error(`${charset} is not known`);
          return sink;
        },
        inPieces(bytes, size),
      );
      t.equal(out.toString(), expected, `${charset} by ${size}`);
    }
  }
  for (const charset of ["utf-7", "utf-32", "x-nobodys", "replacement"]) {
    t.equal(fromCharset(charset, new Collected()), undefined, charset);
  }
});

t.test("what is not of its charset is broken off", async (t) => {
  const sink = fromCharset("utf-16le", new Collected());
  if (sink === undefined) throw new Error("not known");
  await t.rejects(async () => pour([Buffer.from([0x00, 0xd8, 0x41, 0x00])], sink), malformed);
  const odd = fromCharset("utf-16le", new Collected());
  if (odd === undefined) throw new Error("not known");
  await t.rejects(async () => pour([Buffer.from("abc")], odd), malformed);
});
