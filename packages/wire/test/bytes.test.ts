import t from "tap";
import { ByteReader, ByteWriter, ChunkQueue, decodeUtf8 } from "../src/index.ts";

const violation = { code: "PROTOCOL_VIOLATION" };

t.test("what a writer writes, a reader reads", async (t) => {
  const bytes = new ByteWriter(1)
    .uint8(255)
    .int16(-2)
    .int32(-3)
    .uint32(4_000_000_000)
    .cstring("größe")
    .bytes(Buffer.from([1, 2]))
    .toBuffer();
  const reader = new ByteReader(bytes);
  t.equal(reader.uint8(), 255);
  t.equal(reader.int16(), -2);
  t.equal(reader.int32(), -3);
  t.equal(reader.uint32(), 4_000_000_000);
  t.equal(reader.cstring(), "größe");
  t.equal(reader.remaining, 2);
  t.strictSame(reader.rest(), Buffer.from([1, 2]));
  reader.end();
});

t.test("a writer fills in a length that it did not know", async (t) => {
  const writer = new ByteWriter().int32(0).cstring("x");
  t.strictSame(writer.setInt32(0, writer.length).toBuffer(), Buffer.from([0, 0, 0, 6, 0x78, 0]));
});

t.test(
  "a text with a zero byte is cut there, so that its reader does not read a field that is none",
  async (t) => {
    t.strictSame(new ByteWriter().cstring("a\0b").toBuffer(), Buffer.from("a\0"));
  },
);

t.test("a reader that is asked for more than there is refuses", async (t) => {
  const short = Buffer.from([1]);
  for (const read of ["int16", "uint16", "int32", "uint32", "cstring", "cstringBytes"] as const) {
    t.throws(() => new ByteReader(short)[read](), violation, read);
  }
  t.throws(() => new ByteReader(Buffer.alloc(0)).uint8(), violation);
  t.throws(() => new ByteReader(short).bytes(2), violation);
  t.throws(() => new ByteReader(short).bytes(-1), violation);
  t.throws(() => new ByteReader(short).end(), violation);
});

t.test("what is not UTF-8 is refused, and a byte order mark is kept", async (t) => {
  for (const bytes of [[0xff], [0xc3], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf5, 0x80, 0x80, 0x80]]) {
    t.throws(() => decodeUtf8(Buffer.from(bytes)), violation);
  }
  t.equal(decodeUtf8(Buffer.from("\ufeffx")), "\ufeffx");
});

t.test("a queue gives its bytes back in order, however they came and are taken", async (t) => {
  const bytes = Buffer.from(Array.from({ length: 500 }, (_, i) => i & 255));
  for (const step of [1, 2, 3, 7, 64, 499, 500]) {
    for (const take of [1, 5, 100, 500]) {
      const queue = new ChunkQueue();
      for (let at = 0; at < bytes.length; at += step) queue.push(bytes.subarray(at, at + step));
      const taken: Buffer[] = [];
      while (queue.length > 0) {
        const size = Math.min(take, queue.length);
        const peeked = Buffer.from(queue.peek(size) ?? []);
        const piece = queue.take(size);
        if (piece === undefined || !piece.equals(peeked)) t.fail("peek and take differ");
        else taken.push(piece);
      }
      if (!Buffer.concat(taken).equals(bytes)) t.fail(`chunks of ${step}, taken by ${take}`);
    }
  }
  t.pass("every combination");
});

t.test("a queue with too little gives nothing, and keeps what it has", async (t) => {
  const queue = new ChunkQueue();
  queue.push(Buffer.from([1, 2]));
  t.equal(queue.peek(3), undefined);
  t.equal(queue.take(3), undefined);
  t.strictSame(queue.take(0), Buffer.alloc(0));
  t.strictSame(queue.takeAll(), Buffer.from([1, 2]));
  t.strictSame(queue.takeAll(), Buffer.alloc(0));
});

t.test("bytes that come one by one do not cost an object each", async (t) => {
  const queue = new ChunkQueue();
  globalThis.gc?.();
  const before = process.memoryUsage();
  for (let i = 0; i < 1_000_000; i++) queue.push(Buffer.from([i & 255]));
  globalThis.gc?.();
  const after = process.memoryUsage();
  t.equal(queue.length, 1_000_000);
  const grown = after.heapUsed + after.external - before.heapUsed - before.external;
  t.ok(grown < 60 * 1024 * 1024, `${grown} bytes`);
  t.equal(queue.takeAll()[999_999], 999_999 & 255);
});
