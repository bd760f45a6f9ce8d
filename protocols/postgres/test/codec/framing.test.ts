import { serialize } from "pg-protocol";
import t from "tap";
import { BackendScanner } from "../../src/codec/backend-scanner.ts";
import { encodeErrorResponse } from "../../src/codec/error-response.ts";
import { FrameReader, frame } from "../../src/codec/framing.ts";
import { encodeParameterStatus } from "../../src/codec/parameter-status.ts";
import { encodeReadyForQuery } from "../../src/codec/ready-for-query.ts";

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

const fromServer = Buffer.concat([
  encodeParameterStatus({ name: "TimeZone", value: "UTC" }),
  frame("T", Buffer.alloc(30, 1)),
  frame("D", Buffer.alloc(0)),
  frame("D", Buffer.from("EEEEEEZZZZZ")),
  encodeErrorResponse({ severity: "ERROR", sqlstate: "42601", message: "m" }),
  frame("C", Buffer.from("SELECT 1\0")),
  encodeReadyForQuery(),
]);

/** What the scanner lets through, and what it saw; errors are put in other words. */
function scanned(chunks: readonly Buffer[], words?: Buffer): { out: Buffer; seen: string; whole: boolean[] } {
  let seen = "";
  const scanner = new BackendScanner(
    {
      passed: (type) => {
        seen += String.fromCharCode(type).toLowerCase();
      },
      tooLarge: () => {
        seen += "!";
      },
      read: (type, bytes) => {
        seen += String.fromCharCode(type);
        if (bytes.length !== bytes.readInt32BE(1) + 1) throw new Error("not a whole message");
        return String.fromCharCode(type) === "E" ? words : undefined;
      },
    },
    1000,
  );
  const whole: boolean[] = [];
  const out = chunks.flatMap((chunk) => {
    const pieces = scanner.scan(chunk);
    whole.push(scanner.betweenMessages);
    return pieces;
  });
  return { out: Buffer.concat(out), seen, whole };
}

t.test("the server's bytes pass as they are, wherever they are split", async (t) => {
  for (let at = 0; at <= fromServer.length; at++) {
    const { out, seen } = scanned([fromServer.subarray(0, at), fromServer.subarray(at)]);
    if (!out.equals(fromServer) || seen !== "StddEcZ") t.fail(`split at ${at}: ${seen}`);
  }
  const { out, seen } = scanned([...fromServer].map((byte) => Buffer.from([byte])));
  t.strictSame(out, fromServer);
  t.equal(seen, "StddEcZ");
});

t.test("a message is put in another's place at every split, and nothing else changes", async (t) => {
  const error = encodeErrorResponse({ severity: "ERROR", sqlstate: "42601", message: "m" });
  const at = fromServer.indexOf(error);
  for (const words of [Buffer.from("other words"), Buffer.alloc(500, 1), Buffer.alloc(0)]) {
    const expected = Buffer.concat([
      fromServer.subarray(0, at),
      words,
      fromServer.subarray(at + error.length),
    ]);
    for (let split = 0; split <= fromServer.length; split++) {
      const { out } = scanned([fromServer.subarray(0, split), fromServer.subarray(split)], words);
      if (!out.equals(expected)) t.fail(`split at ${split}`);
    }
    t.strictSame(scanned([fromServer], words).out, expected);
  }
});

t.test("rows of any length pass; a message that is read has a limit", async (t) => {
  const header = (letter: string, length: number) => {
    const bytes = Buffer.alloc(5);
    bytes.write(letter);
    bytes.writeInt32BE(length, 1);
    return bytes;
  };
  t.strictSame(scanned([header("D", 0x7fff_ffff), Buffer.alloc(5000)]).out.length, 5005);
  for (const letter of ["S", "Z"]) t.throws(() => scanned([header(letter, 1000)]), violation);
  const large = scanned([header("E", 1000), Buffer.alloc(996), encodeReadyForQuery()], Buffer.from("words"));
  t.same(
    [large.seen, large.out.length],
    ["!Z", 1007],
    "an error over the limit passes unread, in nobody's words",
  );
  for (const length of [3, 0, -1]) t.throws(() => scanned([header("D", length)]), violation);
});

t.test("it is known whether what was let through ends with a message", async (t) => {
  const row = frame("D", Buffer.alloc(10));
  t.strictSame(scanned([row.subarray(0, 3), row.subarray(3, 9), row.subarray(9)]).whole, [true, false, true]);
});
