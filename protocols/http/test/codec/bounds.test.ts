/** What never ends, or comes in the smallest of pieces, costs memory within a bound, and work in proportion to what has come. */
import { collector } from "@gatehouse/testkit";
import t from "tap";
import { BodyReader } from "../../src/codec/body-reader.ts";
import { HeadReader } from "../../src/codec/head-reader.ts";
import { Malformed } from "../../src/codec/malformed.ts";
import { countWork } from "./work.ts";

const HEAD = 64 * 1024;
/** What is sent of each, if nobody refuses it before. */
const SENT = 256 * 1024;
/** Bytes that may be looked at or copied for each that has come. */
const WORK = 16;

interface Endless {
  readonly name: string;
  /** What comes first, and what comes behind it again and again. */
  readonly start?: string;
  readonly again: string;
  readonly of: "head" | "body";
  /** Bytes after which it is refused; undefined where it is content, and nobody's to bound here. */
  readonly refusedBy?: number;
}

const endless: readonly Endless[] = [
  { name: "a first line", again: "A", of: "head", refusedBy: HEAD + 1 },
  { name: "a field's value", start: "GET / HTTP/1.1\r\nX: ", again: "y", of: "head", refusedBy: HEAD + 1 },
  { name: "fields", start: "GET / HTTP/1.1\r\n", again: "X: y\r\n", of: "head", refusedBy: HEAD + 1 },
  { name: "empty fields", start: "GET / HTTP/1.1\r\n", again: ":\r\n", of: "head", refusedBy: HEAD + 1 },
  { name: "a chunk's size", again: "0", of: "body", refusedBy: 9 },
  { name: "a chunk's extension", start: "5;", again: "x", of: "body", refusedBy: 2 },
  { name: "trailers", start: "0\r\n", again: "X: y\r\n", of: "body", refusedBy: 8 * 1024 + 1 },
  { name: "a trailer's value", start: "0\r\nX: ", again: "y", of: "body", refusedBy: 8 * 1024 + 1 },
  { name: "tiny chunks", again: "1\r\nx\r\n", of: "body" },
  { name: "tiny chunks with zeros", again: "00000001\r\nx\r\n", of: "body" },
  { name: "one chunk", start: "ffffffff\r\n", again: "x", of: "body" },
];

for (const { name, start = "", again, of, refusedBy } of endless) {
  const bytes = Buffer.from((start + again.repeat(SENT)).slice(0, SENT), "latin1");
  for (const size of [1, 7, 16_384]) {
    t.test(`${name} without an end, in pieces of ${size}`, async (t) => {
      const reader = of === "head" ? new HeadReader(HEAD) : new BodyReader({ kind: "chunked" });
      let taken = 0;
      let parts = 0;
      let refused = false;
      const work = countWork(() => {
        try {
          while (taken < bytes.length) {
            const piece = bytes.subarray(taken, taken + size);
            taken += piece.length;
            const read = reader.push(piece);
            if (read !== undefined && "content" in read) parts = Math.max(parts, read.content.length);
          }
        } catch (error) {
          if (!(error instanceof Malformed)) throw error;
          refused = true;
        }
      });
      t.equal(refused, refusedBy !== undefined);
      // What comes with the byte too many is taken with it.
      t.ok(taken < (refusedBy ?? bytes.length) + size, `${taken} bytes were taken`);
      t.ok(work <= WORK * taken, `${work} bytes of work`);
      t.ok(parts <= 16, `${parts} pieces of content at a time`);
    });
  }
}

t.test("a head that has begun does not keep the piece in which it came", async (t) => {
  const collect = collector();
  const used = () => {
    collect();
    return process.memoryUsage().arrayBuffers;
  };
  const before = used();
  const readers = Array.from({ length: 200 }, () => {
    const piece = Buffer.alloc(64 * 1024, "GET / HTTP/1.1");
    const reader = new HeadReader(HEAD);
    reader.push(piece.subarray(-10));
    return reader;
  });
  t.ok(used() - before < 1024 * 1024);
  t.ok(readers.every(({ length }) => length === 10));
});

t.test("a head that has ended leaves nothing", async (t) => {
  const reader = new HeadReader(HEAD);
  const head = Buffer.from(`GET / HTTP/1.1\r\nX: ${"y".repeat(60_000)}\r\n\r\nrest`);
  t.equal(reader.push(head.subarray(0, 50_000)), undefined);
  t.equal(reader.length, 50_000);
  t.equal(reader.push(head.subarray(50_000))?.rest.toString(), "rest");
  t.equal(reader.length, 0);
});
