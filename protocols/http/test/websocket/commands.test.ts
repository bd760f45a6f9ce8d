import t from "tap";
import type { ApiDecoder } from "../../src/api/decoder.ts";
import { apis } from "../../src/api/index.ts";
import { httpFacts } from "../../src/facts/request-facts.ts";
import { type Message, WebSocketMessage } from "../../src/websocket/commands.ts";
import { maskOf } from "../masking/masks.ts";
import { openingCommand } from "./ends.ts";

const opening = { command: openingCommand(), secret: new Set<string>() };

function text(words: string, secret: readonly string[] = []): WebSocketMessage {
  return new WebSocketMessage(
    { kind: "text", bytes: Buffer.from(words) },
    { ...opening, secret: new Set(secret) },
  );
}

const binary = (size: number): WebSocketMessage => new WebSocketMessage({ kind: "binary", size }, opening);

t.test("a message's facts", (t) => {
  const { facts, ...command } = text('{"op":"buy","n":2}');
  t.match(facts, {
    ...{
      kind: "message",
      access: "write",
      method: "",
      upgrade: "",
      path: "/v1/socket",
      query: { room: ["1"] },
    },
    ...{
      message: '{"op":"buy","n":2}',
      json: { op: "buy", n: 2 },
      size: 18,
      bodyKnown: true,
      contentType: "",
    },
  });
  t.same(
    [command.kind, command.verbs, command.access, command.resources],
    ["message", ["MESSAGE"], "write", ["/v1/socket"]],
  );
  t.end();
});

t.test("what a message is not is not there, so that a rule that names it fails", (t) => {
  // What an API knows of its requests is no message's either.
  const ofApis = new Set(Object.values(apis).flatMap(({ facts }) => Object.keys(facts)));
  const known = Object.keys(httpFacts.facts).filter((name) => !ofApis.has(name));
  const absent = ({ facts }: WebSocketMessage) => known.filter((name) => !(name in facts));
  t.same(absent(text("[1]")), ["form", "parts"]);
  t.same(absent(text("hello")), ["json", "form", "parts"]);
  t.same(absent(binary(3)), ["message", "json", "form", "parts"]);
  t.end();
});

t.test("what its access is", (t) => {
  const accessOf = (words: string) => text(words).access;
  t.equal(accessOf("hello"), "write");
  t.equal(accessOf("7"), "write");
  for (const words of ['{"a":1,"a":2}', '{"a":1', " [1,]", "\ufeff{}", '{"a":1e999}']) {
    t.equal(accessOf(words), "unknown", words);
  }
  t.equal(binary(3).access, "unknown");
  t.end();
});

t.test("to an API that is known by its requests, a message is unknown", (t) => {
  const api: ApiDecoder = {
    ...{ name: "some", facts: { host: { type: "string", description: "Its own." } }, repeats: [] },
    decode: () => undefined,
    refusal: () => null,
    pieces: () => [],
    usage: () => undefined,
  };
  const message = new WebSocketMessage({ kind: "text", bytes: Buffer.from("a") }, { ...opening, api });
  t.equal(message.access, "unknown");
  t.notOk("host" in message.facts);
  t.end();
});

t.test("what people are shown", (t) => {
  t.equal(text("hello").text, "WebSocket /v1/socket\n\nhello");
  t.equal(text('{"Pin":1}', ["pin"]).text, 'WebSocket /v1/socket\n\n{"Pin":"[hidden]"}');
  t.equal(text("pin=1", ["pin"]).text, "WebSocket /v1/socket\n\n(5 bytes)");
  t.equal(binary(3).text, "WebSocket /v1/socket\n\n(binary, 3 bytes)");
  t.equal(binary(-1).text, "WebSocket /v1/socket\n\n(binary)");
  t.ok(text("x".repeat(10_000)).text.length < 9000);
  t.end();
});

t.test("what tells it from another", (t) => {
  const of = (message: WebSocketMessage) => message.fingerprint?.();
  t.equal(of(text("a")), of(text("a")));
  t.not(of(text("a")), of(text("b")));
  const other = { command: openingCommand(["X-Room: 2"]), secret: new Set<string>() };
  const message: Message = { kind: "text", bytes: Buffer.from("a") };
  t.not(of(text("a")), of(new WebSocketMessage(message, other)), "asked for in another way");
  t.not(of(text("a")), opening.command.fingerprint?.(), "the request itself");
  t.equal(of(binary(1)), undefined);
  t.end();
});

t.test("what of its masks is put on answers", (t) => {
  const masks = [
    maskOf({ columns: ["public.users.email"] }),
    maskOf({ fields: ["$.a"], detect: ["pii.email"] }),
  ];
  const { rule } = masks[1] ?? {};
  t.same(text("a").mask(masks), { ok: true, applied: [{ rule, hides: ["$.a", "pii.email"] }] });
  const requests = maskOf({ detect: ["pii.email"], requests: { restore: true } });
  t.match(text("a").mask([...masks, requests]), { ok: false, rule: requests.rule });
  t.end();
});
