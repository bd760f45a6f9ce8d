import t from "tap";
import { Place } from "../src/references.ts";
import { place, whereabouts } from "./heads.ts";

const whole = new Place({ ...whereabouts, prefix: "" });

/** A reference, how it is told, and what it is at a target with a host name of its own where that is not the same without the route. */
const REFERENCES: readonly (readonly [string, string | undefined])[] = [
  ["/", "/orders/"],
  ["/a?b=c#d", "/orders/a?b=c#d"],
  ["a", "/orders/v1/orders/a"],
  ["?page=2", "/orders/v1/orders/7?page=2"],
  ["../x", "/orders/v1/x"],
  ["../../../../admin/x", "/orders/admin/x"],
  ["/../admin/x", "/orders/admin/x"],
  ["/a/%2e%2E/../../admin", "/orders/admin"],
  ["/.%2e/admin", "/orders/admin"],
  ["\\..\\admin", "/orders/admin"],
  ["/a\\..\\..\\admin", "/orders/admin"],
  ["https://api.internal/a", "https://gateway:8443/orders/a"],
  ["HTTPS://API.Internal:443/a", "https://gateway:8443/orders/a"],
  ["http://api.internal/a", "https://gateway:8443/orders/a"],
  ["https://api.internal./a", "https://gateway:8443/orders/a"],
  ["https://user:pw@api.internal/a", "https://gateway:8443/orders/a"],
  ["https:\\\\api.internal\\a", "https://gateway:8443/orders/a"],
  ["https://api.internal/../admin", "https://gateway:8443/orders/admin"],
  ["https://api.internal/orders/a", "https://gateway:8443/orders/orders/a"],
  ["//api.internal/a", "/orders/a"],
  ["https://api.internal//other", "https://gateway:8443/orders//other"],
  ["https://gateway:8443/orders/a", "https://gateway:8443/orders/a"],
  ["https://gateway:8443/orders", "https://gateway:8443/orders"],
  ["https://gateway:8443/orders/../admin/x", "https://gateway:8443/orders/admin/x"],
  ["https://gateway:8443/admin/x", "https://gateway:8443/orders/admin/x"],
  ["https://gateway:8443/ordersX", "https://gateway:8443/orders/ordersX"],
  ["https://GATEWAY:8443/admin", "https://gateway:8443/orders/admin"],
  ["//gateway:8443/admin", "/orders/admin"],
  ["/caf\xc3\xa9", "/orders/caf%C3%A9"],
  ["/a b\tc", "/orders/a%20bc"],
  ["https://other.example/a/../b", "https://other.example/a/../b"],
  ["https://api.internal:8443/a", "https://api.internal:8443/a"],
  ["https://api.internal.evil.example/", "https://api.internal.evil.example/"],
  ["https://gateway/a", "https://gateway/a"],
  ["//other.example/a", "//other.example/a"],
  ["https://other.example\\@gateway:8443/admin", "https://other.example/@gateway:8443/admin"],
  ["https://x@other.example/a", "https://x@other.example/a"],
  ["https:/other.example/a", "https://gateway:8443/orders/other.example/a"],
  ["http:/other.example/a", "http://other.example/a"],
  ["///other.example/a", "https://other.example/a"],
  ["mailto:a@api.internal", "mailto:a@api.internal"],
  ["app://open", "app://open"],
  ["https://[::1/a", undefined],
  ["https://api.internal:99999/a", undefined],
];

t.test("a reference leads below the target's route, or elsewhere, and never to another target", async (t) => {
  for (const [written, told] of REFERENCES) t.equal(place.reference(written), told, written);
});

t.test("a target with a host name of its own has no route", async (t) => {
  t.equal(whole.reference("/a"), "/a");
  t.equal(whole.reference("https://api.internal/a"), "https://gateway:8443/a");
  t.equal(whole.reference("https://gateway:8443/a"), "https://gateway:8443/a");
  const unnamed = new Place({ ...whereabouts, prefix: "", authority: undefined });
  const path = unnamed.reference("https://api.internal//evil.example");
  t.equal(path, "/.//evil.example", "a path is no host");
  t.equal(URL.parse(path ?? "", "https://gateway")?.host, "gateway");
});

t.test("whatever it says, a client that follows it at the gateway stays below the route", async (t) => {
  const parts = [
    "/",
    "\\",
    "..",
    ".",
    "%2e",
    "%2E%2e",
    "a",
    "//",
    "gateway:8443",
    "https:",
    "api.internal",
    "?",
    "#",
    "@",
    ":",
  ];
  let told = 0;
  for (const one of parts) {
    for (const two of parts) {
      for (const three of parts) {
        for (const four of parts) {
          const url = URL.parse(
            place.reference(one + two + three + four) ?? "",
            "https://gateway:8443/orders/v1/orders/7",
          );
          if (url?.host !== "gateway:8443" || !url.protocol.startsWith("http")) continue;
          told++;
          if (!url.pathname.startsWith("/orders/"))
            t.fail(`${one}${two}${three}${four} leads to ${url.href}`);
        }
      }
    }
  }
  t.ok(told > 1000);
});

t.test("what stands around a reference stays", async (t) => {
  t.equal(place.refresh("5"), "5");
  t.equal(place.refresh("0;URL='/x'"), "0;URL='/orders/x'");
  t.equal(place.refresh("0; https://api.internal/x"), "0; https://gateway:8443/orders/x");
  t.equal(place.refresh("0; url=https://["), undefined);
  t.equal(place.link('<a>; rel=x; title="b"'), '</orders/v1/orders/a>; rel=x; title="b"');
  t.equal(place.link("<a>,".repeat(100)), "</orders/v1/orders/a>,".repeat(100));
  t.equal(place.link("<a>,".repeat(101)), undefined);
  t.equal(place.link("<https://[>; rel=x"), undefined);
  t.equal(place.wholeUrl("see https://api.internal/x"), "see https://api.internal/x");
});
