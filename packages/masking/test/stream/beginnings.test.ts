import t from "tap";
import { maskingStream, type Scanner } from "../../src/index.ts";
import { samples } from "../detectors/samples.ts";
import { anyText, randomFrom, scanner } from "../texts.ts";

const MOST = 256;
const HIDDEN = "[redacted]";
const redact = () => HIDDEN;
const all = scanner();

/** What comes out by each piece, and what is kept back behind it. */
function fed(of: Scanner, pieces: readonly Buffer[]) {
  const stream = maskingStream(of, redact, { terminal: false, keep: "beginnings" });
  const out: Buffer[] = [];
  let given = 0;
  const seen: string[] = [];
  for (const piece of pieces) {
    given += piece.length;
    // The bytes are their owner's, who may write over them.
    const own = Buffer.from(piece);
    out.push(...stream.write(own).map((one) => Buffer.from(one)));
    own.fill(0x21);
    seen.push(Buffer.concat(out).toString("latin1"));
  }
  const pending = stream.pending;
  out.push(...stream.flush());
  return { text: Buffer.concat(out).toString("latin1"), seen, given, pending };
}

function bySize(text: Buffer, size: number): Buffer[] {
  const count = Math.ceil(text.length / size);
  return Array.from({ length: count }, (_, i) => text.subarray(i * size, (i + 1) * size));
}

/** As a model writes: a word with the blank before it, or a piece of one. */
function tokens(text: string): Buffer[] {
  return (text.match(/ ?[A-Za-z]{1,4}| ?[0-9]{1,3}|./gsu) ?? []).map((token) => Buffer.from(token));
}

function inBytes(text: string): string {
  return Buffer.from(text).toString("latin1");
}

/** The length of what two texts have in common from their beginnings on. */
function common(one: string, other: string): number {
  let length = 0;
  while (length < one.length && one[length] === other[length]) length++;
  return length;
}

const short = Object.entries(samples).flatMap(([name, { found }]) =>
  found.filter(({ length }) => length <= 200).map((value) => [name, value] as const),
);
const long = Object.entries(samples).flatMap(([name, { found }]) =>
  found.filter(({ length }) => length > 200).map((value) => [name, value] as const),
);

t.test(
  "a value in prose is hidden as in one piece, however it is cut, and nothing of it is out before",
  async (t) => {
    for (const [name, value] of short) {
      for (const one of [all, scanner({}, name)]) {
        const text = `He säid: ${value} and that is it.`;
        const bytes = Buffer.from(text);
        const expected = inBytes(one.mask(text, redact).text ?? "");
        t.match(expected, HIDDEN, name);
        const cuts = [1, 2, 3, 7].map((size) => bySize(bytes, size));
        for (let at = 0; at <= bytes.length; at++) cuts.push([bytes.subarray(0, at), bytes.subarray(at)]);
        const wrong = [...cuts, tokens(text)].flatMap((pieces) => {
          const { text: actual, seen } = fed(one, pieces);
          const early = seen.find((out) => !expected.startsWith(out));
          return actual === expected && early === undefined ? [] : [{ value, actual, early }];
        });
        t.same(wrong.slice(0, 1), [], name);
      }
    }
  },
);

t.test("every beginning of a value is kept back", async (t) => {
  for (const [name, value] of [...short, ...long]) {
    const of = scanner({}, name);
    const text = `xyz ${value}`;
    const [first] = of.find(text);
    const until = first?.start ?? 0;
    const last = Math.min(Buffer.byteLength(text.slice(0, first?.end)), MOST);
    const stream = maskingStream(of, redact, { terminal: false, keep: "beginnings" });
    let out = "";
    const bytes = Buffer.from(text);
    for (let at = 0; at < last; at++) {
      out += Buffer.concat([...stream.write(bytes.subarray(at, at + 1))]).toString("latin1");
      if (!inBytes(text.slice(0, until)).startsWith(out)) t.fail(`${name} at ${at}: ${out}`);
    }
    // And where it comes at once.
    for (let end = until + 1; end <= last; end++) {
      const { seen } = fed(of, [Buffer.from(text).subarray(0, end)]);
      const [at = ""] = seen;
      if (at.length > inBytes(text.slice(0, until)).length) t.fail(`${name} to ${end}: ${at}`);
    }
    t.ok(out.length <= MOST);
  }
});

t.test("prose is out at once but for its last word", async (t) => {
  const prose =
    "The quick brown fox jumps over the lazy dog, and then she said it wouldn't be so easy. Ärger! " +
    "Größe; naïve (well-known) words: they go out as they come. 用户 ok.\n";
  const pieces = tokens(prose);
  const { seen, text, pending } = fed(all, pieces);
  t.equal(text, inBytes(prose));
  t.equal(pending, true, "a line end can stand before a key");
  let given = "";
  for (const [number, piece] of pieces.entries()) {
    given += piece.toString("latin1");
    const kept = given.slice(seen[number]?.length);
    t.match(kept, /^[^ ]? ?[^ ]*$/, "no more than a word, and what stands before it");
  }
  const { seen: addresses } = fed(scanner({}, "pii.email"), [Buffer.from("Hello, "), Buffer.from("World ")]);
  t.equal(addresses.at(-1), "Hello, World ");
});

t.test("texts of all sorts are masked as they are in one piece", async (t) => {
  const random = randomFrom(20261122);
  const wrong = [];
  let hidden = 0;
  for (let round = 0; round < 150; round++) {
    const text = anyText(random).slice(0, 1500).toWellFormed();
    // What has no end within what is kept back is another test's.
    if (/[^ ]{200}/.test(text)) continue;
    const expected = inBytes(all.mask(text, redact).text ?? "");
    if (expected !== inBytes(text)) hidden++;
    const { text: actual } = fed(all, bySize(Buffer.from(text), 1 + random(20)));
    if (actual !== expected) wrong.push({ text, expected, actual });
  }
  t.same(wrong.slice(0, 2), []);
  t.ok(hidden > 30, `${hidden}`);
});

t.test("with a config's patterns too", async (t) => {
  const random = randomFrom(8);
  const atoms = ["a", "b", "ä", "[ab]", "\\b", "(?m:^)", "$", "(?i:B)", "\\w", "\\s", "\\d", "1", "_", " "];
  const any = (from: readonly string[]) => from[random(from.length)] ?? "";
  const pattern = (depth: number): string => {
    if (depth === 0) return any(atoms);
    const inner = () => pattern(depth - 1);
    if (random(3) === 0) return `(?:${inner()}|${inner()})`;
    return random(2) === 0 ? inner() + inner() : `(?:${inner()})${any(["*", "+", "?", "{1,3}", "*?"])}`;
  };
  const wrong = [];
  let hidden = 0;
  for (let round = 0; round < 150; round++) {
    const custom = `${any(["a", "b", "1", "\\b"])}${pattern(3)}${any(["1", "b", " "])}`;
    const of = scanner({ "custom.one": custom }, "custom.one");
    for (let texts = 0; texts < 6; texts++) {
      const parts = ["a", "b", "ä", "1", " ", "\n", "_", "B", "ab"];
      const text = Array.from({ length: random(16) }, () => any(parts)).join("");
      const expected = inBytes(of.mask(text, redact).text ?? "");
      if (expected !== inBytes(text)) hidden++;
      const { text: actual } = fed(of, bySize(Buffer.from(text), 1 + random(3)));
      if (actual !== expected) wrong.push({ custom, text, expected, actual });
    }
  }
  t.same(wrong.slice(0, 2), []);
  t.ok(hidden > 100, `${hidden}`);
});

t.test("never more than 256 bytes are kept back, and no byte is lost or comes twice", async (t) => {
  const random = randomFrom(4);
  const nothing = scanner({ "custom.all": "<<<(?s:.*)>>>" }, "custom.all", "pii.email");
  const texts = [
    "x".repeat(3000),
    "ä".repeat(1000),
    `"${"prose ".repeat(300)}`,
    `<<<${"lorem ipsum ".repeat(300)}`,
    `mail ${"a.b-".repeat(400)} end`,
  ];
  for (const text of texts) {
    for (const size of [1, 5, 300, 5000]) {
      const bytes = Buffer.from(text);
      const { text: actual, seen } = fed(nothing, bySize(bytes, size));
      t.equal(actual, bytes.toString("latin1"));
      const most = seen.map((out, number) => Math.min((number + 1) * size, bytes.length) - out.length);
      t.ok(Math.max(...most) <= MOST, `${Math.max(...most)}`);
    }
  }
  for (let round = 0; round < 40; round++) {
    const bytes = Buffer.from(Array.from({ length: random(400) }, () => random(256)));
    const stream = maskingStream(scanner({}, "secret.jwt"), redact, { terminal: false, keep: "beginnings" });
    const out: Buffer[] = [];
    for (const piece of bySize(bytes, 1 + random(9))) {
      out.push(...stream.write(piece));
      if (random(3) === 0) out.push(...stream.flush());
    }
    out.push(...stream.flush());
    t.ok(Buffer.concat(out).equals(bytes), "bytes that are no UTF-8 too");
  }
});

t.test("of a value that is longer than that nothing is shown, and what stands behind it is", async (t) => {
  for (const [name, value] of long) {
    const text = `see ${value} here`;
    const of = scanner({}, name);
    const [span] = of.find(text);
    const secret = inBytes(text.slice(span?.start, span?.end));
    const before = inBytes(text.slice(0, span?.start));
    for (const size of [1, 3, 50, 1000, 5000]) {
      const { text: actual } = fed(of, bySize(Buffer.from(text), size));
      t.ok(actual.startsWith(before + HIDDEN), `${name} by ${size}: ${actual.slice(0, 80)}`);
      const rest = actual.slice(before.length + HIDDEN.length);
      t.ok(rest.length < 80 && !rest.includes(HIDDEN), `${name} by ${size}: ${rest}`);
      for (let at = 0; at + 8 <= secret.length; at += 4) {
        if (rest.includes(secret.slice(at, at + 8))) t.fail(`${name} by ${size} shows ${rest}`);
      }
      t.ok(rest.endsWith(" here"), `${name} by ${size}: ${rest}`);
    }
  }
});

t.test("a token whose header alone is longer is hidden before it is one", async (t) => {
  const header = Buffer.from(JSON.stringify({ x5c: ["M".repeat(3000)], alg: "RS256" })).toString("base64url");
  const { text } = fed(
    all,
    bySize(Buffer.from(`take ${header}.${"ab".repeat(50)}.${"cd".repeat(50)} now`), 5),
  );
  t.equal(text, `take ${HIDDEN} now`);
  const url = `postgres://ada:${"hunter2".repeat(50)}@db/orders now`;
  t.equal(
    fed(all, bySize(Buffer.from(url), 4)).text.replace("@", ""),
    `postgres://ada:${HIDDEN}db/orders now`,
  );
});

t.test("a long address without an end is hidden from where it is one", async (t) => {
  const { text } = fed(all, bySize(Buffer.from(`to ${"a".repeat(400)}@example.com now`), 5));
  t.match(text, /^to a+\[redacted\] now$/);
  t.ok(common(text, `to ${"a".repeat(400)}`) <= 3 + 400 - MOST + 20);
  const domain = `ada@${"sub.".repeat(100)}example.com`;
  t.equal(fed(all, bySize(Buffer.from(`to ${domain} now`), 5)).text, `to ${HIDDEN} now`);
});

t.test("what was flushed while it was half there has its rest hidden", async (t) => {
  const stream = () => maskingStream(all, redact, { terminal: false, keep: "beginnings" });
  const parts = (...texts: readonly string[]) => {
    const one = stream();
    const out = texts.flatMap((part) => [...one.write(Buffer.from(part)), ...one.flush()]);
    return Buffer.concat(out).toString();
  };
  t.equal(parts("pay 4111 1111", " 1111 1111 now"), `pay 4111 1111${HIDDEN} now`);
  t.equal(parts("ask ada@exam", "ple.com or", " not"), `ask ada@exam${HIDDEN} or not`);
  const token = ["ghp", "a1".repeat(400)].join("_");
  const slowly = parts(...bySize(Buffer.from(`${token} end`), 30).map(String));
  t.equal(slowly, `${token.slice(0, 30)}${HIDDEN} end`, "all of a long one, by one mark");
  const halves = stream();
  halves.write(Buffer.from("\xc3", "latin1"));
  t.equal(Buffer.concat([...halves.flush()]).toString("latin1"), "\xc3");
  t.equal(
    Buffer.concat([...halves.write(Buffer.from("\xa4x ", "latin1")), ...halves.flush()]).toString("latin1"),
    "\xa4x ",
  );
});

t.test("of a value that is cut a partial transform shows nothing", async (t) => {
  const values: (boolean | undefined)[] = [];
  const stream = maskingStream(
    scanner({}, "pii.email"),
    (_, found) => {
      values.push(found?.begunShown);
      return HIDDEN;
    },
    { terminal: false, keep: "beginnings" },
  );
  for (const piece of bySize(Buffer.from(`x ada@${"sub.".repeat(100)}example.com y ada@example.com.`), 9))
    stream.write(piece);
  stream.flush();
  t.same(values, [true, false]);
});

t.test("its work does not grow with what came before, however small the pieces are", async (t) => {
  for (const line of [
    "lorem ipsum dolor ",
    "4111 1111 1111 1111 ",
    "password=x; ",
    "pwd=",
    "eyJhbGciOiJ",
    '"',
    "ada@b.co.",
  ]) {
    const of = scanner();
    const find = of.find.bind(of);
    let looked = 0;
    let longest = 0;
    of.find = (text, within, isBehindHidden) => {
      looked += text.length;
      longest = Math.max(longest, text.length);
      return find(text, within, isBehindHidden);
    };
    const text = line.repeat(Math.ceil(20_000 / line.length));
    fed(of, bySize(Buffer.from(text), 5));
    t.ok(longest <= 800, `${line}: ${longest} at once`);
    t.ok(looked <= 40 * text.length, `${line}: ${(looked / text.length).toFixed(1)} looks a byte`);
  }
});
