import t from "tap";
import { defaultAlgorithms } from "../../src/transport/algorithms.ts";
import {
  cipherSizes,
  createOpener,
  createSealer,
  hasOwnMac,
  type Keys,
} from "../../src/transport/ciphers.ts";
import { macKeySize } from "../../src/transport/macs.ts";
import { PacketReader } from "../../src/transport/packet-reader.ts";
import { PacketWriter } from "../../src/transport/packet-writer.ts";

const violation = { code: "PROTOCOL_VIOLATION" };
const LIMIT = 40_000;

const protections = defaultAlgorithms.ciphers.flatMap((cipher) =>
  (hasOwnMac(cipher) ? [""] : defaultAlgorithms.macs).map((mac) => ({ cipher, mac })),
);

function keysOf({ cipher, mac }: { readonly cipher: string; readonly mac: string }): Keys {
  const { key, iv } = cipherSizes(cipher);
  const macKey = Buffer.alloc(mac === "" ? 0 : macKeySize(mac), 3);
  return { cipher, mac, key: Buffer.alloc(key, 1), iv: Buffer.alloc(iv, 2), macKey };
}

function ends(keys?: Keys): { readonly writer: PacketWriter; readonly reader: PacketReader } {
  const writer = new PacketWriter();
  const reader = new PacketReader(LIMIT);
  if (keys) {
    writer.use(createSealer(keys), true);
    reader.use(createOpener(keys), true);
  }
  return { writer, reader };
}

function readAll(reader: PacketReader, pieces: readonly Buffer[]): string[] {
  const found: string[] = [];
  for (const piece of pieces) {
    reader.push(piece);
    for (let next = reader.next(); next; next = reader.next()) found.push(next.toString("hex"));
  }
  return found;
}

const payloads = [1, 2, 15, 16, 17, 300].map((size) => Buffer.alloc(size, size));
const expected = payloads.map((payload) => payload.toString("hex"));
const stream = (writer: PacketWriter) =>
  Buffer.concat(payloads.flatMap((payload) => writer.write([payload])));

for (const protection of [undefined, ...protections]) {
  const name = protection ? `${protection.cipher} ${protection.mac}` : "in the clear";
  const keys = protection && keysOf(protection);

  t.test(`${name}: packets are the same wherever their bytes are split`, async (t) => {
    const bytes = stream(ends(keys).writer);
    for (let at = 0; at <= bytes.length; at++) {
      const found = readAll(ends(keys).reader, [bytes.subarray(0, at), bytes.subarray(at)]);
      if (found.join() !== expected.join()) t.strictSame(found, expected, `split at ${at}`);
    }
    const single = [...bytes].map((byte) => Buffer.from([byte]));
    t.strictSame(readAll(ends(keys).reader, single), expected, "byte by byte");
  });

  t.test(`${name}: a payload in parts is the payload`, async (t) => {
    const { writer, reader } = ends(keys);
    const [head, tail] = [Buffer.from("head"), Buffer.alloc(30_000, 9)];
    const found = readAll(reader, writer.write([head, tail]));
    t.strictSame(found, [Buffer.concat([head, tail]).toString("hex")]);
  });
}

for (const protection of protections) {
  const keys = keysOf(protection);
  t.test(`${protection.cipher} ${protection.mac}: whoever changes a byte is found out`, async (t) => {
    const bytes = Buffer.concat(ends(keys).writer.write([Buffer.from("a message")]));
    for (let at = 0; at < bytes.length; at++) {
      for (const bit of [0x01, 0x80]) {
        const changed = Buffer.from(bytes);
        changed.writeUInt8(changed.readUInt8(at) ^ bit, at);
        const { reader } = ends(keys);
        // A length that was made larger waits for more, which then is not what it should be.
        reader.push(Buffer.concat([changed, Buffer.alloc(LIMIT)]));
        t.throws(() => reader.next(), violation, `byte ${at}`);
      }
    }
    const { writer, reader } = ends(keys);
    const first = Buffer.concat(writer.write([Buffer.from("first")]));
    const second = Buffer.concat(writer.write([Buffer.from("second")]));
    reader.push(second);
    t.throws(() => reader.next(), violation, "a packet was left out");
    const again = ends(keys).reader;
    again.push(Buffer.concat([first, first]));
    t.equal(again.next()?.toString(), "first");
    t.throws(() => again.next(), violation, "a packet came twice");
  });
}

t.test("an impossible length is refused at once", async (t) => {
  for (const keys of [undefined, ...protections.map(keysOf)]) {
    for (const length of [0, 1, 4, 11, 13, 17, LIMIT + 1, LIMIT + 8, LIMIT + 16, 0x7fff_ffff, 0xffff_ffff]) {
      const { reader } = ends(keys);
      const head = Buffer.alloc(4);
      head.writeUInt32BE(length);
      reader.push(head);
      t.throws(() => reader.next(), violation, `${keys?.cipher}: ${length}`);
    }
  }
});

t.test("impossible padding is refused", async (t) => {
  const packet = Buffer.concat(ends().writer.write([Buffer.alloc(10, 5)]));
  for (const padding of [0, 3, packet.length - 5, packet.length - 4, 255]) {
    const changed = Buffer.from(packet);
    changed[4] = padding;
    const { reader } = ends();
    reader.push(changed);
    t.throws(() => reader.next(), violation, String(padding));
  }
});

t.test("GCM's counter carries over", async (t) => {
  const keys = {
    ...keysOf({ cipher: "aes256-gcm@openssh.com", mac: "" }),
    iv: Buffer.from("00000000ffffffffffffffff", "hex"),
  };
  const { writer, reader } = ends(keys);
  t.strictSame(readAll(reader, [stream(writer)]), expected);
});
