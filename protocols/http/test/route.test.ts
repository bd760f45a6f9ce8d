import t from "tap";
import { findRoute, readRoute, type Route } from "../src/route.ts";

t.test("routes are found, the first that fits", (t) => {
  const routes = read(
    ...["/", "/v1/orders/mine", "/v1/orders/{id}", "/v1/orders/{id}/items/{item}"],
    ...["/v1/jobs/{job}:cancel", "/v1/jobs/{job}", "/files/v{version}.json", "/files/{path...}", "/a b"],
  );
  const cases: readonly (readonly [string, string, Record<string, string>])[] = [
    ["", "/", {}],
    ["v1/orders/mine", "/v1/orders/mine", {}],
    ["v1/orders/7", "/v1/orders/{id}", { id: "7" }],
    ["v1/orders/7/items/8", "/v1/orders/{id}/items/{item}", { id: "7", item: "8" }],
    ["v1/jobs/j:cancel", "/v1/jobs/{job}:cancel", { job: "j" }],
    ["v1/jobs/:cancel", "/v1/jobs/{job}", { job: ":cancel" }],
    ["files/v12.json", "/files/v{version}.json", { version: "12" }],
    ["files/v.json", "/files/{path...}", { path: "v.json" }],
    ["files/a/b", "/files/{path...}", { path: "a/b" }],
    ["a b", "/a b", {}],
  ];
  for (const [path, route, params] of cases) {
    t.same(findRoute(routes, path === "" ? [] : path.split("/")), { route, params }, path);
  }
  for (const path of [
    "v1",
    "v1/orders",
    "v1/orders/7/items",
    "V1/orders/7",
    "files",
    "v1/orders/7/items/8/9",
  ]) {
    t.equal(findRoute(routes, path.split("/")), undefined, path);
  }
  t.end();
});

t.test("a pattern that could never fit, or in two ways, is none", (t) => {
  const none = [
    "",
    "a",
    "/a/",
    "//",
    "/a//b",
    "/{}",
    "/{1a}",
    "/{a}{b}",
    "/{a",
    "/a}",
    "/{a}/{a}",
    "/{a}/{a...}",
  ];
  for (const pattern of [
    ...none,
    "/{a...}/b",
    "/x{a...}",
    "/..",
    "/a/./b",
    "/a?b",
    "/a;b",
    "/a\\b",
    "/a\nb",
  ]) {
    t.equal(readRoute(pattern), undefined, pattern);
  }
  t.end();
});

t.test("no name of a parameter reaches into an object's prototype", (t) => {
  const found = findRoute(read("/{__proto__}/{constructor}"), ["x", "y"]);
  t.same(Object.entries(found?.params ?? {}), [
    ["__proto__", "x"],
    ["constructor", "y"],
  ]);
  t.end();
});

function read(...patterns: readonly string[]): readonly Route[] {
  return patterns.map(readRoute).filter((route) => route !== undefined);
}
