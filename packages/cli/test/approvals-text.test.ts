import t from "tap";
import { fitted, lengthOfTime, visible, visibleJson, wrapped } from "../src/approvals-text.ts";

/** What moves a cursor, hides, or turns the order of letters around. */
const painters = [
  "\x1b[2J\x1b[H",
  "\x1b]0;title\x07",
  "\r",
  "\b",
  "\x7f",
  "\x9b2J",
  "\u202e",
  "\u2066",
  "\u200f",
  "\u200b",
  "\u00ad",
  "\u2028",
  "\u00a0",
  "\u3164",
  "\u2800",
  "\ufe0f",
  "\u{e0041}",
  "\ud800",
];

t.test("what can't be seen is seen, and nothing of it is left", (t) => {
  for (const painter of painters) {
    const shown = visible(`a${painter}b`);
    t.match(shown, /^a(?:<U\+[0-9A-F]{4,6}>|[ -~])+b$/, Buffer.from(painter, "utf16le").toString("hex"));
  }
  t.equal(visible("a\u202eb"), "a<U+202E>b");
  t.equal(
    visible("Grüße, 漢字, שלום, 🙂, e\u0301"),
    "Grüße, 漢字, שלום, 🙂, e\u0301",
    "what people write stays",
  );
  t.equal(
    visible(`e${"\u0301".repeat(4)}`),
    "e\u0301\u0301<U+0301><U+0301>",
    "marks don't reach other lines",
  );
  t.end();
});

t.test("in JSON it is escaped, and means the same", (t) => {
  const value = { text: painters.filter((painter) => painter !== "\ud800").join("a\n") };
  for (const indent of [0, 2]) {
    const json = visibleJson(value, indent);
    t.notMatch(json, /[^\x20-\x7e\n]/);
    t.strictSame(JSON.parse(json), value);
  }
  t.notMatch(visibleJson({ a: "1\n2" }, 0), /\n/);
  t.end();
});

t.test("no line is wider than it may be, also where letters are wide or stand for others", (t) => {
  const text = `${"x".repeat(95)}\n${"漢".repeat(50)}\n\t${"\u202e".repeat(30)}\r\n${"e\u0301".repeat(30)}`;
  for (const width of [10, 33, 80]) {
    for (const line of wrapped(text, width)) {
      const letters = line.replace(/\p{M}/gu, "");
      const columns = letters.length + letters.replace(/[ -~]/g, "").length;
      t.ok(columns <= width, line);
    }
  }
  t.equal(wrapped("x".repeat(95), 33).join(""), "x".repeat(95), "nothing is lost");
  t.strictSame(wrapped("a\r\n\n  b", 10), ["a", "", "  b"]);
  t.end();
});

t.test("a cell is one line, cut where it is too long", (t) => {
  t.strictSame(fitted("  a\n\t b "), { shown: "a b", width: 3 });
  t.strictSame(fitted("abcdefghij", 10), { shown: "abcdefghij", width: 10 });
  t.strictSame(fitted("abcdefghijk", 10), { shown: "abcdefgh…", width: 9 });
  t.equal(fitted("ab\u202ecdefghijk", 10).shown, "ab…", "an escape is whole or not there");
  t.end();
});

t.test("a length of time has its two largest units", (t) => {
  t.equal(lengthOfTime(-5), "0s");
  t.equal(lengthOfTime(8_900), "8s");
  t.equal(lengthOfTime(581_000), "9m 41s");
  t.equal(lengthOfTime(600_000), "10m");
  t.equal(lengthOfTime(3 * 86_400_000 + 3_600_000), "3d 1h");
  t.end();
});
