import t from "tap";
import { compileTransform, maskingKey, maskingStream } from "../../src/index.ts";
import { randomFrom, scanner } from "../texts.ts";

const redact = compileTransform({ kind: "redact" }, maskingKey(Buffer.alloc(32, 1)));
const all = scanner();
const CARD = "4111 1111 1111 1111";
const HIDDEN = "[redacted]";

function masked(chunks: readonly (Buffer | string)[]): string {
  const stream = maskingStream(all, redact, { terminal: true });
  const out = chunks.flatMap((chunk) => stream.write(Buffer.from(chunk)));
  return Buffer.concat([...out, ...stream.flush()]).toString();
}

const SEQUENCES = {
  bold: "\x1b[1m",
  colour: "\x1b[38;2;1;2;3m",
  "colour in one character": "\u009b1m",
  "a hidden cursor": "\x1b[?25l",
  "an erased line": "\x1b[K",
  "a title": "\x1b]0;some title\x07",
  "a link": "\x1b]8;;https://example.com\x1b\\",
  "a device's string": "\x1bPq#1\x1b\\",
  "a character set": "\x1b(B",
  "a keypad's mode": "\x1b=",
  bell: "\x07",
  nul: "\x00",
  "shift out": "\x0e",
  "carriage return": "\r",
  "a line editor's wrap": " \r",
};

t.test("a sequence anywhere in a value does not hide it, and stays", async (t) => {
  for (const [name, sequence] of Object.entries(SEQUENCES)) {
    for (let at = 1; at < CARD.length; at++) {
      const text = `pay ${CARD.slice(0, at)}${sequence}${CARD.slice(at)} now\r\n`;
      // The blank of a wrap can be the value's own.
      const actual = masked([text]).replace(" \r", "\r");
      const expected = `pay ${HIDDEN}${sequence} now\r\n`.replace(" \r", "\r");
      if (actual !== expected) t.fail(`${name} at ${at}: ${JSON.stringify(actual)}`);
    }
  }
});

t.test("wherever the bytes are cut, sequences and characters too", async (t) => {
  for (const text of [
    `\x1b[1mpäy ${CARD.slice(0, 7)}\x1b]0;title\x07${CARD.slice(7)}\x1b[0m nöw\r\n`,
    `x ada\x1b[31m.l\u00f6v@\x1b(Bexample.com\x1b[0m\r\nnext\r\n`,
    `${CARD.slice(0, 4)}\x1b[C${CARD.slice(5)}\r\n`,
  ]) {
    const bytes = Buffer.from(text);
    const expected = masked([bytes]);
    t.match(expected, HIDDEN);
    for (let at = 0; at <= bytes.length; at++) {
      const cut = masked([bytes.subarray(0, at), bytes.subarray(at)]);
      if (cut !== expected) t.fail(`at ${at}: ${JSON.stringify(cut)}`);
    }
    t.equal(masked([...bytes].map((byte) => Buffer.from([byte]))), expected);
  }
});

t.test("moves of the cursor stand for blanks, and between words", async (t) => {
  t.equal(masked([CARD.replaceAll(" ", "\x1b[C")]), `${HIDDEN}\x1b[C\x1b[C\x1b[C`);
  t.equal(masked([`name\x1b[5C4111111111111111\x1b[2;1Hfoo`]), `name\x1b[5C${HIDDEN}\x1b[2;1Hfoo`);
  t.equal(masked([`10%\r4111111111111111\rdone\r\n`]), `10%\r${HIDDEN}\rdone\r\n`);
});

t.test("what a backspace goes back over is hidden with what stands there then", async (t) => {
  const bold = Array.from(CARD)
    .map((letter) => `${letter}\b${letter}`)
    .join("");
  t.equal(masked([`man ${bold}\r\n`]), `man ${HIDDEN}\r\n`);
  t.equal(masked([`4111 11x\b \b11 1111 1111\r\n`]), `${HIDDEN}\r\n`, "a typing error that was mended");
  const over = masked([`${CARD}${"\b".repeat(19)}${"x".repeat(19)}\r\n`]);
  t.notMatch(over, /4111|1111/, "what is shown for a moment is shown");
});

t.test("titles, links and strings are looked into", async (t) => {
  t.equal(masked([`\x1b]0;ada@example.com\x07$ `]), `\x1b]0;${HIDDEN}\x07$ `);
  t.equal(masked([`\x1b]8;;mailto:ada@example.com\x1b\\x`]), `\x1b]8;;mailto:${HIDDEN}\x1b\\x`);
  t.equal(masked([`\x1b]0;never ends ${CARD}`]), `\x1b]0;never ends ${HIDDEN}`);
  const long = `\x1b]0;${"lorem ipsum ".repeat(500)} ${CARD}\n`;
  t.equal(masked([long]), long.replace(CARD, HIDDEN));
});

t.test("without a terminal sequences are bytes as others", async (t) => {
  const stream = maskingStream(all, redact, { terminal: false });
  const text = `4111 1111\x1b[1m 1111 1111 \r\n`;
  t.equal(Buffer.concat([...stream.write(Buffer.from(text)), ...stream.flush()]).toString(), text);
});

t.test("no byte is lost, or comes twice, whatever it is", async (t) => {
  const random = randomFrom(99);
  const nothing = scanner({}, "secret.jwt");
  const parts = [
    ...Object.values(SEQUENCES),
    "\x1b",
    "\x1b[",
    "\x1b]",
    "\b",
    "\r",
    "\n",
    "\r\n",
    "ä",
    "\xff",
    "x",
    "\u0090",
    " ",
  ];
  for (let round = 0; round < 300; round++) {
    const bytes = Buffer.from(
      Array.from({ length: random(60) }, () => parts[random(parts.length)] ?? "").join(""),
      random(2) ? "latin1" : "utf8",
    );
    const stream = maskingStream(nothing, redact, { terminal: true });
    const out: Buffer[] = [];
    for (let at = 0; at < bytes.length; ) {
      const size = 1 + random(20);
      out.push(...stream.write(bytes.subarray(at, at + size)));
      if (random(3) === 0) out.push(...stream.flush());
      at += size;
    }
    out.push(...stream.flush());
    if (!Buffer.concat(out).equals(bytes)) t.fail(JSON.stringify(bytes.toString("latin1")));
  }
});

t.test("a shell's echo that comes a letter at a time is remembered", async (t) => {
  const stream = maskingStream(all, redact, { terminal: true });
  const out = [...Array.from(`4111\x1b[1m 1111 1111 1111`), "\r\n"].flatMap((letter) => [
    ...stream.write(Buffer.from(letter)),
    ...stream.flush(),
  ]);
  t.equal(Buffer.concat(out).toString(), `4111\x1b[1m 1111 1111 111${HIDDEN}\r\n`);
});
