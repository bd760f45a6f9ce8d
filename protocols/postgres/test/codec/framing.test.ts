import { serialize } from "pg-protocol";
import t from "tap";
import { FrameReader, frame } from "../../src/codec/framing.ts";

const violation = { code: "PROTOCOL_VIOLATION" };

const fromClient = Buffer.concat([
  serialize.query("select 'größe'"),
  serialize.parse({ name: "s", text: "select $1" }),
  serialize.bind({ statement: "s", values: [Buffer.from([1, 2, 3]), null] }),
  serialize.execute(),
  serialize.sync(),
  serialize.copyData(Buffer.alloc(40, 7)),
  serialize.end(),
]);

function framesOf(chunks: readonly Buffer[]): string[] {
  const reader = new FrameReader(1000);
  const found: string[] = [];
  for (const chunk of chunks) {
    reader.push(chunk);
    for (let next = reader.next(); next; next = reader.next()) found.push(next.bytes.toString("hex"));
  }
  t.equal(reader.rest().length, 0);
  return found;
}

t.test("a conversation is cut into the same messages wherever its bytes are split", async (t) => {
  const whole = framesOf([fromClient]);
  t.equal(whole.length, 7);
  t.equal(whole.join(""), fromClient.toString("hex"));
  for (let at = 0; at <= fromClient.length; at++) {
    t.strictSame(framesOf([fromClient.subarray(0, at), fromClient.subarray(at)]), whole, `split at ${at}`);
  }
  t.strictSame(framesOf([...fromClient].map((byte) => Buffer.from([byte]))), whole, "byte by byte");
});

t.test("a message that is not all there stays where it is", async (t) => {
  const reader = new FrameReader(1000);
  reader.push(serialize.sync().subarray(0, 3));
  t.equal(reader.next(), undefined);
  t.equal(reader.rest().length, 3);
});

t.test("an impossible length is refused at its header", async (t) => {
  for (const length of [0, 3, -1, 1000, 0x4000_0000, 0x7fff_ffff]) {
    const header = Buffer.alloc(5);
    header.write("Q");
    header.writeInt32BE(length, 1);
    const reader = new FrameReader(1000);
    reader.push(header);
    t.throws(() => reader.next(), violation, String(length));
  }
  const reader = new FrameReader(1000);
  reader.push(frame("Q", Buffer.alloc(995)));
  t.equal(reader.next()?.bytes.length, 1000, "the largest that fits");
});
