import t from "tap";
import { setCookieFor, withoutGatewaysCookies } from "../src/cookies.ts";

t.test("a target's cookie is for its route at the gateway's host", async (t) => {
  const cases: readonly (readonly [string, string | undefined])[] = [
    ["a=b", "a=b; Path=/orders/v1; Secure"],
    ["a=b; Path=/", "a=b; Path=/orders/; Secure"],
    ["a=b; path=/v1; PATH=/v2", "a=b; Path=/orders/v2; Secure"],
    ["a=b; Path=", "a=b; Path=/orders/v1; Secure"],
    ["a=b; Path=v1", "a=b; Path=/orders/v1; Secure"],
    ["a=b; Domain=api.internal; HttpOnly", "a=b; HttpOnly; Path=/orders/v1; Secure"],
    [
      "a=b; domain = .example.com; secure; Max-Age=5; SameSite=Lax",
      "a=b; Max-Age=5; SameSite=Lax; Path=/orders/v1; Secure",
    ],
    [
      'a="b=c"; Expires=Wed, 21 Oct 2026 07:28:00 GMT',
      'a="b=c"; Expires=Wed, 21 Oct 2026 07:28:00 GMT; Path=/orders/v1; Secure',
    ],
    ["__Secure-a=b; Secure; Path=/", "__Secure-a=b; Path=/orders/; Secure"],
    ["__Host-a=b; Secure; Path=/", "__Secure-Host-a=b; Path=/orders/; Secure"],
    ["__HOST-a=b; Path=/", "__Secure-HOST-a=b; Path=/orders/; Secure"],
    ["__Secure-Host-a=b; Path=/", undefined],
    ["gatehouse_session=x", undefined],
    ["__Host-Gatehouse-session=x; Path=/", undefined],
    ["__Secure-gatehouse=x", undefined],
    ["gatehouse_session", undefined],
    ["=gatehouse_session=x", undefined],
    ["", undefined],
  ];
  for (const [written, told] of cases)
    t.equal(setCookieFor(written, "/orders", "/v1/orders?x=/y/"), told, written);
});

t.test("a target with a host name of its own keeps its paths and prefixes", async (t) => {
  t.equal(setCookieFor("__Host-a=b; Path=/", "", "/v1/x"), "__Host-a=b; Path=/; Secure");
  t.equal(setCookieFor("a=b", "", "/v1/x"), "a=b; Path=/v1; Secure");
  t.equal(setCookieFor("a=b", "/orders", "/"), "a=b; Path=/orders/; Secure");
  t.equal(setCookieFor("a=b", "/orders", "*"), "a=b; Path=/orders/; Secure");
});

t.test("what a target has set comes back to it as it was", async (t) => {
  for (const pair of ["a=b", "__Host-a=b", "__HOST-a=b", "__Secure-a=b", "__Host-Http-a=b", "__Http-a=b"]) {
    const [stored = ""] = (setCookieFor(`${pair}; Path=/`, "/orders", "/") ?? "").split(";");
    t.equal(withoutGatewaysCookies(stored), pair);
  }
});
