import { once } from "node:events";
import type { Socket } from "node:net";
import { serialize } from "pg-protocol";
import t, { type Test } from "tap";
import { encodeAuthenticationOk } from "../src/codec/authentication.ts";
import { encodeBackendKeyData } from "../src/codec/backend-key-data.ts";
import { frame } from "../src/codec/framing.ts";
import { encodeParameterStatus } from "../src/codec/parameter-status.ts";
import { encodeReadyForQuery } from "../src/codec/ready-for-query.ts";
import { eventually } from "./support/eventually.ts";
import { type Front, startFront, startFrontWithServer } from "./support/front.ts";
import { errorIn, letter, RawClient } from "./support/raw-client.ts";
import { fakeServer } from "./support/target.ts";

/* What is too large to be held passes, slows down who sends it, or is refused: nothing of it is kept. */

const MIB = 1024 * 1024;
/** As long as the protocol allows a message to be, without its type (PQ_LARGE_MESSAGE_LIMIT). */
const LARGEST = 0x3fff_ffff;
/** What a process may grow by all the same: the chunks that its garbage collector has not come to yet. */
const GARBAGE = 160 * MIB;

const { query, copyDone, sync, parse, bind, execute } = serialize;

/** A message's beginning, with a length that what follows has to make good. */
function header(type: string, length: number): Buffer {
  const bytes = Buffer.alloc(5);
  bytes.write(type);
  bytes.writeUInt32BE(length, 1);
  return bytes;
}

const CHUNK = Buffer.alloc(MIB, "x");

/** Writes so many bytes, as fast as they are taken. @param written told of each piece that was handed over */
async function pour(socket: Socket, size: number, written: (bytes: number) => void = () => undefined) {
  for (let left = size; left > 0 && !socket.destroyed; ) {
    const piece = left < MIB ? CHUNK.subarray(0, left) : CHUNK;
    left -= piece.length;
    written(piece.length);
    if (!socket.write(piece)) await once(socket, "drain");
  }
}

/** Reads so many bytes, and keeps none. */
async function swallow(socket: Socket, size: number): Promise<void> {
  for (let left = size; left > 0; ) {
    const chunk: unknown = socket.read(Math.min(left, Math.max(socket.readableLength, 1)));
    if (Buffer.isBuffer(chunk)) left -= chunk.length;
    else await once(socket, "readable");
  }
}

/** The most that the process has grown by, while `work` was done; the gateway, the client and the target are in it. */
async function growth(work: () => Promise<unknown>): Promise<number> {
  const held = () => process.memoryUsage().arrayBuffers;
  const before = held();
  let most = before;
  const timer = setInterval(() => {
    most = Math.max(most, held());
  }, 5);
  await work();
  clearInterval(timer);
  return Math.max(most, held()) - before;
}

const START = Buffer.concat([
  frame("R", Buffer.from("\0\0\0\x05salt", "latin1")),
  encodeAuthenticationOk(),
  ...[
    ["server_version", "18.0"],
    ["client_encoding", "UTF8"],
    ["standard_conforming_strings", "on"],
    ["search_path", "public"],
  ].map(([name = "", value = ""]) => encodeParameterStatus({ name, value })),
  encodeBackendKeyData({ processId: 7, secretKey: Buffer.from("0123") }),
  encodeReadyForQuery(),
]);
const complete = (tag: string) => Buffer.concat([frame("C", Buffer.from(`${tag}\0`)), encodeReadyForQuery()]);
const ROW_DESCRIPTION = frame(
  "T",
  Buffer.from("\0\x01x\0\0\0\0\0\0\0\0\0\0\x19\xff\xff\xff\xff\xff\xff\0\0", "latin1"),
);

/** A target that takes and gives messages which no real server would for as little. */
interface LargeTarget {
  readonly front: Front;
  /** Bytes of what is large: taken from the client, and handed to the socket for it. */
  taken: number;
  given: number;
  /** The gateway's newest connection. */
  socket: Socket | undefined;
}

/** A front before such a target: COPY large takes one message, `from large` gives one row. @param size of each */
async function largeTarget(t: Test, size: number): Promise<LargeTarget> {
  const address = await fakeServer(t, (socket) => {
    target.socket = socket;
    let taking = false;
    socket.once("data", () => {
      socket.write(START);
      socket.on("data", (chunk: Buffer) => {
        const text = taking ? "" : chunk.toString("latin1");
        if (taking) {
          target.taken += chunk.length;
          taking = target.taken < 1 + size + copyDone().length;
          if (!taking) socket.write(complete("COPY 1"));
        } else if (text.includes("copy large")) {
          socket.write(frame("G", Buffer.from([0, 0, 0])));
          taking = true;
        } else if (text.includes("from large")) give(socket).catch(() => socket.destroy());
        else if (text.includes("select"))
          socket.write(Buffer.concat([ROW_DESCRIPTION, complete("SELECT 0")]));
      });
    });
  });
  async function give(socket: Socket): Promise<void> {
    const column = Buffer.from([0, 1, 0, 0, 0, 0]);
    column.writeUInt32BE(size - 10, 2);
    socket.write(Buffer.concat([ROW_DESCRIPTION, header("D", size), column]));
    await pour(socket, size - 10, (bytes) => {
      target.given += bytes;
    });
    socket.write(complete("SELECT 1"));
  }
  const front = await startFront({ address, settings: { requireAuth: ["md5"] } });
  t.teardown(() => front.close());
  const target: LargeTarget = { front, taken: 0, given: 0, socket: undefined };
  return target;
}

t.test("a CopyData of 1 GB from the client passes, and none of it stays", async (t) => {
  const target = await largeTarget(t, LARGEST);
  const client = await target.front.connect();
  client.send(query("copy large from stdin"));
  await client.until("G");
  const grown = await growth(async () => {
    client.send(header("d", LARGEST));
    await pour(client.socket, LARGEST - 4);
    client.send(copyDone());
    t.equal(await client.shape(), "CZI");
  });
  t.equal(target.taken, 1 + LARGEST + 5);
  t.ok(grown < GARBAGE, `${grown} bytes`);
  await goesOn(t, client);
});

t.test("a row of 400 MB from the target passes, and none of it stays", async (t) => {
  const size = 400 * MIB;
  const target = await largeTarget(t, size);
  const client = await target.front.connect();
  client.send(query("select x from large"));
  client.release();
  const grown = await growth(() => swallow(client.socket, ROW_DESCRIPTION.length + 1 + size));
  t.equal(target.given, size - 10);
  t.ok(grown < GARBAGE, `${grown} bytes`);
  await goesOn(t, new RawClient(client.socket), "CZI");
});

t.test("a client that does not read stops its own target, and nobody else's", async (t) => {
  const target = await largeTarget(t, 256 * MIB);
  const slow = await target.front.connect();
  const producer = target.socket;
  slow.release();
  slow.socket.pause();
  const other = await target.front.connect();
  const grown = await growth(async () => {
    slow.send(query("select x from large"));
    await eventually(() => target.given > 0 && producer?.writableNeedDrain === true);
    for (let n = 0; n < 500; n++) {
      other.send(query(`select ${n}`));
      await other.until("Z");
    }
  });
  t.ok(target.given < 64 * MIB, `${target.given} bytes were given`);
  t.ok(grown < 64 * MIB, `${grown} bytes`);
  await swallow(slow.socket, ROW_DESCRIPTION.length + 1 + 256 * MIB);
  await goesOn(t, new RawClient(slow.socket), "CZI");
  await goesOn(t, other);
});

t.test("a target that does not read stops its own client, and nobody else", async (t) => {
  const target = await largeTarget(t, 256 * MIB);
  const slow = await target.front.connect();
  const consumer = target.socket;
  slow.send(query("copy large from stdin"));
  await slow.until("G");
  consumer?.pause();
  const other = await target.front.connect();
  let sent = 0;
  let poured: Promise<void> = Promise.resolve();
  const grown = await growth(async () => {
    slow.send(header("d", 256 * MIB));
    poured = pour(slow.socket, 256 * MIB - 4, (bytes) => {
      sent += bytes;
    });
    await eventually(() => slow.socket.writableNeedDrain);
    for (let n = 0; n < 500; n++) {
      other.send(query(`select ${n}`));
      await other.until("Z");
    }
  });
  t.ok(sent < 64 * MIB, `${sent} bytes were taken from the client`);
  t.ok(grown < 64 * MIB, `${grown} bytes`);
  consumer?.resume();
  await poured;
  slow.send(copyDone());
  t.equal(await slow.shape(), "CZI");
  await goesOn(t, slow);
  await goesOn(t, other);
});

/** @param rest what of its last answer is still to come */
async function goesOn(t: Test, client: RawClient, rest?: string): Promise<void> {
  if (rest !== undefined) t.equal(await client.shape(), rest);
  client.send(query("select 1"));
  t.match(await client.shape(), /^TD?CZI$/, "the session goes on");
  client.socket.destroy();
}

t.test("what has to be held and is larger than the limits is refused, and the session goes on", async (t) => {
  const { front, server, admin } = await startFrontWithServer({ limits: { message: MIB, statement: 1000 } });
  t.teardown(async () => {
    await admin.end();
    await front.close();
    await server.stop();
  });
  const long = `select '${"x".repeat(1000)}'`;
  const unit = (size: number) => [
    parse({ text: "select length($1)" }),
    bind({ values: ["x".repeat(size)] }),
    execute(),
    sync(),
  ];
  const refused: Readonly<Record<string, readonly [readonly Buffer[], string]>> = {
    "a statement over limits.statement": [[query(long)], "EZI"],
    "one to be prepared": [[parse({ text: long }), bind(), execute(), sync()], "EZI"],
    "a Query over limits.message": [[query("x".repeat(2 * MIB))], "EZI"],
    "a Parse": [[parse({ text: "x".repeat(2 * MIB) }), sync()], "EZI"],
    "a Bind": [unit(2 * MIB), "1EZI"],
    "a FunctionCall": [[header("F", 2 * MIB + 4), Buffer.alloc(2 * MIB)], "EZI"],
  };
  const client = await front.connect();
  for (const [what, [messages, shape]] of Object.entries(refused)) {
    client.send(...messages);
    const frames = await client.until("Z");
    t.equal(`${frames.map(letter).join("")}${frames.at(-1)?.body.toString() ?? ""}`, shape, what);
    t.equal(errorIn(frames).get("C"), "54000", what);
  }
  client.send(...unit(MIB / 2));
  t.equal(await client.shape(), "12DCZI", "what is within them is not");
  client.send(query("begin"), ...unit(2 * MIB), query("select 1"), query("rollback"));
  const shapes = [await client.shape(), await client.shape(), await client.shape(), await client.shape()];
  t.strictSame(shapes, ["CZT", "1EZE", "EZE", "CZI"], "a transaction fails by it, as by any error");
  t.match(
    front.gate.events.filter(({ type }) => type === "refused").at(-1),
    { refused: { kind: "too_large", text: /^a message of type B with \d+ bytes$/ } },
    "it is on the log, and not whole",
  );
  await goesOn(t, client);
});

t.test("a Bind of 300 MB is refused without being held", async (t) => {
  const { front } = await largeTarget(t, MIB);
  const client = await front.connect();
  const grown = await growth(async () => {
    client.send(header("B", 300 * MIB));
    await pour(client.socket, 300 * MIB - 4);
  });
  t.ok(grown < GARBAGE, `${grown} bytes`);
  await front.gate.until((events) => events.at(-1)?.type === "refused");
  client.socket.destroy();
});
