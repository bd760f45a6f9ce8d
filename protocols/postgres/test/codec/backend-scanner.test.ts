import t from "tap";
import { BackendScanner } from "../../src/codec/backend-scanner.ts";
import { encodeErrorResponse } from "../../src/codec/error-response.ts";
import { frame } from "../../src/codec/framing.ts";
import { encodeParameterStatus } from "../../src/codec/parameter-status.ts";
import { encodeReadyForQuery } from "../../src/codec/ready-for-query.ts";

const violation = { code: "PROTOCOL_VIOLATION" };
const LIMIT = 1000;

const error = encodeErrorResponse({ severity: "ERROR", sqlstate: "42601", message: "m" });
const notice = frame("N", Buffer.from("SNOTICE\0\0"));
const fromServer = Buffer.concat([
  encodeParameterStatus({ name: "TimeZone", value: "UTC" }),
  frame("t", Buffer.from([0, 1, 0, 0, 0, 23])),
  frame("T", Buffer.alloc(30, 1)),
  frame("D", Buffer.alloc(0)),
  frame("D", Buffer.from("EEEEEEZZZZZ")),
  error,
  frame("C", Buffer.from("SELECT 1\0")),
  encodeReadyForQuery(),
]);

interface Watching {
  /** Put in the place of an error. */
  readonly words?: Buffer;
  /** Whether the next answer is the gateway's own, by what has been seen so far. */
  readonly own?: (seen: string) => boolean;
}

/** What the scanner lets through, and what it saw: what is read in capitals, the gateway's own in brackets. */
function scanned(chunks: readonly Buffer[], { words, own = () => false }: Watching = {}) {
  let seen = "";
  const whole = (bytes: Buffer) => {
    if (bytes.length !== bytes.readInt32BE(1) + 1) throw new Error("not a whole message");
  };
  const scanner = new BackendScanner(
    {
      owns: () => own(seen),
      watches: false,
      rewriter: undefined,
      passed: (type) => {
        seen += String.fromCharCode(type).toLowerCase();
      },
      tooLarge: () => {
        seen += "!";
      },
      read: (type, bytes) => {
        whole(bytes);
        seen += String.fromCharCode(type).toUpperCase();
        return String.fromCharCode(type) === "E" ? words : undefined;
      },
      readOwn: (type, bytes) => {
        whole(bytes);
        seen += `[${String.fromCharCode(type)}]`;
      },
    },
    LIMIT,
  );
  const between: boolean[] = [];
  const out = chunks.flatMap((chunk) => {
    const pieces = scanner.scan(chunk);
    between.push(scanner.betweenMessages);
    return pieces;
  });
  return { scanner, out: Buffer.concat(out), seen, between };
}

/** Every way to cut the bytes in two, and all of them one by one. */
function* splits(bytes: Buffer): Generator<Buffer[]> {
  for (let at = 0; at <= bytes.length; at++) yield [bytes.subarray(0, at), bytes.subarray(at)];
  yield [...bytes].map((byte) => Buffer.from([byte]));
}

function header(letter: string, length: number): Buffer {
  const bytes = Buffer.alloc(5);
  bytes.write(letter);
  bytes.writeInt32BE(length, 1);
  return bytes;
}

t.test("the server's bytes pass as they are, wherever they are split", async (t) => {
  for (const chunks of splits(fromServer)) {
    const { out, seen } = scanned(chunks);
    if (!out.equals(fromServer) || seen !== "STtEcZ") {
      t.fail(`split at ${chunks[0]?.length ?? 0}: ${seen}`);
    }
  }
  t.strictSame(scanned([fromServer]).out, fromServer);
});

t.test("what passes is not copied", async (t) => {
  const scanner = new BackendScanner({
    owns: () => false,
    watches: false,
    rewriter: undefined,
    passed: () => undefined,
    tooLarge: () => undefined,
    read: () => undefined,
    readOwn: () => undefined,
  });
  const [piece, ...rest] = scanner.scan(fromServer);
  t.equal(piece, fromServer);
  t.equal(rest.length, 0);
});

t.test("a message is put in another's place at every split, and nothing else changes", async (t) => {
  const at = fromServer.indexOf(error);
  for (const words of [Buffer.from("other words"), Buffer.alloc(500, 1), Buffer.alloc(0)]) {
    const expected = Buffer.concat([
      fromServer.subarray(0, at),
      words,
      fromServer.subarray(at + error.length),
    ]);
    for (const chunks of splits(fromServer)) {
      if (!scanned(chunks, { words }).out.equals(expected)) t.fail(`split at ${chunks[0]?.length ?? 0}`);
    }
    t.strictSame(scanned([fromServer], { words }).out, expected);
  }
});

t.test("of the gateway's own answers nothing reaches the client, wherever they are split", async (t) => {
  const mine = [
    frame("1"),
    frame("2"),
    frame("D", Buffer.from("mine")),
    frame("C", Buffer.from("SHOW\0")),
    frame("3"),
  ];
  const setting = encodeParameterStatus({ name: "TimeZone", value: "UTC" });
  const before = frame("C", Buffer.from("SET\0"));
  const after = [frame("D", Buffer.from("theirs")), encodeReadyForQuery()];
  const bytes = Buffer.concat([before, ...mine.slice(0, 2), notice, setting, ...mine.slice(2), ...after]);
  const expected = Buffer.concat([before, notice, setting, ...after]);
  // From the first CommandComplete to the end of the own ones.
  const own = (seen: string) => seen.startsWith("c") && !seen.includes("[3]");
  for (const chunks of splits(bytes)) {
    const { out, seen } = scanned(chunks, { own });
    if (!out.equals(expected) || seen !== "c[1][2]S[D][C][3]Z")
      t.fail(`split at ${chunks[0]?.length ?? 0}: ${seen}`);
  }
  t.strictSame(
    scanned([bytes], { own }).out,
    expected,
    "a notice and a setting are said to whoever is there",
  );
});

t.test("an error that answers the gateway's own is the gateway's", async (t) => {
  const { out, seen } = scanned([error, encodeReadyForQuery()], {
    words: Buffer.from("words"),
    own: (s) => s === "",
  });
  t.equal(seen, "[E]Z");
  t.strictSame(out, encodeReadyForQuery());
});

t.test("rows of any length pass; a message that is read has a limit", async (t) => {
  t.strictSame(scanned([header("D", 0x7fff_ffff), Buffer.alloc(5000)]).out.length, 5005);
  for (const letter of ["S", "Z"]) t.throws(() => scanned([header(letter, LIMIT)]), violation);
  for (const length of [3, 0, -1]) t.throws(() => scanned([header("D", length)]), violation);
  for (const type of ["1", "D", "C", "E"]) {
    t.throws(() => scanned([header(type, LIMIT)], { own: () => true }), violation, `own ${type}`);
  }
});

t.test("an error or a description over the limit passes unread, in nobody's words", async (t) => {
  const rest = Buffer.concat([Buffer.alloc(LIMIT - 4), encodeReadyForQuery()]);
  const large = Buffer.concat([header("E", LIMIT), rest]);
  const description = Buffer.concat([header("t", LIMIT), rest]);
  for (const [bytes, expected] of [
    [large, "!Z"],
    [description, "Z"],
  ] as const) {
    for (const at of [0, 1, 4, 5, 6, 500, LIMIT, LIMIT + 1, LIMIT + 3]) {
      const { seen, out } = scanned([bytes.subarray(0, at), bytes.subarray(at)], {
        words: Buffer.from("words"),
      });
      t.equal(seen, expected, `split at ${at}`);
      t.ok(out.equals(bytes));
    }
  }
  const most = frame("E", Buffer.alloc(LIMIT - 5));
  t.strictSame(
    scanned([most], { words: Buffer.from("words") }).out.toString(),
    "words",
    "the largest that is read",
  );
});

t.test("it is known whether what was let through ends with a message", async (t) => {
  const row = frame("D", Buffer.alloc(10));
  const { between } = scanned([row.subarray(0, 3), row.subarray(3, 9), row.subarray(9)]);
  t.strictSame(between, [true, false, true]);
});

t.test("what stands before something that is no message is not lost", async (t) => {
  const row = frame("D", Buffer.alloc(100, 1));
  const nonsense = Buffer.from([0x44, 0, 0, 0, 0]);
  for (const cut of [0, 3, 50]) {
    const { scanner, out } = scanned([row.subarray(0, cut)]);
    t.throws(() => scanner.scan(Buffer.concat([row.subarray(cut), notice, nonsense, row])), violation);
    t.strictSame(Buffer.concat([out, ...scanner.before]), Buffer.concat([row, notice]), `cut at ${cut}`);
  }
});
