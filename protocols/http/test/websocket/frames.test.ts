import { Random } from "@gatehouse/testkit";
import t from "tap";
import { encodeFrame, type FrameKind } from "../../src/websocket/frames.ts";
import { heard, raw, type RawFrame } from "./bytes.ts";

const FIN = 0x80;
const [CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG] = [0, 1, 2, 8, 9, 10] as const;

const closing = (code: number, reason: Buffer | string = ""): Buffer =>
  Buffer.concat([Buffer.from([code >> 8, code & 0xff]), Buffer.from(reason)]);

interface Case {
  readonly name: string;
  readonly frames: readonly RawFrame[];
  /** Behind the frames. */
  readonly more?: Buffer;
  readonly from?: "client" | "server";
  readonly reads?: readonly string[];
  /** The code of the close that answers it, where it is against the rules. */
  readonly code?: number;
}

const server = (frame: RawFrame): RawFrame => ({ ...frame, masked: false });

const TAKEN: readonly Case[] = [
  { name: "an empty text", frames: [{ opcode: TEXT }], reads: ["text "] },
  { name: "a text", frames: [{ opcode: TEXT, payload: "hello" }], reads: ["text hello"] },
  {
    name: "a server's text",
    from: "server",
    frames: [server({ opcode: TEXT, payload: "hello" })],
    reads: ["text hello"],
  },
  ...[125, 126, 127, 65_535, 65_536].map((size): Case => {
    const payload = "x".repeat(size);
    return {
      name: `a text of ${size} bytes`,
      frames: [{ opcode: TEXT, payload }],
      reads: [`text ${payload}`],
    };
  }),
  {
    name: "a text in three frames, with controls in between",
    frames: [
      { bits: 0, opcode: TEXT, payload: "a" },
      { opcode: PING, payload: "1" },
      { bits: 0, opcode: CONTINUATION, payload: "b" },
      { opcode: PONG, payload: "2" },
      { opcode: CONTINUATION, payload: "c" },
    ],
    reads: ["ping 1", "pong 2", "text abc"],
  },
  {
    name: "a text with empty frames",
    frames: [
      { bits: 0, opcode: TEXT },
      { bits: 0, opcode: CONTINUATION },
      { bits: 0, opcode: CONTINUATION, payload: "a" },
      { opcode: CONTINUATION },
    ],
    reads: ["text a"],
  },
  {
    name: "a character cut over frames",
    frames: [
      { bits: 0, opcode: TEXT, payload: Buffer.from([0xe2, 0x82]) },
      { opcode: CONTINUATION, payload: Buffer.from([0xac]) },
    ],
    reads: ["text €"],
  },
  { name: "a binary message", frames: [{ opcode: BINARY, payload: "ab" }], reads: ["binary 2 6162"] },
  { name: "an empty binary message", frames: [{ opcode: BINARY }], reads: ["binary 0 "] },
  {
    name: "a binary message in frames",
    frames: [
      { bits: 0, opcode: BINARY },
      { bits: 0, opcode: CONTINUATION, payload: "a" },
      { opcode: PING },
      { bits: 0, opcode: CONTINUATION, payload: "b" },
      { opcode: CONTINUATION },
    ],
    reads: ["ping ", "binary -1 6162"],
  },
  {
    name: "two messages",
    frames: [
      { opcode: TEXT, payload: "a" },
      { opcode: BINARY, payload: "b" },
      { opcode: TEXT, payload: "c" },
    ],
    reads: ["text a", "binary 1 62", "text c"],
  },
  {
    name: "a ping of 125 bytes",
    frames: [{ opcode: PING, payload: "p".repeat(125) }],
    reads: [`ping ${"p".repeat(125)}`],
  },
  { name: "a close without a code", frames: [{ opcode: CLOSE }], reads: ["close - "] },
  {
    name: "a close with a reason, and what nobody reads behind it",
    frames: [
      { opcode: CLOSE, payload: closing(1000, "bye") },
      { opcode: TEXT, payload: "more" },
    ],
    more: Buffer.from([0xff, 0xff]),
    reads: ["close 1000 bye"],
  },
  ...[1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999].map(
    (code): Case => ({
      name: `close code ${code}`,
      frames: [{ opcode: CLOSE, payload: closing(code) }],
      reads: [`close ${code} `],
    }),
  ),
];

const REFUSED: readonly Case[] = [
  ...[0x40, 0x20, 0x10, 0x70].map(
    (bits): Case => ({
      name: `reserved bits ${bits.toString(16)}`,
      frames: [{ bits: FIN | bits, opcode: TEXT, payload: "a" }],
      code: 1002,
    }),
  ),
  { name: "a reserved bit in a control", frames: [{ bits: FIN | 0x40, opcode: PING }], code: 1002 },
  ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map(
    (opcode): Case => ({ name: `opcode ${opcode}`, frames: [{ opcode }], code: 1002 }),
  ),
  { name: "a client's frame without a mask", frames: [{ opcode: TEXT, masked: false }], code: 1002 },
  { name: "a client's ping without a mask", frames: [{ opcode: PING, masked: false }], code: 1002 },
  { name: "a server's frame with a mask", from: "server", frames: [{ opcode: TEXT }], code: 1002 },
  {
    name: "a length of two bytes for five",
    frames: [{ opcode: TEXT, payload: "hello", length: [126, 0, 5] }],
    code: 1002,
  },
  {
    name: "a length of two bytes for 125",
    frames: [{ opcode: TEXT, payload: "x".repeat(125), length: [126, 0, 125] }],
    code: 1002,
  },
  {
    name: "a length of eight bytes for 65535",
    frames: [{ opcode: BINARY, length: [127, 0, 0, 0, 0, 0, 0, 0xff, 0xff] }],
    code: 1002,
  },
  {
    name: "a length with its highest bit",
    frames: [{ opcode: BINARY, length: [127, 0x80, 0, 0, 0, 0, 0, 0, 1] }],
    code: 1002,
  },
  {
    name: "a length that no number holds",
    frames: [{ opcode: BINARY, length: [127, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff] }],
    code: 1009,
  },
  {
    name: "a text that says that it is too long",
    frames: [{ opcode: TEXT, length: [127, 0, 0, 0, 0, 0, 1, 0x86, 0xa1] }],
    code: 1009,
  },
  {
    name: "a text that becomes too long",
    frames: [
      { bits: 0, opcode: TEXT, payload: "x".repeat(60_000) },
      { opcode: PING },
      { opcode: CONTINUATION, payload: "x".repeat(40_001) },
    ],
    reads: ["ping "],
    code: 1009,
  },
  { name: "a ping in pieces", frames: [{ bits: 0, opcode: PING }], code: 1002 },
  { name: "a close in pieces", frames: [{ bits: 0, opcode: CLOSE }], code: 1002 },
  { name: "a ping of 126 bytes", frames: [{ opcode: PING, payload: "p".repeat(126) }], code: 1002 },
  {
    name: "a ping with a length of eight bytes",
    frames: [{ opcode: PING, length: [127, 0, 0, 0, 0, 0, 1, 0, 0] }],
    code: 1002,
  },
  { name: "a continuation of nothing", frames: [{ opcode: CONTINUATION, payload: "a" }], code: 1002 },
  {
    name: "a continuation of what has ended",
    frames: [{ opcode: TEXT, payload: "a" }, { opcode: CONTINUATION }],
    reads: ["text a"],
    code: 1002,
  },
  {
    name: "a text in the middle of a text",
    frames: [
      { bits: 0, opcode: TEXT, payload: "a" },
      { opcode: TEXT, payload: "b" },
    ],
    code: 1002,
  },
  {
    name: "a text in the middle of a binary message",
    frames: [
      { bits: 0, opcode: BINARY, payload: "a" },
      { opcode: TEXT, payload: "b" },
    ],
    code: 1002,
  },
  ...[
    ["a byte that is none", [0xff]],
    ["a character that is cut off", [0xe2, 0x82]],
    ["a longer form of a slash", [0xc0, 0xaf]],
    ["half of a surrogate pair", [0xed, 0xa0, 0x80]],
    ["a character past the last", [0xf4, 0x90, 0x80, 0x80]],
  ].map(
    ([name, bytes]): Case => ({
      name: `UTF-8: ${String(name)}`,
      frames: [{ opcode: TEXT, payload: Buffer.from(bytes as number[]) }],
      code: 1007,
    }),
  ),
  { name: "half of a close code", frames: [{ opcode: CLOSE, payload: Buffer.from([3]) }], code: 1002 },
  ...[0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535].map(
    (code): Case => ({
      name: `close code ${code}`,
      frames: [{ opcode: CLOSE, payload: closing(code) }],
      code: 1002,
    }),
  ),
  {
    name: "a reason that is no UTF-8",
    frames: [{ opcode: CLOSE, payload: closing(1000, Buffer.from([0xff])) }],
    code: 1007,
  },
  {
    name: "what is wrong behind what is right",
    frames: [{ opcode: TEXT, payload: "a" }, { opcode: BINARY, payload: "b" }, { opcode: 3 }],
    reads: ["text a", "binary 1 62"],
    code: 1002,
  },
];

/** Bytes at either end of a long one at which it is cut. */
const ENDS = 100;

for (const { name, frames, more, from = "client", reads = [], code } of [...TAKEN, ...REFUSED]) {
  t.test(`${code === undefined ? "taken" : "refused"}: ${name}`, (t) => {
    const bytes = Buffer.concat([...frames.map(raw), ...(more ? [more] : [])]);
    const whole = heard([bytes], from);
    t.same(whole.parts, reads);
    t.equal(whole.violation?.code, code, whole.violation?.words ?? "no violation");
    const places = [...bytes.keys()].filter((at) => at < ENDS || at > bytes.length - ENDS);
    const differing = places.filter((at) => {
      const cut = heard([bytes.subarray(0, at), bytes.subarray(at)], from);
      return JSON.stringify(cut) !== JSON.stringify(whole);
    });
    t.same(differing, [], "cut anywhere");
    if (bytes.length < 1000) {
      const single = [...bytes.keys()].map((at) => bytes.subarray(at, at + 1));
      t.same(heard(single, from), whole, "byte by byte");
    }
    t.end();
  });
}

t.test("what is written is read, whoever it goes to", (t) => {
  for (const size of [0, 1, 31, 32, 33, 125, 126, 65_535, 65_536]) {
    const payload = Buffer.alloc(size, "x");
    for (const to of ["client", "server"] as const) {
      const bytes = Buffer.concat(encodeFrame("text", payload, { to }));
      const from = to === "server" ? "client" : "server";
      t.same(heard([bytes], from).parts, [`text ${payload.toString()}`], `${size} bytes to a ${to}`);
    }
  }
  const before = Buffer.from("not changed, as it may be sent elsewhere");
  encodeFrame("text", before, { to: "server" });
  t.equal(before.toString(), "not changed, as it may be sent elsewhere");
  t.end();
});

t.test("no two frames have the same mask", (t) => {
  const masks = Array.from({ length: 2000 }, () =>
    Buffer.concat(encodeFrame("ping", Buffer.alloc(0), { to: "server" })).toString("hex", 2, 6),
  );
  // Two of 2,000 may be the same by chance, in one run of two thousand.
  t.ok(new Set(masks).size >= 1998);
  t.end();
});

t.test("random conversations are read as they were written, at random splits", (t) => {
  for (let seed = 20_261_122; seed < 20_261_122 + 300; seed++) {
    const random = new Random(seed);
    const { bytes, said } = conversation(random);
    const pieces = random.split(bytes, random.pick([0, 1, 5, 50]));
    t.same(heard(pieces).parts, said, `seed ${seed}`);
  }
  t.end();
});

t.test("random bytes in a conversation end in the same way at any splits", (t) => {
  for (let seed = 1; seed < 500; seed++) {
    const random = new Random(seed);
    const { bytes } = conversation(random);
    for (let times = random.below(3); times >= 0; times--) {
      bytes[random.below(bytes.length)] = random.below(256);
    }
    const whole = heard([bytes]);
    t.same(heard(random.split(bytes, 20)), whole, `seed ${seed}`);
  }
  t.end();
});

/** Messages in frames, with pings in between. */
function conversation(random: Random): { readonly bytes: Buffer; readonly said: readonly string[] } {
  const frames: Buffer[] = [];
  const said: string[] = [];
  const put = (kind: FrameKind, payload: Buffer, final = true) =>
    frames.push(...encodeFrame(kind, payload, { final, to: "server" }));
  for (let count = 1 + random.below(5); count > 0; count--) {
    const isText = random.chance(0.5);
    const payload = isText
      ? Buffer.from("aä€😀".repeat(random.below(60)))
      : random.bytes(random.pick([0, 3, 200, 1000]));
    const pieces = random.split(payload, random.below(4));
    pieces.forEach((piece, index) => {
      if (random.chance(0.3)) {
        put("ping", Buffer.from("?"));
        said.push("ping ?");
      }
      const kind = index > 0 ? "continuation" : isText ? "text" : "binary";
      put(kind, piece, index === pieces.length - 1);
    });
    const size = pieces.length === 1 ? payload.length : -1;
    said.push(isText ? `text ${payload.toString()}` : `binary ${size} ${payload.toString("hex")}`);
  }
  return { bytes: Buffer.concat(frames), said };
}
