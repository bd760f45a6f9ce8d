import {
  brotliCompressSync,
  constants,
  createGzip,
  deflateRawSync,
  deflateSync,
  gzipSync,
  zstdCompressSync,
} from "node:zlib";
import t from "tap";
import { canOpen, opened } from "../../src/masking/opened.ts";
import type { Sink } from "../../src/masking/sink.ts";
import { Collected, inPieces, malformed, pour, through } from "./support.ts";

const text = Buffer.from(`{"name":"Zoë 🌍","rows":[${"1,22,333,".repeat(400)}4]}`);
const codings: readonly (readonly [string, (bytes: Buffer) => Buffer])[] = [
  ["gzip", (bytes) => gzipSync(bytes)],
  ["x-gzip", (bytes) => gzipSync(bytes)],
  ["deflate", (bytes) => deflateSync(bytes)],
  ["deflate", (bytes) => deflateRawSync(bytes)],
  ["br", (bytes) => brotliCompressSync(bytes)],
  ["zstd", (bytes) => zstdCompressSync(bytes)],
];

t.test("each coding is opened, in pieces of any size", async (t) => {
  for (const [coding, close] of codings) {
    const closed = close(text);
    for (const size of [1, 2, 3, 7, 64, closed.length]) {
      const out = await through((next) => opened([coding], next), inPieces(closed, size));
      t.same(out, text, `${coding} by ${size}`);
    }
  }
});

t.test("what was applied last is opened first, and identity is none", async (t) => {
  const closed = brotliCompressSync(gzipSync(text));
  const out = await through((next) => opened(["gzip", "identity", "br"], next), inPieces(closed, 50));
  t.same(out, text);
  t.same(await through((next) => opened(["identity"], next), [text]), text);
  t.same(await through((next) => opened([], next), [text]), text);
});

t.test("what is not known, or too many in a row, is not opened", async (t) => {
  for (const applied of [["compress"], ["gzip", "aes128gcm"], ["gzip", "gzip", "gzip"], ["constructor"]]) {
    t.equal(canOpen(applied), false);
    t.throws(() => opened(applied, new Collected()), malformed);
  }
  t.equal(canOpen(["br", "identity", "zstd"]), true);
});

t.test("a body without a byte is none in any coding", async (t) => {
  t.same(await through((next) => opened(["gzip"], next), []), Buffer.alloc(0));
});

t.test("several members of gzip are one body", async (t) => {
  const closed = Buffer.concat([gzipSync("one "), gzipSync("two")]);
  t.equal((await through((next) => opened(["gzip"], next), [closed])).toString(), "one two");
});

t.test("what is cut off is no whole body, wherever it is cut", async (t) => {
  for (const [coding, close] of codings) {
    const closed = close(Buffer.from("a short text, a short text"));
    for (let length = 1; length < closed.length; length++) {
      const next = new Collected();
      const sink = opened([coding], next);
      await t.rejects(pour([closed.subarray(0, length)], sink), malformed, `${coding} of ${length}`);
      t.equal(next.ended, 0);
    }
  }
});

t.test("nothing may stand behind the end, in the same piece or in another one", async (t) => {
  for (const [coding, close] of codings) {
    const closed = close(text);
    for (const more of [Buffer.from("more"), Buffer.alloc(4)]) {
      const next = new Collected();
      await t.rejects(pour([closed, more], opened([coding], next)), malformed, coding);
      await t.rejects(pour([Buffer.concat([closed, more])], opened([coding], next)), malformed, coding);
      t.equal(next.ended, 0);
    }
  }
});

t.test("what is no coding of the kind is broken off, and stays so", async (t) => {
  for (const [coding] of codings) {
    const next = new Collected();
    const sink = opened([coding], next);
    await t.rejects(pour([Buffer.from("this is plain text and nothing else")], sink), malformed, coding);
    t.throws(() => sink.write([text]), malformed);
    sink.abort();
    t.same([next.ended, next.aborted], [0, 1]);
  }
});

t.test("a bomb is broken off before more has come of it than may, one in another too", async (t) => {
  const zeros = Buffer.alloc(64 * 1024 * 1024);
  const inner = gzipSync(zeros);
  for (const [applied, closed] of [
    [["gzip"], inner],
    [["br"], brotliCompressSync(zeros, { params: { [constants.BROTLI_PARAM_QUALITY]: 3 } })],
    [["zstd"], zstdCompressSync(zeros)],
    [["gzip", "gzip"], gzipSync(inner)],
  ] as const) {
    let most = 0;
    const counter: Sink = {
      write: (content) => {
        for (const { length } of content) most += length;
        return undefined;
      },
      end: () => undefined,
      abort: () => undefined,
    };
    await t.rejects(pour(inPieces(closed, 1024), opened(applied, counter)), malformed, applied.join());
    t.ok(most <= Math.max(1024 * 1024, 200 * closed.length), `${most} bytes of ${applied.join()}`);
  }
});

t.test("a small body may be as dense as it likes, and a large one that is no bomb", async (t) => {
  const small = Buffer.alloc(1024 * 1024, "a");
  t.ok((await through((next) => opened(["br"], next), [brotliCompressSync(small)])).equals(small));
  const large = Buffer.from(Array.from({ length: 400_000 }, (_, number) => `${number},`).join(""));
  const closed = gzipSync(large, { level: 1 });
  t.ok((await through((next) => opened(["gzip"], next), inPieces(closed, 4096))).equals(large));
});

t.test("a window of zstd that is larger than anybody has to take is not opened", async (t) => {
  // A frame of one raw block, with the window that its second byte behind the magic number says (RFC 8878, section 3.1.1.1.2).
  const frame = (exponent: number) =>
    Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, exponent << 3, 0x19, 0, 0, 0x61, 0x62, 0x63]);
  t.equal((await through((next) => opened(["zstd"], next), [frame(23 - 10)])).toString(), "abc");
  await t.rejects(pour([frame(24 - 10)], opened(["zstd"], new Collected())), malformed);
});

t.test("what was flushed by the target comes out before more is there", async (t) => {
  const next = new Collected();
  const arrived = Promise.withResolvers<void>();
  const sink = opened(["gzip"], {
    write: (content) => {
      void next.write(content);
      arrived.resolve();
      return undefined;
    },
    end: () => next.end(),
    abort: () => next.abort(),
  });
  const gzip = createGzip();
  gzip.on("data", (piece: Buffer) => void sink.write([piece]));
  gzip.write("data: first\n\n");
  gzip.flush();
  await arrived.promise;
  t.equal(next.text, "data: first\n\n");
  sink.abort();
  gzip.destroy();
});

t.test("who has no room is not given more, and a sender is told so", async (t) => {
  const large = Buffer.from(Array.from({ length: 400_000 }, (_, number) => `${number},`).join(""));
  const next = new Collected();
  const room = Promise.withResolvers<void>();
  next.room = room.promise;
  const sink = opened(["gzip"], next);
  const pieces = inPieces(gzipSync(large), 16 * 1024);
  let taken = 0;
  const pouring = (async () => {
    for (const piece of pieces) {
      const wait = sink.write([piece]);
      taken++;
      await wait;
    }
    await sink.end();
  })();
  // As many turns as an opener that does not wait would need for all of it.
  for (let turn = 0; turn < 500; turn++) await new Promise(setImmediate);
  t.ok(taken < pieces.length, `${taken} of ${pieces.length} were taken`);
  t.ok(next.bytes.length < 256 * 1024, `${next.bytes.length} were given`);
  next.room = undefined;
  room.resolve();
  await pouring;
  t.ok(next.bytes.equals(large));
});

t.test("that the receiver has gone is what the sender is told", async (t) => {
  const gone = new Error("gone");
  for (const write of [
    () => Promise.reject(gone),
    () => {
      throw gone;
    },
  ]) {
    const sink = opened(["gzip"], { write, end: () => undefined, abort: () => undefined });
    await t.rejects(pour([gzipSync(text)], sink), gone);
  }
});

t.test("given up in the middle, it lets go of who waits", async (t) => {
  const next = new Collected();
  next.room = new Promise(() => undefined);
  const sink = opened(["gzip"], next);
  const pouring = pour(inPieces(gzipSync(Buffer.from(text.toString().repeat(3000))), 100), sink);
  await new Promise(setImmediate);
  sink.abort();
  await t.rejects(pouring, malformed);
  t.same([next.ended, next.aborted], [0, 1]);
});
