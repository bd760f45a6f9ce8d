import type { Transform } from "@gatehouse/core";
import t from "tap";
import { compileTransform, maskAscii, maskingKey } from "../src/index.ts";

const key = maskingKey(Buffer.alloc(32, 1));
const KINDS = ["email", "card", "phone", "text"] as const;
const partial = (of: (typeof KINDS)[number]): Transform => ({ kind: "partial", of });

/** What the bytes of a value become between others; undefined where the text has to be looked at. */
function masked(of: (typeof KINDS)[number], value: string): string | undefined {
  const bytes = Buffer.from(`<${value}>`);
  const size = bytes.length - 2;
  const out = Buffer.alloc(1 + size + 3);
  const end = maskAscii(partial(of))?.(bytes, 1, 1 + size, out, 1) ?? -1;
  return end === -1 ? undefined : out.toString("utf8", 1, end);
}

t.test("ordinary values are masked in their bytes", async (t) => {
  t.equal(masked("email", "ada.lovelace+news@mail.example.co.uk"), "a***@mail.example.co.uk");
  t.equal(masked("phone", "+49 30 1234567"), "+** ** ***4567");
  t.equal(masked("phone", "555-1234"), "***-**34");
  t.equal(masked("text", "Lovelace"), "L***");
  t.equal(masked("text", "Love"), "L***", "which needs the most room beside its own");
});

t.test("what is not ASCII, or not of the kind, is left to the text's own way", async (t) => {
  for (const value of ["jürgen@example.de", "ada@exämple.de", "ad@example.com", "ada", "ada@", "@", ""]) {
    t.equal(masked("email", value), undefined, value);
  }
  for (const value of ["٤١١١١١١١١", "123456", "1234567890123456", "5551234 x9", "55+1234567", "+", ""]) {
    t.equal(masked("phone", value), undefined, value);
  }
  for (const value of ["Lov", "", "Loé", "ÉÉ"]) t.equal(masked("text", value), undefined, value);
  t.equal(masked("card", "4111111111111111"), undefined);
  for (const kind of ["redact", "null", "hash"] as const) t.equal(maskAscii({ kind }), undefined);
});

/** Numbers that look random and are the same in every run (Park and Miller's). */
function* numbers(seed: number): Generator<number, never> {
  for (let state = seed; ; ) {
    state = (state * 48_271) % 2_147_483_647;
    yield state;
  }
}

t.test("whatever is masked in its bytes is what its text would have become", async (t) => {
  const parts = [
    ...Array.from("aB17@.-+ ()/_*\né😀\u0301"),
    "xn--",
    ...["com", ".de", "@example.com", "ada@", "+49 30 1234567", "555-1234", "x".repeat(62), "a.".repeat(18)],
  ];
  const random = numbers(4);
  const next = (below: number) => random.next().value % below;
  const seen = new Map<string, number>();
  for (let round = 0; round < 50_000; round++) {
    const value = Array.from({ length: next(8) }, () => parts[next(parts.length)] ?? "").join("");
    for (const kind of KINDS) {
      const ascii = masked(kind, value);
      if (ascii === undefined) continue;
      seen.set(kind, (seen.get(kind) ?? 0) + 1);
      if (ascii !== compileTransform(partial(kind), key)(value)) t.fail(`${kind}: ${JSON.stringify(value)}`);
    }
  }
  for (const kind of ["email", "phone", "text"]) t.ok((seen.get(kind) ?? 0) > 100, kind);
});
