import { serialize } from "pg-protocol";
import t from "tap";
import { type ClientMessage, ClientReader } from "../../src/codec/client-reader.ts";
import { frame } from "../../src/codec/framing.ts";

const violation = { code: "PROTOCOL_VIOLATION" };
const LIMIT = 1000;

function header(letter: string, length: number): Buffer {
  const bytes = Buffer.alloc(5);
  bytes.write(letter);
  bytes.writeInt32BE(length, 1);
  return bytes;
}

/** All that the reader makes of these chunks. */
function read(chunks: readonly Buffer[], limit = LIMIT): ClientMessage[] {
  const reader = new ClientReader(limit);
  const messages: ClientMessage[] = [];
  for (const chunk of chunks) {
    reader.push(chunk);
    for (let next = reader.next(); next; next = reader.next()) messages.push(next);
  }
  return messages;
}

/** One line a message; the pieces of a COPY's data, which may be cut anywhere, are one. */
function lines(messages: readonly ClientMessage[]): string[] {
  const list: string[] = [];
  let copied = "";
  for (const { type, bytes, tooLarge } of messages) {
    const letter = String.fromCharCode(type);
    if (letter === "d") copied += bytes.toString("hex");
    else {
      if (copied !== "") list.push(`d ${copied}`);
      copied = "";
      list.push(tooLarge === undefined ? `${letter} ${bytes.toString("hex")}` : `${letter} of ${tooLarge}`);
    }
  }
  return copied === "" ? list : [...list, `d ${copied}`];
}

/** Every way to cut the bytes in two, every way to cut a byte out, and all of them one by one. */
function* splits(bytes: Buffer): Generator<Buffer[]> {
  for (let at = 0; at <= bytes.length; at++) {
    yield [bytes.subarray(0, at), bytes.subarray(at)];
    yield [bytes.subarray(0, at), bytes.subarray(at, at + 1), bytes.subarray(at + 1)];
  }
  yield [...bytes].map((byte) => Buffer.from([byte]));
}

const conversation = [
  serialize.query("select 'größe'"),
  serialize.parse({ name: "s", text: "select $1" }),
  serialize.bind({ statement: "s", values: [Buffer.from([1, 2, 3]), null] }),
  serialize.execute(),
  serialize.sync(),
  serialize.copyData(Buffer.alloc(40, 7)),
  serialize.copyData(Buffer.alloc(0)),
  serialize.copyData(Buffer.from("d\0\0\0\x05")),
  serialize.copyDone(),
  serialize.query("select 2"),
  serialize.end(),
];

t.test("a conversation is cut into the same messages wherever its bytes are split", async (t) => {
  const bytes = Buffer.concat(conversation);
  const whole = lines(read([bytes]));
  t.equal(whole.length, 9, "the COPY's data are one run");
  t.equal(whole.map((line) => line.slice(2)).join(""), bytes.toString("hex"), "and nothing is lost");
  for (const chunks of splits(bytes)) {
    const found = lines(read(chunks));
    if (found.join() !== whole.join()) t.strictSame(found, whole, chunks.map(({ length }) => length).join());
  }
});

t.test("what came in one piece is not copied", async (t) => {
  const [query = Buffer.alloc(0)] = conversation;
  t.equal(read([query])[0]?.bytes, query);
  const two = Buffer.concat([query, query]);
  t.ok(read([two]).every(({ bytes }) => bytes.buffer === two.buffer));
});

t.test("messages of CopyData that lie together go on together", async (t) => {
  const data = [serialize.copyData(Buffer.from("a")), serialize.copyData(Buffer.from("b"))];
  const [run, ...rest] = read([Buffer.concat(data)]);
  t.strictSame(run?.bytes, Buffer.concat(data));
  t.equal(rest.length, 0);
});

t.test("a CopyData of 1 GB goes through, and no more than a header of it is ever kept", async (t) => {
  const reader = new ClientReader(LIMIT);
  const chunk = Buffer.alloc(64 * 1024);
  const size = 0x3fff_ffff;
  const pass = (bytes: Buffer): number => {
    reader.push(bytes);
    let passed = 0;
    for (let next = reader.next(); next; next = reader.next()) {
      if (next.bytes.length > 0 && next.bytes.buffer !== bytes.buffer && passed > 0) t.fail("it was copied");
      passed += next.bytes.length;
    }
    return passed;
  };
  const first = header("d", size);
  t.equal(pass(first.subarray(0, 3)), 0);
  t.equal(pass(first.subarray(3)), 5, "it begins as soon as its length is known");
  let left = size - 4;
  let copied = 0;
  while (left > 0) {
    const piece = left < chunk.length ? chunk.subarray(0, left) : chunk;
    reader.push(piece);
    const next = reader.next();
    if (next?.bytes.buffer !== chunk.buffer) copied++;
    if (next?.bytes.length !== piece.length || reader.next() !== undefined)
      t.fail(`with ${left} bytes to go`);
    left -= piece.length;
  }
  t.equal(copied, 0, "each piece passes where it lies");
  reader.push(serialize.sync());
  t.strictSame(reader.next()?.bytes, serialize.sync(), "what follows is right");
});

t.test("a message over the limit is passed over, at every split, and what follows is right", async (t) => {
  for (const letter of ["Q", "P", "B", "F"]) {
    const bytes = Buffer.concat([
      serialize.sync(),
      frame(letter, Buffer.alloc(LIMIT - 4, "Q")),
      serialize.query("select 1"),
    ]);
    const expected = lines(read([bytes]));
    t.strictSame(expected[1], `${letter} of ${LIMIT - 4}`);
    t.equal(expected.length, 3);
    for (const chunks of splits(bytes)) {
      const found = lines(read(chunks));
      if (found.join() !== expected.join()) t.strictSame(found, expected);
    }
  }
  const fits = frame("Q", Buffer.alloc(LIMIT - 5));
  t.strictSame(read([fits])[0]?.bytes, fits, "the largest that fits");
});

t.test("it is told that a message is too large before its bytes have come", async (t) => {
  const reader = new ClientReader(LIMIT);
  reader.push(header("Q", 0x3fff_ffff));
  t.match(reader.next(), { tooLarge: 0x3fff_ffff - 4, bytes: Buffer.alloc(0) });
  t.equal(reader.next(), undefined);
  reader.push(Buffer.alloc(100_000));
  t.equal(reader.next(), undefined, "which are nothing to anybody");
});

t.test("lengths have PostgreSQL's own bounds, and a wrong one is refused at its header", async (t) => {
  const small = ["D", "E", "C", "H", "S", "X", "c", "f"];
  const large = ["Q", "P", "B", "F", "d"];
  for (const letter of [...small, ...large]) {
    for (const length of [0, 3, -1, -0x8000_0000, 0x4000_0000, 0x7fff_ffff]) {
      t.throws(() => read([header(letter, length)]), violation, `${letter} ${length}`);
    }
  }
  for (const letter of small) {
    t.throws(() => read([header(letter, 10_001)]), violation, letter);
    t.equal(read([header(letter, 10_000), Buffer.alloc(9996)], 20_000).length, 1, letter);
  }
});

t.test("a type that no client sends is refused by its byte, whatever is to come behind it", async (t) => {
  for (const letter of ["!", "\0", "p", "Z", "T", "\xff"]) {
    const bytes = Buffer.from(letter, "latin1");
    t.throws(() => read([bytes]), { ...violation, message: /^invalid frontend message type/ });
    t.throws(() => read([Buffer.concat([serialize.copyData(Buffer.from("a")), bytes])]), violation);
  }
});

t.test("behind a COPY's data, a wrong length is refused all the same", async (t) => {
  for (const wrong of [header("d", 3), header("d", 0x4000_0000), header("S", 3)]) {
    const reader = new ClientReader(LIMIT);
    reader.push(Buffer.concat([serialize.copyData(Buffer.from("a")), wrong]));
    t.strictSame(reader.next()?.bytes, serialize.copyData(Buffer.from("a")), "what is right goes on first");
    t.throws(() => reader.next(), violation);
  }
});
