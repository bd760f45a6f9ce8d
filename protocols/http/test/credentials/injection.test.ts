import { inspect } from "node:util";
import { GatehouseError, type Lease, Secret } from "@gatehouse/core";
import t from "tap";
import { injectionOf } from "../../src/credentials/injection.ts";
import type { InjectSetting } from "../../src/credentials/setting.ts";
import { leaseOf, requestOf, sent } from "../heads.ts";

const field = (setting: InjectSetting, lease: Lease, token?: Secret) => {
  const { field } = injectionOf(setting, lease, token);
  return field && `${field.name}: ${field.value}`;
};
const oauth: InjectSetting = { oauth: { tokenUrl: "https://idp.internal/token", clientAuth: "basic" } };

t.test("a credential stands where the target looks for it", async (t) => {
  const lease = leaseOf("svc", "pass:w ord");
  t.equal(field("bearer", leaseOf("", "abc.def")), "Authorization: Bearer abc.def");
  t.equal(field("basic", lease), `Authorization: Basic ${Buffer.from("svc:pass:w ord").toString("base64")}`);
  t.equal(
    field("basic", leaseOf("jürgen", "ö")),
    `Authorization: Basic ${Buffer.from("jürgen:ö").toString("base64")}`,
  );
  t.equal(field({ header: "X-Api-Key" }, lease), "X-Api-Key: pass:w ord");
  t.equal(field({ header: "Authorization", prefix: "Token " }, lease), "Authorization: Token pass:w ord");
  t.equal(field({ header: "X-Key" }, leaseOf("", "ö")), "X-Key: \xc3\xb6", "in UTF-8");
  t.equal(field("none", leaseOf("", undefined)), undefined);
  t.equal(field(oauth, lease, new Secret("tok")), "Authorization: Bearer tok");
  t.same(injectionOf({ query: "key" }, lease).parameter, { name: "key", value: "pass:w ord" });
});

t.test("a parameter's value is put in for the client's, and no field beside it", async (t) => {
  const { text } = sent(requestOf("GET /a?KEY=mine&b=1", "Authorization: Bearer mine"), {
    inject: { query: "key" },
  });
  t.match(text, /^GET \/a\?b=1&key=s3cret%2FKey%2Bof%3Dtheirs HTTP\/1\.1\r\n/);
  t.notMatch(text, /mine|authorization/i);
});

t.test("what would begin a line of its own, or read as something else, is not sent", async (t) => {
  const cases: readonly (readonly [InjectSetting, Lease])[] = [
    ...["a\r\nX: y", "a\nX: y", "a\rb", "a\0b", "a\tb", "a\x7fb", "a\x1bb", ""].flatMap(
      (secret): readonly (readonly [InjectSetting, Lease])[] =>
        (["bearer", "basic", { header: "X-Key" }, { query: "key" }] as const).map((setting) => [
          setting,
          leaseOf("svc", secret),
        ]),
    ),
    ["bearer", leaseOf("svc", "a b")],
    ["bearer", leaseOf("svc", " a")],
    [{ header: "X-Key" }, leaseOf("svc", "a ")],
    ["basic", leaseOf("a:b", "s3cret")],
    ["basic", leaseOf("a\r\nb", "s3cret")],
    ["bearer", leaseOf("svc", undefined)],
    // A lease's own secret is for the issuer alone.
    [oauth, leaseOf("svc", "s3cret")],
  ];
  for (const [setting, lease] of cases) {
    try {
      t.fail(`sent: ${field(setting, lease)}`);
    } catch (error) {
      t.ok(error instanceof GatehouseError && error.code === "SECRET_UNAVAILABLE");
      t.notMatch(inspect(error), /s3cret|X: y/);
    }
  }
});

t.test("what takes a secret out is made once for each that a lease has", async (t) => {
  const lease = leaseOf("svc", undefined);
  const redactor = (token: string) => injectionOf(oauth, lease, new Secret(token)).redactor;
  const first = redactor("token-one");
  t.equal(redactor("token-one"), first);
  t.notOk(first.finds("a token-two"));
  t.ok(redactor("token-two").finds("a token-two"));
});
