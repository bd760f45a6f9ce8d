import t from "tap";
import { compileTransform, maskingKey, maskingStream, type Scanner } from "../../src/index.ts";
import { anyText, randomFrom, scanner } from "../texts.ts";

const redact = compileTransform({ kind: "redact" }, maskingKey(Buffer.alloc(32, 1)));
const partialCard = compileTransform({ kind: "partial", of: "card" }, maskingKey(Buffer.alloc(32, 1)));
const CARD = "4111 1111 1111 1111";

function streamOf(of: Scanner, most?: number) {
  return maskingStream(of, redact, { terminal: false, ...(most === undefined ? {} : { most }) });
}

function masked(of: Scanner, chunks: readonly (Buffer | string)[], most?: number): string {
  const stream = streamOf(of, most);
  const out = chunks.flatMap((chunk) => stream.write(Buffer.from(chunk)));
  return Buffer.concat([...out, ...stream.flush()]).toString("latin1");
}

function wholeOf(of: Scanner, text: string): string {
  return Buffer.from(of.mask(text, redact).text ?? "").toString("latin1");
}

/** In lines, as output comes. */
function anyLines(random: (below: number) => number): string {
  const lines = Array.from({ length: 1 + random(6) }, () => anyText(random).slice(0, 1500));
  // A half of a pair has no UTF-8.
  return lines.join("\n").toWellFormed();
}

function cutAt(text: Buffer, places: readonly number[]): Buffer[] {
  const ends = [...places, text.length];
  return ends.map((end, number) => text.subarray(number === 0 ? 0 : ends[number - 1], end));
}

t.test("cut in two anywhere, a text is masked as it is in one piece", async (t) => {
  const all = scanner();
  for (const text of [
    `pay ${CARD} now\nör ada.löv@exämple.com, done\r\n`,
    'url postgres://u:hunter2@db.example.com/x\npassword =\n"two\nlines" and\nmore\n',
    "-----BEGIN PRIVATE KEY-----\nAAAABBBBCCCCDDDD\nEEEE\n-----END PRIVATE KEY-----\nfoo\n",
    `PASSWORD\n=x;\n y=1\nsecret_key\n:\n${"a1".repeat(20)}\n`,
    `\u{1f600}${CARD}\u{1f600}`,
  ]) {
    const bytes = Buffer.from(text);
    const expected = wholeOf(all, text);
    t.not(expected, bytes.toString("latin1"), "something is found");
    const wrong = [];
    for (let at = 0; at <= bytes.length; at++) {
      if (masked(all, cutAt(bytes, [at])) !== expected) wrong.push(at);
    }
    t.same(wrong, [], text);
    t.equal(masked(all, cutAt(bytes, [...bytes.keys()])), expected, "a byte at a time");
  }
});

t.test("texts of all sorts, cut anywhere, are masked as they are in one piece", async (t) => {
  const random = randomFrom(20261122);
  const all = scanner();
  let hidden = 0;
  const wrong = [];
  for (let round = 0; round < 120; round++) {
    const text = anyLines(random);
    const bytes = Buffer.from(text);
    const expected = wholeOf(all, text);
    if (expected !== bytes.toString("latin1")) hidden++;
    const places = Array.from({ length: random(6) }, () => random(bytes.length + 1)).sort((a, b) => a - b);
    const actual = masked(all, cutAt(bytes, places));
    if (actual !== expected) wrong.push({ text, places, expected, actual });
  }
  t.same(wrong.slice(0, 2), []);
  t.ok(hidden > 60);
});

t.test("with a config's patterns too, over lines as far as they promise", async (t) => {
  const random = randomFrom(5);
  const all = scanner({ "custom.badge": "B-[0-9]+", "custom.block": "<<(?s:.{0,60}?)>>" });
  const custom = scanner({ "custom.badge": "B-[0-9]+", "custom.block": "<<(?s:.{0,60}?)>>" }, "custom.*");
  for (const one of [all, custom]) {
    const wrong = [];
    for (let round = 0; round < 60; round++) {
      const text = Array.from(
        { length: 1 + random(20) },
        () =>
          [
            anyText(random).slice(0, 150),
            `B-${random(9999)}`,
            "<<a\nb",
            "c\n>>",
            "lorem ipsum ".repeat(random(80)),
          ][random(5)],
      )
        .join("\n")
        .toWellFormed();
      const bytes = Buffer.from(text);
      const places = Array.from({ length: random(6) }, () => random(bytes.length + 1)).sort((a, b) => a - b);
      const actual = masked(one, cutAt(bytes, places));
      if (actual !== wholeOf(one, text)) wrong.push({ text, places, actual, expected: wholeOf(one, text) });
    }
    t.same(wrong.slice(0, 1), []);
  }
});

t.test(
  "a line without an end is cut where nothing is found, and no more than so much is kept back",
  async (t) => {
    const all = scanner();
    const random = randomFrom(11);
    for (const most of [20_000, 64 * 1024]) {
      const words = Array.from({ length: 30_000 }, () =>
        random(300) === 0 ? `ada${random(999)}@example.com` : "lorem",
      );
      const text = words.join(" ");
      const stream = streamOf(all, most);
      let given = 0;
      let kept = 0;
      const out: Buffer[] = [];
      for (const chunk of cutAt(
        Buffer.from(text),
        Array.from({ length: 40 }, (_, i) => (i + 1) * 4001),
      )) {
        given += chunk.length;
        out.push(...stream.write(chunk));
        const plain = Buffer.concat(out)
          .toString()
          .replace(/\[redacted\]/g, "").length;
        kept = Math.max(kept, given - plain);
        if (!stream.pending) t.fail("the end of a line is kept");
      }
      out.push(...stream.flush());
      t.equal(Buffer.concat(out).toString(), text.replace(/ada\d+@example\.com/g, "[redacted]"));
      t.ok(kept <= most + 60 * 20, `${kept} of ${most}`);
    }
  },
);

t.test("bytes that are no UTF-8 pass as they are, beside what is hidden", async (t) => {
  const all = scanner();
  const text = Buffer.concat([
    Buffer.from([0xff, 0xc3]),
    Buffer.from(` ${CARD} `),
    Buffer.from([0xed, 0xa0, 0x80, 0xe2, 0x82, 0x0a]),
    Buffer.from("ada@example.com"),
    Buffer.from([0xf0, 0x9f]),
  ]);
  const expected = "\xff\xc3 [redacted] \xed\xa0\x80\xe2\x82\n[redacted]\xf0\x9f";
  for (let at = 0; at <= text.length; at++) t.equal(masked(all, cutAt(text, [at])), expected);
  const every = Buffer.from(Array.from({ length: 4096 }, (_, i) => (i * 167 + (i >> 8)) & 0xff));
  t.equal(masked(scanner({}, "secret.jwt"), [every]), every.toString("latin1"));
});

t.test("what is flushed is all that came but what is hidden: in order, nothing twice", async (t) => {
  const random = randomFrom(3);
  const nothing = scanner({}, "secret.jwt");
  for (let round = 0; round < 40; round++) {
    const bytes = Buffer.from(anyLines(random).replaceAll("eyJ", "eyj"));
    const stream = streamOf(nothing);
    const out: Buffer[] = [];
    for (let at = 0; at < bytes.length; ) {
      const size = 1 + random(200);
      out.push(...stream.write(bytes.subarray(at, at + size)));
      if (random(2) === 0) out.push(...stream.flush());
      at += size;
    }
    out.push(...stream.flush());
    t.equal(stream.pending, false);
    if (!Buffer.concat(out).equals(bytes)) t.fail(`round ${round}`);
  }
});

t.test("what was shown before the rest came is remembered, and the rest is hidden", async (t) => {
  const all = scanner();
  const slowly = (text: string, transform = redact) => {
    const stream = maskingStream(all, transform, { terminal: false });
    return Buffer.concat(
      Array.from(text).flatMap((letter) => [...stream.write(Buffer.from(letter)), ...stream.flush()]),
    ).toString();
  };
  t.equal(slowly(`pay ${CARD} now\n`), "pay 4111 1111 1111 111[redacted] now\n");
  t.equal(
    slowly(`pay ${CARD} now\n`, partialCard),
    "pay 4111 1111 1111 111[redacted] now\n",
    "and not the last digits, with which it would be whole",
  );
  const token = ["ghp", "a1".repeat(30)].join("_");
  t.equal(
    slowly(`${token} end\n`),
    `${token.slice(0, 39)}[redacted] end\n`,
    "all of a long one, by one mark",
  );
  const halves = maskingStream(all, partialCard, { terminal: false });
  const shown = [...halves.write(Buffer.from("4111 1111")), ...halves.flush()];
  shown.push(...halves.write(Buffer.from(" 1111 1111\n")));
  t.equal(Buffer.concat(shown).toString(), "4111 1111[redacted]\n");
  t.same([...halves.found], ["pii.card"]);
});

t.test("a key that comes slowly is hidden from where it is one", async (t) => {
  const stream = streamOf(scanner());
  const out = [
    "-----BEGIN PRIVATE KEY-----\n",
    "AAAABBBBCCCCDDDDEEEE\n",
    "FFFF\n",
    "-----END PRIVATE KEY-----\n",
    "done\n",
  ].flatMap((line) => [...stream.write(Buffer.from(line)), ...stream.flush()]);
  t.equal(Buffer.concat(out).toString(), "-----BEGIN PRIVATE KEY-----\n[redacted]\ndone\n");
});

t.test("a transform's null leaves nothing in a value's place", async (t) => {
  const stream = maskingStream(scanner(), () => null, { terminal: false });
  t.equal(
    Buffer.concat([...stream.write(Buffer.from(`a ${CARD} b\n`)), ...stream.flush()]).toString(),
    "a  b\n",
  );
});

t.test("its work is by the length of the text, however small the pieces are", async (t) => {
  const lines = {
    plain: "lorem ipsum dolor sit amet\n",
    numbers: "2026-11-22 4111 1111 1111 1111\n",
    heads: "password=x and password\n",
    keys: "-----BEGIN PRIVATE KEY-----\nAAAABBBBCCCCDDDD\n",
    "no line ends": "lorem ipsum dolor sit amet ",
    "heads without line ends": "pwd=",
  };
  for (const [name, line] of Object.entries(lines)) {
    for (const size of [1, 50, 4096]) {
      const all = scanner();
      const find = all.find.bind(all);
      const together = all.outline.together.bind(all.outline);
      let looked = 0;
      all.find = (text) => {
        looked += text.length;
        return find(text);
      };
      all.outline.together = (latin1) => {
        looked += latin1.length;
        return together(latin1);
      };
      const bytes = Buffer.from(line.repeat(Math.ceil(100_000 / line.length)));
      const stream = streamOf(all);
      for (let at = 0; at < bytes.length; at += size) stream.write(bytes.subarray(at, at + size));
      stream.flush();
      t.ok(
        looked <= 8 * bytes.length,
        `${name} by ${size}: ${(looked / bytes.length).toFixed(1)} looks a byte`,
      );
    }
  }
});
