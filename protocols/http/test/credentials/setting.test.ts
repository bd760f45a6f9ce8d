import { checkValue, filePath, jsonSchemaOf } from "@gatehouse/documents";
import t from "tap";
import { injectedField, injectedParameter, injectSetting } from "../../src/credentials/setting.ts";

const schema = injectSetting(filePath("/etc/gatehouse"));

t.test("a credential is put in as the config says", async (t) => {
  const tokenUrl = "https://idp.internal/token";
  for (const written of [
    ...["none", "bearer", "basic", { header: "X-Api-Key" }, { header: "Authorization", prefix: "Token " }],
    ...[{ header: "Proxy-Authorization" }, { query: "api_key" }],
  ]) {
    t.same(checkValue(schema, written), { ok: true, value: written });
  }
  t.same(checkValue(schema, { oauth: { tokenUrl, scope: "a b", ca: "file:idp.crt" } }), {
    ok: true,
    value: { oauth: { tokenUrl, scope: "a b", clientAuth: "basic", ca: "/etc/gatehouse/idp.crt" } },
  });
  t.type(jsonSchemaOf(schema), "object");
});

t.test("what is no place for a credential is refused", async (t) => {
  for (const written of [
    ...["digest", "", {}, { header: "" }, { header: "X Key" }, { header: "X_Key" }, { header: "X-Key\r\nY" }],
    ...["Host", "content-length", "Transfer-Encoding", "Connection", "Cookie", "TE", "Proxy-Connection"].map(
      (header) => ({ header }),
    ),
    ...[{ header: "X-Forwarded-For" }, { header: "X-Key", prefix: "a\r\nb" }, { header: "X-Key", more: 1 }],
    ...[{ query: "a&b" }, { query: "" }, { header: "X-Key", query: "key" }],
    ...["http://idp.internal/token", "https://a:b@idp.internal/token", "ftp://idp.internal", "token"].map(
      (tokenUrl) => ({ oauth: { tokenUrl } }),
    ),
    { oauth: {} },
    { oauth: { tokenUrl: "https://idp.internal/token", scope: "a\nb" } },
  ]) {
    t.equal(checkValue(schema, written).ok, false, JSON.stringify(written));
  }
});

t.test("where a credential stands is known", async (t) => {
  const oauth = { oauth: { tokenUrl: "https://idp.internal/token", clientAuth: "basic" as const } };
  t.same(["bearer" as const, "basic" as const, oauth].map(injectedField), Array(3).fill("authorization"));
  t.equal(injectedField({ header: "X-Api-Key" }), "x-api-key");
  t.equal(injectedField({ query: "key" }), undefined);
  t.equal(injectedField("none"), undefined);
  t.equal(injectedParameter({ query: "key" }), "key");
  t.equal(injectedParameter("bearer"), undefined);
});
