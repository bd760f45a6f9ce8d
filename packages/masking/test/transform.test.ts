import { inspect } from "node:util";
import { Secret, type Transform } from "@gatehouse/core";
import t from "tap";
import { compileTransform, maskingKey, REDACTED } from "../src/index.ts";

const key = maskingKey(Buffer.alloc(32, 1));
const shown = (transform: Transform, value: string) => compileTransform(transform, key)(value);
const partly = (of: "email" | "card" | "phone" | "text", value: string) =>
  shown({ kind: "partial", of }, value);

t.test("redact, null and constant show nothing of a value, not even that it is empty or long", async (t) => {
  for (const value of ["", "x", "ada@example.com", "x".repeat(1_000_000)]) {
    t.equal(shown({ kind: "redact" }, value), REDACTED);
    t.equal(shown({ kind: "null" }, value), null);
    t.equal(shown({ kind: "constant", value: "hidden" }, value), "hidden");
  }
});

t.test("a hash is HMAC-SHA-256 with the gateway's key, always of one length", async (t) => {
  // `printf %s ada@example.com | openssl dgst -sha256 -mac HMAC -macopt hexkey:0101...`.
  t.equal(shown({ kind: "hash" }, "ada@example.com"), "[hash:cd0779a6ee2092a88db69b0d568dd6e9]");
  for (const value of ["", "x", "x".repeat(1_000_000), "ä", "\u{1f600}"]) {
    t.match(shown({ kind: "hash" }, value), /^\[hash:[0-9a-f]{32}\]$/);
  }
});

t.test("the same value has the same hash under the same key, and another under another", async (t) => {
  const one = compileTransform({ kind: "hash" }, maskingKey(new Secret("k".repeat(32))));
  const again = compileTransform({ kind: "hash" }, maskingKey(Buffer.from("k".repeat(32))));
  const other = compileTransform({ kind: "hash" }, maskingKey(new Secret("K".repeat(32))));
  t.equal(one("ada@example.com"), again("ada@example.com"));
  t.not(one("ada@example.com"), other("ada@example.com"));
  t.not(one("ada@example.com"), one("Ada@example.com"), "values that the server tells apart stay apart");
});

t.test("a key that could be found by trial is refused, and none is printed", async (t) => {
  t.throws(() => maskingKey(new Secret("hunter2")), { code: "CONFIG_INVALID", message: /^(?!.*hunter2)/ });
  t.throws(() => maskingKey(Buffer.alloc(31)), { code: "CONFIG_INVALID" });
  t.notMatch(inspect(maskingKey(new Secret("hunter2".repeat(5))), { showHidden: true }), "hunter2");
});

t.test("of an address the first letter and the domain stay", async (t) => {
  t.equal(partly("email", "ada@example.com"), "a***@example.com");
  t.equal(partly("email", "ada.lovelace+news@mail.example.co.uk"), "a***@mail.example.co.uk");
  t.equal(partly("email", "jürgen@exämple.de"), "j***@exämple.de");
  t.equal(
    partly("email", "\u{20bb7}野家@example.jp"),
    "\u{20bb7}***@example.jp",
    "a letter of two units is not cut",
  );
  t.equal(partly("email", "ad@example.com"), "***@example.com", "of two letters one would be half");
  t.equal(partly("email", "a@example.com"), "***@example.com");
});

t.test("of a card's number the last four digits stay, in its groups", async (t) => {
  t.equal(partly("card", "4111111111111111"), "************1111");
  t.equal(partly("card", "4111 1111 1111 1111"), "**** **** **** 1111");
  t.equal(partly("card", "3782-822463-10005"), "****-******-*0005");
});

t.test("of a telephone number the last digits stay, fewer of a shorter one", async (t) => {
  t.equal(partly("phone", "+49 30 1234567"), "+** ** ***4567");
  t.equal(partly("phone", "(555) 123-4567"), "(***) ***-4567");
  t.equal(partly("phone", "123 456 78"), "*** **6 78");
  t.equal(partly("phone", "555-1234"), "***-**34");
});

t.test("of a text the first letter stays, and nothing of its length", async (t) => {
  t.equal(partly("text", "Lovelace"), "L***");
  t.equal(partly("text", "Love"), "L***");
  t.equal(partly("text", "L".repeat(1_000_000)), "L***");
  t.equal(partly("text", "\u{1f600}\u{1f601}\u{1f602}\u{1f603}"), "\u{1f600}***");
});

t.test("a value that is not of the kind is hidden whole", async (t) => {
  const others: Record<"email" | "card" | "phone" | "text", readonly string[]> = {
    email: [
      "",
      "@",
      "a@b",
      "a@b.c",
      "hunter2",
      "ada@",
      "@example.com",
      "ada@example",
      "ada@example.com and hunter2",
      "hunter2 ada@example.com",
      "ada@example.com\nhunter2",
      "ada@bob@example.com",
      "Ada <ada@example.com>",
      "ada@example.com/hunter2",
      "postgres:hunter2@db.example.com",
      "ada@..com",
      `${"a".repeat(65)}@example.com`,
      `ada@${"b".repeat(1_000_000)}.com`,
    ],
    card: [
      "",
      "1111",
      "4111111111111112",
      "4111 1111 1111 1111 hunter2",
      "hunter2",
      "٤١١١١١١١١١١١١١١١",
      "0".repeat(1_000_000),
      "4111  1111 1111 1111",
    ],
    phone: [
      "",
      "110",
      "123456",
      "1234567890123456",
      "hunter2 5551234",
      "+",
      "0".repeat(1_000_000),
      "555-1234 x9",
    ],
    text: ["", "L", "Lo", "Lov", "\u{1f600}\u{1f601}\u{1f602}"],
  };
  for (const kind of ["email", "card", "phone", "text"] as const) {
    for (const value of others[kind])
      t.equal(partly(kind, value), REDACTED, `${kind}: ${value.slice(0, 40)}`);
  }
});
