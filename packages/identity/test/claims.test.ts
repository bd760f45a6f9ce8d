import type { OidcProvider } from "@gatehouse/core";
import type { JWTPayload } from "jose";
import t from "tap";
import { identityOf, MAX_GROUPS, MAX_NAME_LENGTH, readClaim } from "../src/claims.ts";
import { configured } from "./bare-provider.ts";

const issuer = "https://idp.example.com";
const identify = (payload: JWTPayload, claims: Partial<OidcProvider["claims"]> = {}) =>
  identityOf(payload, configured(issuer, { claims: { subject: "sub", groups: "groups", ...claims } }), 1000);
const invalid = { code: "IDENTITY_INVALID" };

t.test("an identity says who, in which groups, and what it rests on", async (t) => {
  t.strictSame(identify({ sub: "dana", groups: ["dba", "sre"], jti: "t1" }), {
    subject: "dana",
    kind: "human",
    groups: ["dba", "sre"],
    proof: { method: "oidc", provider: "corp", issuer, tokenId: "t1" },
    expiresAt: 1000,
  });
});

t.test("a subject that can't be trusted to be read as it is written is refused", async (t) => {
  const subjects = {
    missing: undefined,
    null: null,
    empty: "",
    number: 7,
    array: ["dana"],
    object: { name: "dana" },
    "too long": "d".repeat(MAX_NAME_LENGTH + 1),
    newline: "dana\nadmin",
    NUL: "dana\0",
    DEL: "dana\u007f",
    "right-to-left override": "dana\u202enimda",
    "zero-width space": "da\u200bna",
    "lone surrogate": "dana\ud800",
  };
  for (const [what, sub] of Object.entries(subjects)) {
    t.throws(() => identify(Object.fromEntries([["sub", sub]])), invalid, what);
  }
  t.equal(identify({ sub: "d".repeat(MAX_NAME_LENGTH) }).subject.length, MAX_NAME_LENGTH);
  t.equal(identify({ sub: "Zoë Nakamura-中村" }).subject, "Zoë Nakamura-中村");
});

t.test("groups are an array, or words in a string, or none at all", async (t) => {
  t.strictSame(identify({ sub: "dana" }).groups, []);
  t.strictSame(identify({ sub: "dana", groups: [] }).groups, []);
  t.strictSame(identify({ sub: "dana", groups: "" }).groups, []);
  t.strictSame(identify({ sub: "dana", groups: " dba  sre " }).groups, ["dba", "sre"]);
});

t.test("groups of any other shape refuse the token, instead of counting as none", async (t) => {
  const many = (count: number) => Array.from({ length: count }, (_, index) => `g${index}`);
  for (const groups of [null, 7, true, { dba: true }, ["dba", 7], [["dba"]], ["dba", ""], ["d\nba"]]) {
    t.throws(() => identify({ sub: "dana", groups }), invalid, JSON.stringify(groups));
  }
  t.throws(() => identify({ sub: "dana", groups: many(MAX_GROUPS + 1) }), invalid);
  t.throws(() => identify({ sub: "dana", groups: many(MAX_GROUPS + 1).join(" ") }), invalid);
  t.throws(() => identify({ sub: "dana", groups: ["g".repeat(MAX_NAME_LENGTH + 1)] }), invalid);
  t.equal(identify({ sub: "dana", groups: many(MAX_GROUPS) }).groups.length, MAX_GROUPS);
});

t.test("a token that a client got for itself is a workload's", async (t) => {
  t.equal(identify({ sub: "crew", client_id: "crew" }).kind, "workload");
  t.equal(identify({ sub: "crew", azp: "crew" }).kind, "workload");
  t.equal(identify({ sub: "dana", client_id: "cli", azp: "cli" }).kind, "human");
  t.equal(identify({ sub: "dana" }).kind, "human");
  t.equal(
    identify({ name: "dana" }, { subject: "name" }).kind,
    "human",
    "no sub and no client_id are not equal",
  );
});

t.test("a configured kind claim decides alone, and must be there", async (t) => {
  const claims = { kind: "ext.kind" };
  t.equal(identify({ sub: "crew", client_id: "crew", ext: { kind: "human" } }, claims).kind, "human");
  t.equal(identify({ sub: "dana", ext: { kind: "workload" } }, claims).kind, "workload");
  for (const kind of ["Human", "", "admin", null, ["human"]]) {
    t.throws(() => identify({ sub: "dana", ext: { kind } }, claims), invalid, JSON.stringify(kind));
  }
  t.throws(() => identify({ sub: "dana" }, claims), invalid);
});

t.test(
  "a claim's name reaches into objects, and stands for itself where there is such a claim",
  async (t) => {
    t.equal(readClaim({ a: { b: { c: 1 } } }, "a.b.c"), 1);
    t.equal(readClaim({ "https://example.com/groups": 2 }, "https://example.com/groups"), 2);
    t.equal(readClaim({ "a.b": 3, a: { b: 4 } }, "a.b"), 3);
    t.equal(readClaim({ a: "text" }, "a.length"), undefined);
    t.equal(readClaim({ a: ["x"] }, "a.0"), undefined);
    t.equal(readClaim({ a: null }, "a.b"), undefined);
  },
);

t.test("a claim's name reaches nothing that objects inherit", async (t) => {
  for (const name of [
    "__proto__",
    "constructor",
    "toString",
    "a.__proto__",
    "a.constructor.name",
    "__proto__.x",
  ]) {
    t.equal(readClaim({ a: {} }, name), undefined, name);
  }
  const shadowed = Object.defineProperty({}, "__proto__", { value: { role: "admin" }, enumerable: true });
  t.equal(
    readClaim(shadowed, "role"),
    undefined,
    "an own __proto__, as JSON.parse makes it, is no prototype",
  );
});

t.test("a token id that is not plain text refuses the token", async (t) => {
  for (const jti of [7, "", "a\nb", "j".repeat(MAX_NAME_LENGTH + 1)]) {
    t.throws(
      () =>
        identify(
          Object.fromEntries([
            ["sub", "dana"],
            ["jti", jti],
          ]),
        ),
      invalid,
      String(jti),
    );
  }
});
