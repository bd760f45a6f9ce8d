import t from "tap";
import type { Field } from "../../src/codec/fields.ts";
import { findHead } from "../../src/codec/head.ts";
import { Malformed } from "../../src/codec/malformed.ts";
import { parseRequestHead } from "../../src/codec/request-head.ts";
import { parseResponseHead } from "../../src/codec/response-head.ts";
import { refusalAnswer } from "../../src/refusal.ts";
import { protocolFields, readUpgrade, TargetHandshake } from "../../src/websocket/handshake.ts";

const KEY = "dGhlIHNhbXBsZSBub25jZQ==";
/** What that key is answered by, as RFC 6455, section 1.3, has it. */
const ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

const VALID: Readonly<Record<string, string>> = {
  Host: "gateway",
  Connection: "keep-alive, Upgrade",
  Upgrade: "websocket",
  "Sec-WebSocket-Key": KEY,
  "Sec-WebSocket-Version": "13",
};

/** @param changes undefined takes a field out */
function upgradeOf(
  changes: Readonly<Record<string, string | undefined>> = {},
  { line = "GET /chat HTTP/1.1", more = [] }: { line?: string; more?: readonly string[] } = {},
) {
  const fields = Object.entries({ ...VALID, ...changes }).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}: ${value}`],
  );
  return readUpgrade(parseRequestHead(headOf([line, ...fields, ...more])));
}

function headOf(lines: readonly string[]) {
  const head = findHead(Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1"), 0, 100_000);
  if (head === undefined) throw new Error("No head was found.");
  return head;
}

function statusOf(ask: () => unknown): number {
  try {
    ask();
  } catch (error) {
    if (error instanceof Malformed) return error.status;
    throw error;
  }
  return 0;
}

t.test("a client's request", (t) => {
  t.same(upgradeOf(), { key: KEY, protocols: [] });
  t.same(upgradeOf({ Upgrade: "WebSocket", Connection: "upgrade" }), { key: KEY, protocols: [] });
  t.same(upgradeOf({ "Content-Length": "0" }), { key: KEY, protocols: [] });
  t.equal(upgradeOf({ Upgrade: undefined, Connection: "keep-alive" }), undefined);
  t.end();
});

for (const [name, status, changes, options] of [
  ["another method", 400, {}, { line: "POST /chat HTTP/1.1" }],
  ["HTTP/1.0", 400, {}, { line: "GET /chat HTTP/1.0" }],
  ["a connection that does not name it", 400, { Connection: "keep-alive" }],
  ["no connection", 400, { Connection: undefined }],
  ["another protocol", 501, { Upgrade: "h2c" }],
  ["another protocol beside it", 501, { Upgrade: "websocket, h2c" }],
  ["another protocol in a second field", 501, {}, { more: ["Upgrade: h2c"] }],
  ["a version of it", 501, { Upgrade: "websocket/13" }],
  ["no key", 400, { "Sec-WebSocket-Key": undefined }],
  ["an empty key", 400, { "Sec-WebSocket-Key": "" }],
  ["a key of 15 bytes", 400, { "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25j" }],
  ["a key of 17 bytes", 400, { "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZWE=" }],
  ["a key with bits behind its end", 400, { "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZR==" }],
  ["a key in base64url", 400, { "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25j-Q==" }],
  ["two keys", 400, {}, { more: [`Sec-WebSocket-Key: ${KEY}`] }],
  ["another version", 426, { "Sec-WebSocket-Version": "8" }],
  ["several versions", 426, { "Sec-WebSocket-Version": "13, 8" }],
  ["no version", 426, { "Sec-WebSocket-Version": undefined }],
  ["two versions", 400, {}, { more: ["Sec-WebSocket-Version: 13"] }],
  ["a body", 400, { "Content-Length": "1" }],
  ["a body in chunks", 400, { "Transfer-Encoding": "chunked" }],
  ["a subprotocol that is no name", 400, { "Sec-WebSocket-Protocol": "a b" }],
  ["an empty subprotocol", 400, { "Sec-WebSocket-Protocol": "a,,b" }],
  ["a subprotocol twice", 400, { "Sec-WebSocket-Protocol": "a, a" }],
  ["too many of them", 400, { "Sec-WebSocket-Protocol": Array.from({ length: 33 }, (_, n) => n).join() }],
] as const) {
  t.test(`refused: ${name}`, (t) => {
    t.equal(
      statusOf(() => upgradeOf(changes, options)),
      status,
    );
    t.end();
  });
}

t.test("who speaks another version is told which one is spoken", (t) => {
  const refusal = { kind: "protocol", message: "Another version.", reference: "ref_1" } as const;
  const { status, fields } = refusalAnswer(refusal, { status: 426 });
  t.equal(status, 426);
  t.match(Object.fromEntries(fields), {
    Upgrade: "websocket",
    Connection: "upgrade",
    "Sec-WebSocket-Version": "13",
  });
  t.end();
});

t.test("subprotocols are offered on, but those that are a credential", (t) => {
  const upgrade = upgradeOf(
    { "Sec-WebSocket-Protocol": "chat , realtime, openai-insecure-api-key.sk-1" },
    { more: ["Sec-WebSocket-Protocol: base64url.bearer.authorization.k8s.io.abc, v4.channel.k8s.io"] },
  );
  t.same(upgrade?.protocols, ["chat", "realtime", "v4.channel.k8s.io"]);
  const blanks = " \t".repeat(15_000);
  t.same(upgradeOf({ "Sec-WebSocket-Protocol": `chat,${blanks}v2${blanks}` })?.protocols, ["chat", "v2"]);
  t.equal(
    statusOf(() => upgradeOf({ "Sec-WebSocket-Protocol": `chat${blanks}v2` })),
    400,
    "a name with blanks in it is found out without looking at each of them again and again",
  );
  t.same(
    protocolFields(upgrade ?? { key: KEY, protocols: [] }).map(({ value }) => value),
    ["chat, realtime, v4.channel.k8s.io"],
  );
  t.end();
});

/** A target's answer to a handshake with the key of the RFC. */
function answered(changes: Readonly<Record<string, string | undefined>> = {}, line = "HTTP/1.1 101 Go") {
  const handshake = new TargetHandshake(
    { key: "AAAAAAAAAAAAAAAAAAAAAA==", protocols: ["chat", "Chat2"] },
    KEY,
  );
  const all: Readonly<Record<string, string | undefined>> = {
    ...{ Upgrade: "websocket", Connection: "Upgrade", "Sec-WebSocket-Accept": ACCEPT },
    ...changes,
  };
  const fields = Object.entries(all).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}: ${value}`],
  );
  return handshake.accept(parseResponseHead(headOf([line, ...fields]), "GET"));
}

t.test("what a target is asked", (t) => {
  const one = new TargetHandshake({ key: KEY, protocols: [] });
  const two = new TargetHandshake({ key: KEY, protocols: [] });
  const named = ({ fields }: TargetHandshake) =>
    new Map(fields.map(({ name, value }: Field) => [name, value]));
  t.same([...named(one).keys()], ["Upgrade", "Sec-WebSocket-Version", "Sec-WebSocket-Key"]);
  const keys = new Set([one, two].map((each) => named(each).get("Sec-WebSocket-Key")));
  t.equal(keys.size, 2, "each has a key of its own");
  t.notOk(keys.has(KEY), "and none the client's");
  for (const key of keys) t.equal(Buffer.from(key ?? "", "base64").length, 16);
  t.end();
});

t.test("a target's answer, and what the client is told", (t) => {
  const told = (fields: readonly Field[]) => fields.map(({ name, value }) => `${name}: ${value}`);
  t.same(told(answered()), ["Upgrade: websocket", "Sec-WebSocket-Accept: ICX+Yqv66kxgM0FcWaLWlFLwTAI="]);
  t.same(told(answered({ "Sec-WebSocket-Protocol": "Chat2" }))[2], "Sec-WebSocket-Protocol: Chat2");
  t.end();
});

for (const [name, changes, line] of [
  ["no accept", { "Sec-WebSocket-Accept": undefined }],
  ["another accept", { "Sec-WebSocket-Accept": "ICX+Yqv66kxgM0FcWaLWlFLwTAI=" }],
  ["the accept in other letters", { "Sec-WebSocket-Accept": ACCEPT.toLowerCase() }],
  ["no upgrade", { Upgrade: undefined }],
  ["another upgrade", { Upgrade: "h2c" }],
  ["two upgrades", { Upgrade: "websocket, h2c" }],
  ["a connection that does not name it", { Connection: "keep-alive" }],
  ["an extension", { "Sec-WebSocket-Extensions": "permessage-deflate" }],
  ["a subprotocol that was not offered", { "Sec-WebSocket-Protocol": "other" }],
  ["a subprotocol in other letters", { "Sec-WebSocket-Protocol": "chat2" }],
  ["two subprotocols", { "Sec-WebSocket-Protocol": "chat, Chat2" }],
  ["HTTP/1.0", {}, "HTTP/1.0 101 Go"],
] as const) {
  t.test(`not taken of a target: ${name}`, (t) => {
    t.throws(() => answered(changes, line), { code: "PROTOCOL_VIOLATION" });
    t.end();
  });
}
