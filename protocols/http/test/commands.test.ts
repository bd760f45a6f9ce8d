import type { Facts, RuleReference } from "@gatehouse/core";
import t from "tap";
import type { ApiDecoder } from "../src/api/decoder.ts";
import { modelFacts } from "../src/api/model-request.ts";
import { findHead } from "../src/codec/head.ts";
import { parseRequestHead } from "../src/codec/request-head.ts";
import { HttpCommand, type RequestTerms } from "../src/commands.ts";
import { httpFacts } from "../src/facts/request-facts.ts";
import { readTarget } from "../src/path.ts";
import { readRoute } from "../src/route.ts";
import { maskOf } from "./masking/masks.ts";

const routes = ["/v1/orders/{id}", "/v1/chat"].map(readRoute).filter((route) => route !== undefined);
const TERMS: RequestTerms = { routes, secret: new Set() };

t.test("a request's facts", (t) => {
  const { facts, ...command } = commandOf(
    [
      "PUT /v1//orders/%37?a=1&b=x%20y&a=2 HTTP/1.1",
      "Content-Type: application/json",
      "X-Trace: 1",
      "x-trace: 2",
    ],
    '{"total":12,"items":[{"sku":"a"}]}',
  );
  t.same(facts, {
    kind: "request",
    access: "write",
    method: "PUT",
    upgrade: "",
    message: "",
    path: "/v1/orders/7",
    segments: ["v1", "orders", "7"],
    encodedTwice: false,
    route: "/v1/orders/{id}",
    params: { id: "7" },
    query: { a: ["1", "2"], b: ["x y"] },
    parameters: ["a=1", "b=x y", "a=2"],
    headers: {
      host: "gateway",
      "content-length": "34",
      "content-type": "application/json",
      "x-trace": "1, 2",
    },
    host: "gateway",
    contentType: "application/json",
    size: 34,
    bodyKnown: true,
    json: { total: 12, items: [{ sku: "a" }] },
  });
  t.same([command.verbs, command.access, command.resources], [["PUT"], "write", ["/v1/orders/{id}"]]);
  t.end();
});

t.test("what a request without a body does not have is empty", (t) => {
  const { facts, resources } = commandOf(["GET / HTTP/1.1"], "");
  const { route, params, query, parameters, contentType, size, bodyKnown, json, form, parts } = facts;
  t.same(
    { route, params, query, parameters, contentType, size, bodyKnown, json, form, parts },
    {
      ...{ route: "", params: {}, query: {}, parameters: [], contentType: "", size: 0, bodyKnown: true },
      ...{ json: {}, form: {}, parts: [] },
    },
  );
  const own = Object.keys(httpFacts.facts).filter((name) => !Object.hasOwn(modelFacts, name));
  t.same(Object.keys(facts).sort(), own.sort());
  t.same(resources, ["/"]);
  const root = { ...TERMS, routes: ["/"].map(readRoute).filter((route) => route !== undefined) };
  t.same(commandOf(["OPTIONS * HTTP/1.1"], "", root).resources, ["*"], "the server itself has no route");
  t.end();
});

t.test("of a body there are no facts but those of what it is", (t) => {
  const kinds = (facts: Facts) => ["json", "form", "parts"].filter((name) => Object.hasOwn(facts, name));
  const cases = [
    ["application/json", "[]", ["json"], true, "write"],
    ["application/json", "[", [], false, "unknown"],
    ["application/x-www-form-urlencoded", '{"model":"x"}', ["form"], true, "write"],
    ["text/plain", '{"model":"x"}', [], false, "write"],
    ["application/json", undefined, [], false, "write"],
  ] as const;
  for (const [type, body, known, bodyKnown, access] of cases) {
    const command = commandOf(["POST /v1/chat HTTP/1.1", `Content-Type: ${type}`], body);
    t.same(kinds(command.facts), known, `${type} ${body}`);
    t.same(
      [command.facts["bodyKnown"], command.facts["access"], command.access],
      [bodyKnown, access, access],
    );
  }
  t.end();
});

t.test("what a request does is told by its method", (t) => {
  const cases = [
    ...[
      ["GET /", "read"],
      ["HEAD /", "read"],
      ["OPTIONS *", "read"],
    ],
    ...[
      ["POST /", "write"],
      ["PUT /", "write"],
      ["PATCH /", "write"],
      ["DELETE /", "write"],
    ],
    ...[
      ["PROPFIND /", "write"],
      ["TRACE /", "write"],
    ],
    ...[
      ["GET /?_method=DELETE", "unknown"],
      ["POST /?_method=post", "write"],
      ["POST /?_method=PUT", "unknown"],
    ],
  ] as const;
  for (const [line = "", access] of cases) {
    t.equal(commandOf([`${line} HTTP/1.1`], "").access, access, line);
  }
  for (const name of ["X-HTTP-Method-Override", "x-http-method", "X-METHOD-OVERRIDE"]) {
    t.equal(commandOf(["GET / HTTP/1.1", `${name}: DELETE`], "").access, "unknown", name);
    t.equal(commandOf(["GET / HTTP/1.1", `${name}: get`], "").access, "read", `${name} of the same`);
  }
  const form = ["POST / HTTP/1.1", "Content-Type: application/x-www-form-urlencoded"];
  t.equal(commandOf(form, "%5Fmethod=delete").access, "unknown", "in a form");
  const json = ["POST / HTTP/1.1", "Content-Type: application/json"];
  t.equal(commandOf(json, '{"_method":"DELETE"}').access, "unknown", "in JSON");
  t.equal(commandOf(json, '"_method"').access, "write");
  const multipart = ["POST / HTTP/1.1", "Content-Type: multipart/form-data; boundary=x"];
  const part = '--x\r\nContent-Disposition: form-data; name="_method"\r\n\r\nDELETE\r\n--x--';
  t.equal(commandOf(multipart, part).access, "unknown", "in a part");
  t.end();
});

t.test("the text is what people are shown: bounded, and without what the config calls secret", (t) => {
  const secret = { routes, secret: new Set(["key", "password"]) };
  const line = "POST /v1/chat?KEY=k1&%6bey=k2&other=o&key HTTP/1.1";
  const json = [line, "Content-Type: application/json"];
  t.equal(
    commandOf(json, '{"user":"u","password":"p1","deep":[{"Password":{"x":"p2"}}]}', secret).text,
    'POST /v1/chat?KEY=[hidden]&%6bey=[hidden]&other=o&key\ncontent-type: application/json\n\n{"user":"u","password":"[hidden]","deep":[{"Password":"[hidden]"}]}',
  );
  t.equal(
    commandOf(json, '{ "a": 1 }').text.split("\n").at(-1),
    '{ "a": 1 }',
    "as it was sent, where nothing is hidden",
  );
  const form = ["POST / HTTP/1.1", "Content-Type: application/x-www-form-urlencoded"];
  t.equal(commandOf(form, "password=p&a=b", secret).text.split("\n").at(-1), "password=[hidden]&a=b");
  for (const [type, body] of [
    ["application/json", '{"password":"p",}'],
    ["text/plain", "password=p"],
    ["application/x-www-form-urlencoded", "password=p;"],
  ] as const) {
    const { text } = commandOf(["POST / HTTP/1.1", `Content-Type: ${type}`], body, secret);
    t.equal(
      text.split("\n").at(-1),
      `(${body.length} bytes)`,
      `${type}, of which nobody knows where the secret is`,
    );
  }
  t.equal(commandOf(["POST / HTTP/1.1"], "\xff\0").text, "POST /\n\n(3 bytes)");
  t.equal(commandOf(["GET /a HTTP/1.1"], "").text, "GET /a");
  t.ok(commandOf(json, JSON.stringify("x".repeat(100_000))).text.length <= 8 * 1024 + 1);
  t.end();
});

t.test("a fingerprint is over all that is sent on, and nothing else", (t) => {
  const json = "Content-Type: application/json";
  const first = commandOf(["POST /v1/chat?a=1 HTTP/1.1", json], '{"a":1}').fingerprint?.();
  t.match(first, /^[0-9a-f]{64}$/);
  t.equal(commandOf(["POST /v1//ch%61t?a=1 HTTP/1.1", json.toLowerCase()], '{"a":1}').fingerprint?.(), first);
  const others = [
    commandOf(["PUT /v1/chat?a=1 HTTP/1.1", json], '{"a":1}'),
    commandOf(["POST /v1/chat HTTP/1.1", json], '{"a":1}'),
    commandOf(["POST /v1/chat? HTTP/1.1", json], '{"a":1}'),
    commandOf(["POST /v1/chat/?a=1 HTTP/1.1", json], '{"a":1}'),
    commandOf(["POST /v1/chat?a=1 HTTP/1.1", json], '{"a":2}'),
    commandOf(["POST /v1/chat?a=1 HTTP/1.1", json], '{"a": 1}'),
    commandOf(["POST /v1/chat?a=1 HTTP/1.1", json, "X-A: 1"], '{"a":1}'),
    commandOf(["POST /v1/chat?a=1 HTTP/1.1", "X-A: 1", json], '{"a":1}'),
  ].map((command) => command.fingerprint?.());
  t.equal(new Set([first, ...others]).size, others.length + 1);
  t.equal(
    commandOf(["POST / HTTP/1.1"], undefined).fingerprint,
    undefined,
    "none where the body is not known",
  );
  t.end();
});

t.test("masks of answers hide fields and what detectors find; there are no columns", (t) => {
  const command = commandOf(["GET / HTTP/1.1"], "");
  const masks = [
    maskOf({ columns: ["a.b.c"] }),
    maskOf({ rule: named("fields"), fields: ["$.a", "$..b"], columns: ["a.b.c"] }),
    maskOf({ rule: named("detect"), detect: ["pii.email"] }),
  ];
  t.same(command.mask(masks), {
    ok: true,
    applied: [
      { rule: named("fields"), hides: ["$.a", "$..b"] },
      { rule: named("detect"), hides: ["pii.email"] },
    ],
  });
  t.same(command.mask(masks.slice(0, 1)), { ok: true, applied: [] });
  const post = commandOf(["POST / HTTP/1.1", "Content-Type: image/png"], undefined);
  t.match(post.mask(masks), { ok: true, applied: { length: 2 } }, "whatever is sent");
  t.end();
});

t.test("masks of requests refuse what can't be looked into", (t) => {
  const requests = { restore: false };
  const looking = maskOf({ rule: named("looking"), detect: ["pii.email"], requests });
  const fields = maskOf({ rule: named("fields"), fields: ["$.a"], requests });
  const multipart = '--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n--x--';
  const cases = [
    [["Content-Type: application/json"], "{}", true, true],
    [["Content-Type: application/vnd.api+json; charset=utf-8"], "{}", true, true],
    [["Content-Type: application/x-www-form-urlencoded"], "a=b", true, false],
    [["Content-Type: text/plain"], "a", true, false],
    [["Content-Type: text/csv; charset=UTF-8", "Content-Encoding: identity"], "a,b", true, false],
    [["Content-Type: text/json"], '"a"', true, true],
    [["Content-Type: text/plain"], undefined, false, false],
    [["Content-Type: text/plain"], "a\0", false, false],
    [["Content-Type: application/json"], "{", false, false],
    [["Content-Type: application/json"], undefined, false, false],
    [["Content-Type: application/json", "Content-Encoding: gzip"], "{}", false, false],
    [["Content-Type: text/plain; charset=utf-16"], "a", false, false],
    [["Content-Type: text/plain", "Content-Encoding: gzip"], "a", false, false],
    [["Content-Type: image/png"], undefined, false, false],
    [["Content-Type: multipart/form-data; boundary=x"], multipart, false, false],
    [[], "x", false, false],
  ] as const;
  for (const [lines, body, detected, byPath] of cases) {
    const command = commandOf(["POST / HTTP/1.1", ...lines], body);
    for (const [mask, ok] of [
      [looking, detected],
      [fields, byPath],
    ] as const) {
      const { rule } = mask;
      const outcome = command.mask([maskOf({ detect: ["pii.email"] }), mask]);
      t.match(
        outcome,
        ok ? { ok, applied: [{}, { rule }] } : { ok, rule },
        `${rule.rule}: ${lines.join()} ${body}`,
      );
    }
  }
  const empty = commandOf(["GET / HTTP/1.1"], "");
  t.same(empty.mask([looking, fields]), { ok: true, applied: [] }, "nothing is sent, nothing hidden");
  t.end();
});

t.test("a decoder of the API has the last word, but for what was unknown before", (t) => {
  const api: ApiDecoder = {
    name: "a",
    refusal: () => ({}),
    pieces: () => [],
    repeats: [],
    usage: () => undefined,
    facts: { model: { type: "string", description: "" } },
    decode: ({ target }) =>
      target.segments[0] === "v1" ? { access: "read", facts: { model: "m" } } : undefined,
  };
  const json = "Content-Type: application/json";
  const known = commandOf(["POST /v1/chat HTTP/1.1", json], "{}", { ...TERMS, api });
  t.same([known.access, known.facts["access"], known.facts["model"]], ["read", "read", "m"]);
  const unknown = commandOf(["POST /v2/chat HTTP/1.1", json], "{}", { ...TERMS, api });
  t.same(
    [unknown.access, unknown.facts["access"], unknown.facts["model"]],
    ["unknown", "unknown", undefined],
  );
  t.equal(commandOf(["POST /v1/chat HTTP/1.1", json], "{", { ...TERMS, api }).access, "unknown");
  t.end();
});

function named(rule: string): RuleReference {
  return { policy: "p", rule, source: "p.yaml:1" };
}

/** @param body undefined for one that was not read to its end */
function commandOf(lines: readonly string[], body: string | undefined, terms = TERMS): HttpCommand {
  const bytes = body === undefined ? undefined : Buffer.from(body);
  const length = body === "" ? [] : [`Content-Length: ${bytes?.length ?? 99}`];
  const [line = "", ...fields] = lines;
  const text = [line, "Host: gateway", ...length, ...fields].map((one) => `${one}\r\n`).join("");
  const found = findHead(Buffer.from(`${text}\r\n`, "latin1"), 0, 65_536);
  if (found === undefined) throw new Error("the head has no end");
  const head = parseRequestHead(found);
  return new HttpCommand({ head, target: readTarget(head.target), fields: head.fields, body: bytes }, terms);
}
