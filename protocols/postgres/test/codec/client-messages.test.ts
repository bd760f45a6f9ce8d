import { serialize } from "pg-protocol";
import t from "tap";
import { decodeBind } from "../../src/codec/bind.ts";
import { decodeNamedObject } from "../../src/codec/describe.ts";
import { decodeExecute } from "../../src/codec/execute.ts";
import { type Frame, FrameReader, frame } from "../../src/codec/framing.ts";
import { decodeFunctionCall, encodeFunctionCall } from "../../src/codec/function-call.ts";
import { decodeParse } from "../../src/codec/parse.ts";
import { decodePasswordMessage, encodePasswordMessage } from "../../src/codec/password-message.ts";
import { decodeQuery, encodeQuery } from "../../src/codec/query.ts";
import { encodeSaslInitialResponse, encodeSaslResponse } from "../../src/codec/sasl.ts";
import { encodeStartupMessage } from "../../src/codec/startup-message.ts";
import {
  decodeStartupPacket,
  encodeCancelRequest,
  encodeSslRequest,
  startupPacketLength,
} from "../../src/codec/startup-packet.ts";

const violation = { code: "PROTOCOL_VIOLATION" };

/** The one message in these bytes. */
function only(bytes: Buffer): Frame {
  const reader = new FrameReader(1_000_000);
  reader.push(bytes);
  const message = reader.next();
  if (message === undefined || reader.rest().length > 0) throw new Error("not one message");
  return message;
}

const bind = serialize.bind({
  portal: "p",
  statement: "s",
  values: ["text", null, Buffer.from([0, 255]), "", "größe"],
});

t.test("what pg-protocol sends is read as it was meant", async (t) => {
  t.strictSame(decodeQuery(only(serialize.query("select 'größe'")).body), Buffer.from("select 'größe'"));
  t.strictSame(decodeParse(only(serialize.parse({ name: "s", text: "select $1", types: [23, 0] })).body), {
    statement: "s",
    text: Buffer.from("select $1"),
    parameterTypes: [23, 0],
  });
  t.strictSame(decodeBind(only(bind).body), {
    portal: "p",
    statement: "s",
    parameters: [
      { binary: false, value: Buffer.from("text") },
      { binary: false, value: null },
      { binary: true, value: Buffer.from([0, 255]) },
      { binary: false, value: Buffer.alloc(0) },
      { binary: false, value: Buffer.from("größe") },
    ],
  });
  t.strictSame(decodeBind(only(serialize.bind({ binary: true })).body), {
    portal: "",
    statement: "",
    parameters: [],
  });
  t.strictSame(decodeNamedObject(only(serialize.describe({ type: "S", name: "s" })).body), {
    object: "statement",
    name: "s",
  });
  t.strictSame(decodeNamedObject(only(serialize.close({ type: "P" })).body), { object: "portal", name: "" });
  t.strictSame(decodeExecute(only(serialize.execute({ portal: "p", rows: 7 })).body), {
    portal: "p",
    rows: 7,
  });
  t.equal(decodePasswordMessage(only(serialize.password("pässword")).body), "pässword");
});

t.test("what the gateway sends is what pg-protocol would", async (t) => {
  t.strictSame(encodeQuery("select 'größe'"), serialize.query("select 'größe'"));
  t.strictSame(encodePasswordMessage("pässword"), serialize.password("pässword"));
  t.strictSame(
    encodeSaslInitialResponse("SCRAM-SHA-256", "n,,n=,r=x"),
    serialize.sendSASLInitialResponseMessage("SCRAM-SHA-256", "n,,n=,r=x"),
  );
  t.strictSame(encodeSaslResponse("c=biws"), serialize.sendSCRAMClientFinalMessage("c=biws"));
  t.strictSame(encodeSslRequest(), serialize.requestSsl());
  t.strictSame(encodeCancelRequest(7, Buffer.from([0, 0, 1, 1])), serialize.cancel(7, 257));
});

t.test("a start-up packet of pg-protocol's, and the gateway's own", async (t) => {
  const theirs = serialize.startup({ user: "reader", database: "größe" });
  t.equal(startupPacketLength(theirs), theirs.length);
  const packet = decodeStartupPacket(theirs);
  if (packet.kind !== "startup") throw new Error(packet.kind);
  t.strictSame([packet.major, packet.minor], [3, 0]);
  t.strictSame(
    packet.parameters,
    new Map([
      ["user", "reader"],
      ["database", "größe"],
      ["client_encoding", "UTF8"],
    ]),
  );
  t.strictSame(decodeStartupPacket(encodeStartupMessage(packet.parameters)), packet);
  t.strictSame(decodeStartupPacket(serialize.requestSsl()), { kind: "ssl" });
  t.strictSame(decodeStartupPacket(serialize.cancel(7, 257)), {
    kind: "cancel",
    processId: 7,
    secretKey: Buffer.from([0, 0, 1, 1]),
  });
});

t.test("a start-up packet's length is within PostgreSQL's own bounds", async (t) => {
  const prefix = (length: number) => Buffer.from(Uint32Array.of(length).buffer).swap32();
  for (const length of [0, 7, 10_001, 0x4000_0000, 0xffff_ffff]) {
    t.throws(() => startupPacketLength(prefix(length)), violation, String(length));
  }
  for (const length of [8, 10_000]) t.equal(startupPacketLength(prefix(length)), length);
});

/** lo_create('\\x0102'::oid, NULL), the first argument in binary: libpq has no other kind, and pg-protocol none at all. */
const functionCall = Buffer.from(
  "000002cb 0002 0001 0000 0002 00000002 0102 ffffffff 0001".replaceAll(" ", ""),
  "hex",
);

const decoders: readonly (readonly [string, Buffer, (body: Buffer) => unknown])[] = [
  ["Query", only(serialize.query("select 1")).body, decodeQuery],
  ["Parse", only(serialize.parse({ name: "s", text: "select $1", types: [23, 25] })).body, decodeParse],
  ["Bind", only(bind).body, decodeBind],
  ["Describe", only(serialize.describe({ type: "S", name: "s" })).body, decodeNamedObject],
  ["Execute", only(serialize.execute({ portal: "p", rows: 7 })).body, decodeExecute],
  ["FunctionCall", functionCall, decodeFunctionCall],
  ["Password", only(serialize.password("secret")).body, decodePasswordMessage],
  ["StartupMessage", serialize.startup({ user: "reader" }), decodeStartupPacket],
  ["SSLRequest", serialize.requestSsl(), decodeStartupPacket],
];

for (const [name, body, decode] of decoders) {
  t.test(`${name}: cut short anywhere, or with a byte more, it is refused`, async (t) => {
    decode(body);
    for (let length = 0; length < body.length; length++) {
      t.throws(() => decode(body.subarray(0, length)), violation, `${length} of ${body.length} bytes`);
    }
    t.throws(() => decode(Buffer.concat([body, Buffer.alloc(1)])), violation, "a byte more");
  });
}

t.test("a text is handed on as it is: which encoding it is in, the session knows", async (t) => {
  const text = Buffer.from([0xc3, 0x28]);
  t.strictSame(decodeQuery(Buffer.concat([text, Buffer.alloc(1)])), text);
  t.strictSame(decodeParse(Buffer.concat([Buffer.alloc(1), text, Buffer.alloc(3)])).text, text);
});

t.test("names that are not UTF-8 are refused", async (t) => {
  const bad = Buffer.from([0xc3, 0x28]);
  const zero = Buffer.alloc(1);
  const text = Buffer.concat([bad, zero]);
  for (const [what, decode, body] of [
    ["Parse's name", decodeParse, Buffer.concat([text, zero, zero, zero])],
    ["Bind's portal", decodeBind, Buffer.concat([text, Buffer.alloc(7)])],
    ["Bind's statement", decodeBind, Buffer.concat([zero, text, Buffer.alloc(6)])],
    ["Describe's name", decodeNamedObject, Buffer.concat([Buffer.from("S"), text])],
    ["Execute's portal", decodeExecute, Buffer.concat([text, Buffer.alloc(4)])],
    ["the password", decodePasswordMessage, text],
  ] as const) {
    t.throws(() => decode(body), violation, what);
  }
});

t.test("names that are one to the server are one here", async (t) => {
  const name = (text: string) => decodeExecute(Buffer.concat([Buffer.from(text), Buffer.alloc(5)])).portal;
  const long = "a".repeat(63);
  t.equal(name(long), long);
  t.equal(name(`${long}b`), long, "of more than 63 bytes it takes the beginning");
  t.equal(name(`${"ü".repeat(31)}b`), `${"ü".repeat(31)}b`);
  t.throws(() => name("ü".repeat(32)), violation, "where that ends is for the server's encoding to say");
});

t.test("a Bind whose counts or lengths do not fit is refused", async (t) => {
  const head = [0, 0];
  t.throws(() => decodeBind(Buffer.from([...head, 0, 2, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0])), violation);
  t.throws(() => decodeBind(Buffer.from([...head, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xfe, 0, 0])), violation);
  t.throws(() => decodeBind(Buffer.from([...head, 0, 0, 0xff, 0xff])), violation);
  t.throws(() => decodeBind(Buffer.from([...head, 0, 0, 0, 1, 0x7f, 0xff, 0xff, 0xff, 0, 0])), violation);
  const one = decodeBind(Buffer.from([...head, 0, 1, 0, 1, 0, 2, 0, 0, 0, 0, 255, 255, 255, 255, 0, 0]));
  t.ok(
    one.parameters.every(({ binary }) => binary),
    "one format is for all",
  );
});

t.test("a Describe of neither statement nor portal is refused", async (t) => {
  t.throws(() => decodeNamedObject(Buffer.from("X\0")), violation);
});

t.test("a FunctionCall is read with its arguments", async (t) => {
  t.strictSame(decodeFunctionCall(functionCall), {
    objectId: 715,
    parameters: [
      { binary: true, value: Buffer.from([1, 2]) },
      { binary: false, value: null },
    ],
  });
  t.strictSame(decodeFunctionCall(only(encodeFunctionCall(4_000_000_000)).body), {
    objectId: 4_000_000_000,
    parameters: [],
  });
  t.strictSame(only(frame("X")).body, Buffer.alloc(0));
});
