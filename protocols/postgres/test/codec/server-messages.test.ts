import { Readable } from "node:stream";
import type { RefusalKind } from "@gatehouse/core";
import { parse } from "pg-protocol";
import t from "tap";
import {
  decodeAuthentication,
  encodeAuthenticationCleartextPassword,
  encodeAuthenticationOk,
} from "../../src/codec/authentication.ts";
import { decodeBackendKeyData, encodeBackendKeyData } from "../../src/codec/backend-key-data.ts";
import { decodeCopyOutResponse } from "../../src/codec/copy-out-response.ts";
import { decodeDataRow } from "../../src/codec/data-row.ts";
import { decodeErrorResponse, encodeErrorResponse } from "../../src/codec/error-response.ts";
import {
  checkNegotiateProtocolVersion,
  encodeNegotiateProtocolVersion,
} from "../../src/codec/negotiate-protocol-version.ts";
import { decodeParameterDescription } from "../../src/codec/parameter-description.ts";
import { parameterText } from "../../src/codec/parameter.ts";
import { decodeParameterStatus, encodeParameterStatus } from "../../src/codec/parameter-status.ts";
import { decodeRowDescription } from "../../src/codec/row-description.ts";
import { decodeReadyForQuery, encodeReadyForQuery } from "../../src/codec/ready-for-query.ts";
import { encodeRefusal, encodeViolation } from "../../src/refusal.ts";

const violation = { code: "PROTOCOL_VIOLATION" };
const NEGOTIATE = encodeNegotiateProtocolVersion({ major: 3, minor: 0 }, ["_pq_.a"]);

/** What pg-protocol reads in these bytes. */
async function read(bytes: Buffer): Promise<object[]> {
  const messages: object[] = [];
  await parse(Readable.from([bytes]), (message) => messages.push(message));
  return messages;
}

t.test("what the gateway says in the server's place is read by pg-protocol", async (t) => {
  const bytes = [
    encodeAuthenticationCleartextPassword(),
    encodeAuthenticationOk(),
    encodeParameterStatus({ name: "TimeZone", value: "Zürich" }),
    encodeBackendKeyData({ processId: 7, secretKey: Buffer.from([0, 0, 1, 1]) }),
    encodeReadyForQuery(),
  ];
  t.match(await read(Buffer.concat(bytes)), [
    { name: "authenticationCleartextPassword" },
    { name: "authenticationOk" },
    { name: "parameterStatus", parameterName: "TimeZone", parameterValue: "Zürich" },
    { name: "backendKeyData", processID: 7, secretKey: 257 },
    { name: "readyForQuery", status: "I" },
  ]);
});

t.test("an error has all its fields at the client", async (t) => {
  const report = {
    severity: "ERROR",
    sqlstate: "42501",
    message: "Nein, größe",
    detail: "d",
    hint: "h",
    position: 8,
  } as const;
  t.match(await read(encodeErrorResponse(report)), [
    {
      name: "error",
      severity: "ERROR",
      code: "42501",
      message: "Nein, größe",
      detail: "d",
      hint: "h",
      position: "8",
    },
  ]);
  const [bare] = await read(encodeErrorResponse({ severity: "FATAL", sqlstate: "08P01", message: "m" }));
  t.match(bare, { severity: "FATAL", detail: undefined, hint: undefined, position: undefined });
});

t.test("each kind of refusal has its SQLSTATE", async (t) => {
  const codes: Readonly<Record<RefusalKind, string>> = {
    plaintext: "28000",
    credential: "28P01",
    target: "3D000",
    level: "28000",
    policy: "42501",
    protocol: "08P01",
    syntax: "42601",
    unknown_name: "26000",
    unknown_cursor: "34000",
    unsupported: "0A000",
    encoding: "22021",
    canceled: "57014",
    too_large: "54000",
    unavailable: "08001",
    busy: "57P01",
    too_many: "53300",
    expired: "57P01",
    revoked: "57P01",
    idle: "57P05",
    idle_in_transaction: "25P03",
    internal: "XX000",
  };
  // What the server would have said itself has no reference, as it has none there.
  const serversOwn = ["protocol", "syntax", "encoding", "unknown_name", "unknown_cursor"];
  for (const kind of Object.keys(codes) as RefusalKind[]) {
    const refusal = { kind, message: "m", hint: "h", reference: "ref_1" };
    const detail = serversOwn.includes(kind) ? undefined : "Reference: ref_1";
    const expected = { code: codes[kind], message: "m", hint: "h", detail };
    t.match(await read(encodeRefusal(refusal, "ERROR")), [expected], kind);
  }
  const own = { kind: "syntax", code: "0A000", message: "m", detail: "d", reference: "ref_1" } as const;
  t.match(await read(encodeRefusal(own, "ERROR")), [{ code: "0A000", message: "m", detail: "d" }]);
  t.match(await read(encodeViolation("m")), [{ code: "08P01", severity: "FATAL" }]);
});

t.test("a NUL in a text does not end its message early", async (t) => {
  const bytes = encodeErrorResponse({ severity: "ERROR", sqlstate: "42501", message: "a\0Mb", hint: "h" });
  t.match(await read(bytes), [{ message: "a", hint: "h" }]);
});

t.test("what is written is read again", async (t) => {
  const key = { processId: 7, secretKey: Buffer.from([1, 2, 3, 4]) };
  t.strictSame(decodeBackendKeyData(encodeBackendKeyData(key).subarray(5)), key);
  const status = { name: "a", value: "" };
  t.strictSame(decodeParameterStatus(encodeParameterStatus(status).subarray(5)), status);
  t.equal(decodeReadyForQuery(Buffer.from("I")), "idle");
  t.equal(decodeReadyForQuery(Buffer.from("T")), "open");
  t.equal(decodeReadyForQuery(Buffer.from("E")), "failed");
  const fields = decodeErrorResponse(Buffer.from("SERROR\0C42501\0M\xff\0\0", "latin1"));
  t.strictSame([...fields.keys()], ["S", "C", "M"], "a text in another encoding is no reason to fail");
  t.strictSame(NEGOTIATE, Buffer.from("v\0\0\0\x13\0\x03\0\0\0\0\0\x01_pq_.a\0", "latin1"));
});

t.test("a row's values, and the types of a statement's parameters", async (t) => {
  const row = Buffer.from("0003 00000002 c3bc ffffffff 00000000".replaceAll(" ", ""), "hex");
  t.strictSame(decodeDataRow(row), [Buffer.from("ü"), null, Buffer.alloc(0)]);
  t.throws(() => decodeDataRow(Buffer.from("0001fffffffe", "hex")), violation, "no length");
  const types = Buffer.from("0002 00000017 ffffffff".replaceAll(" ", ""), "hex");
  t.strictSame(decodeParameterDescription(types), [23, 4_294_967_295]);
  t.strictSame(decodeParameterDescription(Buffer.alloc(2)), []);
});

t.test("the ways of authentication are told apart", async (t) => {
  const body = (code: number, rest = "") => Buffer.concat([Buffer.from([0, 0, 0, code]), Buffer.from(rest)]);
  t.strictSame(decodeAuthentication(body(0)), { kind: "ok" });
  t.strictSame(decodeAuthentication(body(10, "A\0B\0\0")), { kind: "sasl", mechanisms: ["A", "B"] });
  t.strictSame(decodeAuthentication(body(11, "x")), { kind: "sasl-continue", data: Buffer.from("x") });
  t.strictSame(decodeAuthentication(body(12, "x")), { kind: "sasl-final", data: Buffer.from("x") });
  t.strictSame(decodeAuthentication(body(3)), { kind: "password" });
  t.strictSame(decodeAuthentication(body(5, "salt")), { kind: "md5", salt: Buffer.from("salt") });
  t.strictSame(decodeAuthentication(body(7)), { kind: "other", code: 7 });
});

t.test("cut short anywhere, what a server sends is refused", async (t) => {
  const messages: readonly (readonly [string, Buffer, (body: Buffer) => unknown])[] = [
    ["Ok", Buffer.from([0, 0, 0, 0]), decodeAuthentication],
    ["MD5", Buffer.from("\0\0\0\x05salt", "latin1"), decodeAuthentication],
    ["SASL", Buffer.from("\0\0\0\x0aA\0B\0\0", "latin1"), decodeAuthentication],
    ["NegotiateProtocolVersion", NEGOTIATE.subarray(5), checkNegotiateProtocolVersion],
    ["ParameterStatus", Buffer.from("a\0b\0"), decodeParameterStatus],
    ["ParameterDescription", Buffer.from([0, 2, 0, 0, 0, 23, 0, 0, 0, 25]), decodeParameterDescription],
    [
      "RowDescription",
      Buffer.from("0001 6100 00000001 0001 00000019 ffff ffffffff 0001".replaceAll(" ", ""), "hex"),
      decodeRowDescription,
    ],
    ["CopyOutResponse", Buffer.from([1, 0, 2, 0, 1, 0, 1]), decodeCopyOutResponse],
    ["DataRow", Buffer.from("000200000001 61 ffffffff".replaceAll(" ", ""), "hex"), decodeDataRow],
    ["ErrorResponse", Buffer.from("SERROR\0C42501\0\0"), decodeErrorResponse],
    ["ReadyForQuery", Buffer.from("I"), decodeReadyForQuery],
    ["BackendKeyData", Buffer.from([0, 0, 0, 1]), decodeBackendKeyData],
  ];
  for (const [name, body, decode] of messages) {
    decode(body);
    for (let length = 0; length < body.length; length++) {
      t.throws(() => decode(body.subarray(0, length)), violation, `${name}, ${length} bytes`);
    }
    if (name === "BackendKeyData") continue;
    t.throws(() => decode(Buffer.concat([body, Buffer.from("x")])), violation, `${name}, a byte more`);
  }
});

t.test("what a server could send without end has a bound", async (t) => {
  const mechanisms = (count: number) => Buffer.from(`\0\0\0\x0a${"A\0".repeat(count)}\0`, "latin1");
  t.match(decodeAuthentication(mechanisms(16)), { kind: "sasl" });
  t.throws(() => decodeAuthentication(mechanisms(17)), violation);
  t.equal(decodeBackendKeyData(Buffer.alloc(4 + 256)).secretKey.length, 256, "the longest of protocol 3.2");
  t.throws(() => decodeBackendKeyData(Buffer.alloc(4 + 257)), violation);
});

t.test("a server that has no version 3 is none", async (t) => {
  checkNegotiateProtocolVersion(encodeNegotiateProtocolVersion({ major: 3, minor: 2 }, []).subarray(5));
  const other = encodeNegotiateProtocolVersion({ major: 2, minor: 0 }, []);
  t.throws(() => checkNegotiateProtocolVersion(other.subarray(5)), violation);
});

t.test("a status that is none of the three is refused", async (t) => {
  t.throws(() => decodeReadyForQuery(Buffer.from("X")), violation);
});

t.test("a parameter is written as its type says", async (t) => {
  const hex = (text: string) => Buffer.from(text, "hex");
  for (const [binary, type, value, expected] of [
    [false, 0, Buffer.from("größe"), "größe"],
    [true, 16, hex("01"), "true"],
    [true, 16, hex("00"), "false"],
    [true, 21, hex("fffe"), "-2"],
    [true, 23, hex("00000007"), "7"],
    [true, 20, hex("ffffffffffffffff"), "-1"],
    [true, 700, hex("3fc00000"), "1.5"],
    [true, 701, hex("3ff8000000000000"), "1.5"],
    [true, 25, Buffer.from("x"), "x"],
    [true, 2950, hex("00112233445566778899aabbccddeeff"), "00112233-4455-6677-8899-aabbccddeeff"],
    [true, 17, hex("00ff"), "\\x00ff"],
    [true, 0, hex("00000007"), "\\x00000007"],
    [true, 23, hex("0007"), "\\x0007"],
  ] as const) {
    t.equal(parameterText({ binary, value }, type), expected, `${type}`);
  }
  t.equal(parameterText({ binary: true, value: null }, 23), null);
});
