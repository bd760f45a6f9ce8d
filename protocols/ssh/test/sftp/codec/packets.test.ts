import { GatehouseError } from "@gatehouse/core";
import t, { type Test } from "tap";
import { decodeWrite, writeHeader } from "../../../src/sftp/codec/handle-request.ts";
import { decodeInitialization, encodeInit, encodeVersion } from "../../../src/sftp/codec/initialization.ts";
import { limitsWithin } from "../../../src/sftp/codec/limits.ts";
import { decodeRequest, encodeRequest, type Request } from "../../../src/sftp/codec/request.ts";
import {
  checkReply,
  decodeData,
  decodeResponse,
  dataHeader,
  encodeAttributes,
  encodeHandle,
  encodeNames,
  encodeStatus,
} from "../../../src/sftp/codec/response.ts";

const path = Buffer.from("/srv/ä");
const to = Buffer.from("/srv/b");
const attributes = {
  size: 2n ** 63n - 1n,
  owner: { user: 1000, group: 4_294_967_295 },
  permissions: 0o100_644,
  times: { accessed: 1, modified: 4_294_967_295 },
  extended: [[Buffer.from("a@example.com"), Buffer.from("b")]] as const,
};
const handle = "\x00\xffh";

const requests: readonly Request[] = [
  { type: "open", path, flags: 0x1a, attributes },
  { type: "close", handle },
  { type: "read", handle, offset: 2 ** 40 + 1, length: 32_768 },
  { type: "lstat", path },
  { type: "fstat", handle },
  { type: "setstat", path, attributes },
  { type: "fsetstat", handle, attributes: { permissions: 0o600 } },
  { type: "opendir", path },
  { type: "readdir", handle },
  { type: "remove", path },
  { type: "mkdir", path, attributes: {} },
  { type: "rmdir", path },
  { type: "realpath", path },
  { type: "stat", path },
  { type: "rename", path, to },
  { type: "readlink", path },
  { type: "symlink", path, pointsTo: to },
  { type: "posix-rename", path, to },
  { type: "hardlink", path, to },
  { type: "statvfs", path },
  { type: "expand-path", path },
  { type: "lsetstat", path, attributes: { size: 0n } },
  { type: "fstatvfs", handle },
  { type: "fsync", handle },
  { type: "limits" },
  { type: "copy-data", handle, offset: 1, length: 0n, to: "other", toOffset: 2 ** 33 },
  { type: "home-directory", user: Buffer.from("dana") },
  { type: "users-groups-by-id", users: Buffer.alloc(8, 1), groups: Buffer.alloc(4) },
];

for (const request of requests) {
  t.test(`${request.type}: read as it was written, and in no other length`, (t) => {
    const packet = encodeRequest(0xffff_fffe, request);
    t.equal(packet.readUInt32BE(0), packet.length - 4);
    const body = packet.subarray(4);
    t.same(decodeRequest(body), { id: 0xffff_fffe, request });
    refusesOtherLengths(t, body, decodeRequest);
    t.end();
  });
}

const answers: Readonly<Record<string, Buffer>> = {
  handle: encodeHandle(7, handle),
  names: encodeNames(7, [path, to]),
  attributes: encodeAttributes(7, attributes),
};

for (const [name, packet] of Object.entries(answers)) {
  t.test(`an answer with ${name}: read as it was written, and in no other length`, (t) => {
    const body = packet.subarray(4);
    t.equal(decodeResponse(body).id, 7);
    refusesOtherLengths(t, body, decodeResponse);
    t.end();
  });
}

t.test("answers hold what was written", (t) => {
  t.same(decodeResponse(encodeHandle(1, handle).subarray(4)).response, { type: "handle", handle });
  t.same(decodeResponse(encodeNames(1, [path]).subarray(4)).response, { type: "name", names: [path] });
  t.same(decodeResponse(encodeAttributes(1, attributes).subarray(4)).response, { type: "attrs", attributes });
  t.end();
});

t.test("a status may end behind its code, or behind its message, and nowhere else", (t) => {
  const body = encodeStatus(1, 3, "No.").subarray(4);
  const ends = new Set([9, 16, body.length]);
  for (let length = 0; length <= body.length; length++) {
    const cut = body.subarray(0, length);
    if (ends.has(length)) t.same(decodeResponse(cut).response, { type: "status", code: 3 });
    else t.throws(() => decodeResponse(cut), { code: "PROTOCOL_VIOLATION" });
  }
  t.end();
});

t.test("the data of WRITE and DATA are where they lie, and as long as they say", (t) => {
  const data = Buffer.from("abcdef");
  const write = writeHeader(9, { handle, offset: 2 ** 41, length: data.length });
  t.equal(write.readUInt32BE(0), write.length - 4 + data.length);
  const head = Buffer.concat([write.subarray(4), data.subarray(0, 2)]);
  const rest = data.subarray(2);
  const decoded = decodeWrite([head, rest]);
  t.match(decoded, { id: 9, handle, offset: 2 ** 41, length: 6 });
  t.same(Buffer.concat(decoded.data), data);
  t.equal(decoded.data[1], rest, "no byte was copied");
  for (const lie of [data.subarray(0, 5), Buffer.concat([data, data])]) {
    t.throws(() => decodeWrite([write.subarray(4), lie]), { code: "PROTOCOL_VIOLATION" });
    t.throws(() => decodeData([dataHeader(9, 6).subarray(4), lie]), { code: "PROTOCOL_VIOLATION" });
  }
  t.match(decodeData([dataHeader(9, 6).subarray(4), data]), { id: 9, length: 6 });
  t.end();
});

t.test("what version 3 does not have is no packet", (t) => {
  for (const type of [0, 1, 2, 6, 21, 22, 101, 105, 199, 201, 255]) {
    t.throws(() => decodeRequest(Buffer.of(type, 0, 0, 0, 1)), { code: "PROTOCOL_VIOLATION" }, String(type));
  }
  for (const type of [3, 16, 100, 106, 200]) {
    t.throws(() => decodeResponse(Buffer.of(type, 0, 0, 0, 1)), { code: "PROTOCOL_VIOLATION" }, String(type));
  }
  t.end();
});

t.test("attributes with flags that version 3 does not have are refused", (t) => {
  const body = encodeRequest(1, { type: "mkdir", path: Buffer.from("a"), attributes: {} }).subarray(4);
  for (let bit = 4; bit < 31; bit++) {
    body.writeUInt32BE((1 << bit) >>> 0, body.length - 4);
    t.throws(() => decodeRequest(body), { code: "PROTOCOL_VIOLATION" });
  }
  t.end();
});

t.test("an extension that is not known is told from one that is broken", (t) => {
  const packet = encodeRequest(5, { type: "fsync", handle: "h" }).subarray(4);
  t.same(decodeRequest(Buffer.from(packet.toString("latin1").replace("fsync", "fsynk"), "latin1")), {
    id: 5,
    request: undefined,
  });
  t.throws(() => decodeRequest(packet.subarray(0, -1)), { code: "PROTOCOL_VIOLATION" });
  t.end();
});

t.test("handles and offsets are bounded", (t) => {
  t.throws(() => decodeRequest(encodeRequest(1, { type: "close", handle: "h".repeat(257) }).subarray(4)), {
    code: "PROTOCOL_VIOLATION",
  });
  const read = encodeRequest(1, { type: "read", handle: "h", offset: 0, length: 1 }).subarray(4);
  read.writeUInt32BE(0xffff_ffff, read.length - 12);
  t.throws(() => decodeRequest(read), { code: "PROTOCOL_VIOLATION" });
  t.end();
});

t.test("a count of names that can't be there costs nothing", (t) => {
  const body = encodeNames(1, []).subarray(4);
  body.writeUInt32BE(0xffff_ffff, 5);
  t.throws(() => decodeResponse(body), { code: "PROTOCOL_VIOLATION" });
  t.end();
});

t.test("what extensions answer keeps to its grammar", (t) => {
  checkReply("statvfs", Buffer.alloc(88));
  checkReply("limits", Buffer.alloc(32));
  const users = Buffer.from("00000005000000016100000000", "hex");
  checkReply("users-groups-by-id", users);
  for (let length = 0; length < users.length; length++) {
    t.throws(() => checkReply("users-groups-by-id", users.subarray(0, length)), {
      code: "PROTOCOL_VIOLATION",
    });
  }
  t.throws(() => checkReply("statvfs", Buffer.alloc(87)), { code: "PROTOCOL_VIOLATION" });
  t.throws(() => checkReply("limits", Buffer.alloc(33)), { code: "PROTOCOL_VIOLATION" });
  t.end();
});

t.test("limits are no wider than the gateway's", (t) => {
  const data = Buffer.alloc(32);
  for (const [at, value] of [2n ** 40n, 0n, 1000n, 77n].entries()) data.writeBigUInt64BE(value, at * 8);
  const within = limitsWithin(data, 34_000);
  t.same(
    [0, 8, 16, 24].map((at) => within.readBigUInt64BE(at)),
    [34_000n, 32_976n, 1000n, 77n],
  );
  t.end();
});

t.test("INIT and VERSION hold a version and names", (t) => {
  const initialization = { version: 3, extensions: [{ name: "a@example.com", data: "\xff" }] };
  const body = encodeVersion(initialization).subarray(4);
  t.same(decodeInitialization(body), initialization);
  t.same(decodeInitialization(encodeInit(6).subarray(4)), { version: 6, extensions: [] });
  for (let length = 6; length < body.length; length++) {
    t.throws(() => decodeInitialization(body.subarray(0, length)), { code: "PROTOCOL_VIOLATION" });
  }
  t.end();
});

function refusesOtherLengths(t: Test, body: Buffer, decode: (body: Buffer) => unknown): void {
  for (let length = 0; length < body.length; length++) {
    try {
      decode(body.subarray(0, length));
      t.fail(`${String(length)} bytes were taken for all of it`);
    } catch (error) {
      if (!(error instanceof GatehouseError) || error.code !== "PROTOCOL_VIOLATION") t.fail(String(error));
    }
  }
  t.throws(() => decode(Buffer.concat([body, Buffer.of(0)])), { code: "PROTOCOL_VIOLATION" });
}
