import t, { type Test } from "tap";
import { framed } from "../../src/sftp/codec/fields.ts";
import { writeHeader } from "../../src/sftp/codec/handle-request.ts";
import { encodeInit, encodeVersion } from "../../src/sftp/codec/initialization.ts";
import { openFlag, packet } from "../../src/sftp/codec/numbers.ts";
import { decodeRequest, encodeRequest, type Request, type Requested } from "../../src/sftp/codec/request.ts";
import {
  dataHeader,
  encodeAttributes,
  encodeHandle,
  encodeNames,
  encodeStatus,
} from "../../src/sftp/codec/response.ts";
import { PacketStream, bodyOf } from "../../src/sftp/framing.ts";
import type { SftpOptions } from "../../src/sftp/relay.ts";
import { codeOf, settled, SftpPair } from "../support/sftp-pair.ts";

/* Peers that do not keep to the grammar, or to what was asked: the test is the target, and says what it answers. */

type Scripted = (asked: Requested, answer: (...bytes: readonly Buffer[]) => void) => void;

/** A pair whose target answers REALPATH with what it was asked, "missing" to LSTAT, and else as the script says. */
async function withTarget(t: Test, script: Scripted, options: SftpOptions = {}): Promise<SftpPair> {
  const pair = new SftpPair(options);
  const packets = new PacketStream();
  const answer = (...bytes: readonly Buffer[]) => pair.relay.fromTarget(Buffer.concat(bytes));
  pair.target = (chunk) => {
    packets.push(chunk);
    for (let next = packets.next(); next; next = packets.next()) {
      if (next.type === packet.init) answer(encodeVersion({ version: 3, extensions: LIMITS }));
      else if (next.type !== packet.write) {
        const { id, request } = decodeRequest(bodyOf(next));
        if (request?.type === "realpath") {
          const path = request.path.toString("utf8");
          answer(encodeNames(id, [Buffer.from(path === "." ? "/home" : path)]));
        } else script({ id, request }, answer);
      }
    }
  };
  await pair.start();
  t.teardown(() => pair.relay.over());
  return pair;
}

const LIMITS = [{ name: "limits@openssh.com", data: "1" }];
const path = Buffer.from("f");
const stat: Request = { type: "stat", path };
const read: Request = { type: "read", handle: "h", offset: 0, length: 4 };

/** The header of a packet that ends a byte before its data. */
function shorter(header: Buffer): Buffer {
  header.writeUInt32BE(header.readUInt32BE(0) - 1, 0);
  return header;
}

/** The first handle is given; whatever else is asked is answered so. */
function opening(answers: (id: number) => readonly Buffer[]): Scripted {
  return ({ id, request }, answer) => {
    if (request?.type === "open") answer(encodeHandle(id, "h"));
    else answer(...answers(id));
  };
}

t.test("an answer that can't be one ends the channel", async (t) => {
  const cases: Readonly<Record<string, readonly [Request, (id: number) => readonly Buffer[]]>> = {
    "to nothing": [stat, (id) => [encodeStatus(id + 1, 2, "")]],
    "a handle for attributes": [stat, (id) => [encodeHandle(id, "h")]],
    "data for attributes": [stat, (id) => [dataHeader(id, 1), Buffer.of(1)]],
    "OK for attributes": [stat, (id) => [encodeStatus(id, 0, "")]],
    "a name for a removal": [{ type: "remove", path }, (id) => [encodeNames(id, [path])]],
    "two names for a link": [{ type: "readlink", path }, (id) => [encodeNames(id, [path, path])]],
    "attributes for a folder": [{ type: "opendir", path }, (id) => [encodeAttributes(id, {})]],
    "limits that are none": [{ type: "limits" }, (id) => [Buffer.of(0, 0, 0, 6, 201, 0, 0, 0, id, 1)]],
    "more data than asked for": [read, (id) => [dataHeader(id, 5), Buffer.alloc(5)]],
    "a length that lies": [read, (id) => [shorter(dataHeader(id, 4)), Buffer.alloc(3)]],
    "a handle that is open": [
      { type: "open", path, flags: openFlag.read, attributes: {} },
      (id) => [encodeHandle(id, "h")],
    ],
    "a version again": [stat, () => [encodeVersion({ version: 3, extensions: [] })]],
    "a request": [stat, (id) => [encodeRequest(id, stat)]],
    "a packet without an end": [stat, () => [Buffer.of(0xff, 0xff, 0xff, 0xff)]],
    "an empty packet": [stat, () => [Buffer.alloc(4)]],
  };
  for (const [name, [request, answers]] of Object.entries(cases)) {
    let opened = 0;
    const pair = await withTarget(t, ({ id, request }, answer) => {
      if (request?.type === "open" && opened++ === 0) answer(encodeHandle(id, "h"));
      else answer(...answers(id));
    });
    await pair.opened("f");
    void pair.ask(request);
    await settled();
    t.match(pair.failure, { code: "PROTOCOL_VIOLATION" }, name);
    const sent = pair.toTarget.length;
    void pair.ask(read);
    t.equal(pair.toTarget.length, sent, "nothing is relayed any more");
  }
});

t.test("a request that breaks the grammar ends the channel", async (t) => {
  const lies = writeHeader(1, { handle: "h", offset: 0, length: 9 });
  lies.writeUInt32BE(lies.length - 4 + 3, 0);
  const whole = encodeRequest(1, stat);
  const cases: Readonly<Record<string, Buffer>> = {
    "INIT again": encodeInit(3),
    "an answer": encodeStatus(1, 0, ""),
    "an unknown type": Buffer.of(0, 0, 0, 5, 99, 0, 0, 0, 1),
    "a WRITE of another length": Buffer.concat([lies, Buffer.alloc(3)]),
    "a string that is longer than its packet": Buffer.concat([
      whole.subarray(0, 9),
      Buffer.of(0, 0, 9, 9),
      path,
    ]),
    "no length": Buffer.alloc(4),
    "too much length": Buffer.of(0, 4, 0, 1),
  };
  for (const [name, bytes] of Object.entries(cases)) {
    const pair = await withTarget(
      t,
      opening((id) => [encodeStatus(id, 0, "")]),
    );
    await pair.opened("f");
    pair.relay.fromClient(bytes);
    await settled();
    t.match(pair.failure, { code: "PROTOCOL_VIOLATION" }, name);
  }
});

t.test("it begins with INIT, of version 3 at least, on both sides", async (t) => {
  for (const bytes of [
    encodeRequest(1, stat),
    encodeInit(2),
    encodeVersion({ version: 3, extensions: [] }),
  ]) {
    const pair = new SftpPair();
    pair.relay.fromClient(bytes);
    t.match(pair.failure, { code: "PROTOCOL_VIOLATION" });
    t.same(pair.toTarget, []);
  }
  for (const bytes of [encodeVersion({ version: 4, extensions: [] }), encodeStatus(0, 0, "")]) {
    const pair = new SftpPair();
    pair.target = () => pair.relay.fromTarget(bytes);
    void pair.start();
    await settled();
    t.match(pair.failure, { code: "PROTOCOL_VIOLATION" });
  }
});

t.test("requests that come before VERSION wait for it", async (t) => {
  const pair = new SftpPair();
  pair.relay.fromClient(Buffer.concat([encodeInit(3), encodeRequest(1, stat)]));
  await settled();
  t.equal(pair.toTarget.length, 1);
  t.same(pair.actions, []);
  t.equal(pair.failure, undefined);
});

t.test("a path from the target that can be read in two ways is refused", async (t) => {
  for (const given of [
    Buffer.of(0x2f, 0xff),
    Buffer.from("etc/x"),
    Buffer.from("/a/../etc"),
    Buffer.from("/a\0b"),
  ]) {
    const pair = new SftpPair();
    const packets = new PacketStream();
    let looks = 0;
    pair.target = (chunk) => {
      packets.push(chunk);
      for (let next = packets.next(); next; next = packets.next()) {
        if (next.type === packet.init) pair.relay.fromTarget(encodeVersion({ version: 3, extensions: [] }));
        else
          pair.relay.fromTarget(
            encodeNames(bodyOf(next).readUInt32BE(1), [looks++ === 0 ? Buffer.from("/") : given]),
          );
      }
    };
    await pair.start();
    t.equal(codeOf(await pair.ask(stat)), 3);
    t.same(pair.actions, []);
  }
});

t.test("a client that uses one id for two requests has two answers, each to what it is", async (t) => {
  const pair = await withTarget(t, ({ id, request }, answer) => {
    answer(request?.type === "stat" ? encodeAttributes(id, {}) : encodeNames(id, [path]));
  });
  pair.relay.fromClient(
    Buffer.concat([encodeRequest(500, stat), encodeRequest(500, { type: "readlink", path })]),
  );
  // The pair does not wait for this id: that both have come it tells by what it throws at the first.
  await settled();
  t.match(pair.failure, /an answer to nothing: 500/);
});

t.test("a handle that the target gives again, behind its CLOSE, is another file", async (t) => {
  const late: (() => void)[] = [];
  const pair = await withTarget(t, ({ id, request }, answer) => {
    if (request?.type === "close") late.push(() => answer(encodeStatus(id, 0, "")));
    else if (request?.type === "open") answer(encodeHandle(id, "h"));
    else if (request?.type === "read") answer(dataHeader(id, 1), Buffer.from("x"));
    else answer(encodeStatus(id, 0, ""));
  });
  await pair.opened("one");
  const closed = pair.told({ type: "close", handle: "h" });
  await settled();
  await pair.opened("two");
  for (const answer of late) answer();
  t.equal(await closed, 0);
  t.equal(await pair.told(read), "data");
});

t.test("data that come behind the answer to CLOSE go to the client, and into no sum", async (t) => {
  const late: (() => void)[] = [];
  const pair = await withTarget(t, ({ id, request }, answer) => {
    if (request?.type === "open") answer(encodeHandle(id, "h"));
    else if (request?.type === "read" && late.length === 0) {
      late.push(() => answer(dataHeader(id, 1), Buffer.from("x")));
    } else answer(encodeStatus(id, request?.type === "close" ? 0 : 1, ""));
  });
  await pair.opened("f");
  const first = pair.told(read);
  t.equal(await pair.told(read), 1);
  t.equal(await pair.told({ type: "close", handle: "h" }), 0);
  for (const answer of late) answer();
  t.equal(await first, "data");
  t.equal(pair.failure, undefined);
  t.match(pair.moved, [{ bytes: 0 }]);
});

t.test("nobody is told of limits, or asked for data, that the gateway would not let through", async (t) => {
  const lengths: number[] = [];
  const script: Scripted = ({ id, request }, answer) => {
    if (request?.type === "open") answer(encodeHandle(id, "h"));
    else if (request?.type === "limits") {
      answer(framed(packet.extendedReply, id, (writer) => writer.bytes(Buffer.alloc(32, 1))));
    } else {
      if (request?.type === "read") lengths.push(request.length);
      answer(encodeStatus(id, 1, ""));
    }
  };
  const pair = await withTarget(t, script, { maxPacket: 34_000 });
  const limits = await pair.ask({ type: "limits" });
  t.same(
    limits.type === "extended" && [0, 8, 16].map((at) => Number(limits.data.readBigUInt64BE(at))),
    [34_000, 32_976, 32_976],
  );
  await pair.opened("f");
  await pair.told({ ...read, length: 0xffff_ffff });
  t.same(lengths, [32_976]);
});

t.test("WRITEs that the target did not take are not told as moved whole", async (t) => {
  const pair = new SftpPair();
  const packets = new PacketStream();
  pair.target = (chunk) => {
    packets.push(chunk);
    for (let next = packets.next(); next; next = packets.next()) {
      const id = next.type === packet.init ? 0 : bodyOf(next).readUInt32BE(1);
      if (next.type === packet.init) pair.relay.fromTarget(encodeVersion({ version: 3, extensions: [] }));
      else if (next.type === packet.realpath) pair.relay.fromTarget(encodeNames(id, [Buffer.from("/f")]));
      else if (next.type === packet.open) pair.relay.fromTarget(encodeHandle(id, "h"));
      else pair.relay.fromTarget(encodeStatus(id, next.type === packet.write ? 4 : 0, "disk full"));
    }
  };
  await pair.start();
  await pair.opened("f", openFlag.write | openFlag.create | openFlag.truncate);
  t.equal(codeOf(await pair.write("h", 0, Buffer.from("abc"))), 4);
  await pair.told({ type: "close", handle: "h" });
  t.match(pair.moved, [{ bytes: 3, sha256: null, unhashed: "failed", complete: false }]);
});
