import t from "tap";
import { bodyOf, type Packet, PacketStream, withHead } from "../../src/sftp/framing.ts";

function packetOf(body: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.length);
  return Buffer.concat([length, body]);
}

function all(stream: PacketStream): Packet[] {
  const packets: Packet[] = [];
  for (let next = stream.next(); next; next = stream.next()) packets.push(next);
  return packets;
}

const bodies = [Buffer.of(4), Buffer.from("\x06abc"), Buffer.alloc(5000, "\x67")];
const bytes = Buffer.concat(bodies.map(packetOf));

t.test("packets come out whole, wherever the stream was cut", (t) => {
  for (let cut = 0; cut <= bytes.length; cut++) {
    const stream = new PacketStream();
    stream.push(bytes.subarray(0, cut));
    const packets = all(stream);
    stream.push(bytes.subarray(cut));
    packets.push(...all(stream));
    const whole = packets.map(bodyOf);
    if (whole.length !== 3 || !whole.every((body, at) => body.equals(bodies[at] ?? Buffer.alloc(0)))) {
      t.fail(`cut at ${String(cut)}`);
    }
    if (stream.pending !== 0) t.fail(`left over: ${String(stream.pending)}`);
  }
  t.end();
});

t.test("single bytes are put together: a packet of many pieces is a packet of few parts", (t) => {
  const stream = new PacketStream();
  const body = Buffer.from(Array.from({ length: 100_000 }, (_, at) => at % 251));
  for (const byte of packetOf(body)) stream.push(Buffer.of(byte));
  const [packet] = all(stream);
  t.ok(packet && bodyOf(packet).equals(body));
  t.ok(packet && packet.parts.length < 10);
  t.equal(packet?.size, 100_004);
  t.end();
});

t.test("large pieces are not copied", (t) => {
  const stream = new PacketStream();
  const piece = packetOf(Buffer.alloc(8000, 1));
  const [first, second] = [piece.subarray(0, 4000), piece.subarray(4000)];
  stream.push(first);
  stream.push(second);
  const [packet] = all(stream);
  t.same(
    packet?.parts.map(({ buffer, byteOffset }) => [buffer === piece.buffer, byteOffset - piece.byteOffset]),
    [
      [true, 4],
      [true, 4000],
    ],
  );
  t.end();
});

t.test("a length that is none, or too much, ends it at once", (t) => {
  for (const length of [0, 257, 0xffff_ffff]) {
    const stream = new PacketStream(256);
    const header = Buffer.alloc(4);
    header.writeUInt32BE(length);
    stream.push(header);
    t.throws(() => stream.next(), { code: "PROTOCOL_VIOLATION" });
  }
  const stream = new PacketStream(256);
  stream.push(packetOf(Buffer.alloc(256, 1)));
  t.equal(stream.next()?.size, 260);
  t.end();
});

t.test("a head is in one piece, and no more than a head", (t) => {
  const parts = ["ab", "cd", "ef", "gh"].map((text) => Buffer.from(text)) as [Buffer, ...Buffer[]];
  t.same(withHead(parts, 3).map(String), ["abcd", "ef", "gh"]);
  t.same(withHead(parts, 2).map(String), ["ab", "cd", "ef", "gh"]);
  t.same(withHead(parts, 99).map(String), ["abcdefgh"]);
  t.end();
});
