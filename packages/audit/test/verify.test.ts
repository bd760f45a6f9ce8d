import { createHash } from "node:crypto";
import { join } from "node:path";
import t from "tap";
import { type AuditVerification, verifyAuditLog } from "../src/index.ts";
import { MAX_LINE } from "../src/line.ts";
import { bytesOf, chunked, encodeLine, event, linesOf, logOf } from "./support.ts";

const COUNT = 6;
const TIME = "2026-11-20T10:15:30.123Z";

const whole = await logOf(join(t.testdir(), "audit"), COUNT);
const lines = linesOf(whole);

async function verify(bytes: Buffer, head?: { seq: number; hash: string }): Promise<AuditVerification> {
  return verifyAuditLog(chunked(bytes), head === undefined ? {} : { head });
}

/** The line as it would be with another reason and a right hash of its own. */
function forged(line: string): string {
  const text = `${line.replace(/"reason":"/, "$&x").slice(0, -',"hash":""}'.length - 64)}}`;
  return `${text.slice(0, -1)},"hash":"${createHash("sha256").update(text).digest("hex")}"}`;
}

function headAt(seq: number): { seq: number; hash: string } {
  return { seq, hash: lines[seq - 1]?.slice(-66, -2) ?? "0".repeat(64) };
}

t.test("an untouched log verifies, with its events, times and head", async (t) => {
  const expected = { ok: true, events: COUNT, first: TIME, last: TIME, head: headAt(COUNT), torn: 0 };
  t.same(await verify(whole), expected);
  for (let seq = 0; seq <= COUNT; seq++) t.same(await verify(whole, headAt(seq)), expected, `head ${seq}`);
});

t.test("a log is verified alike however its bytes come", async (t) => {
  for (const size of [1, 2, 7, 303, whole.length]) {
    t.match(await verifyAuditLog(chunked(whole, size)), { ok: true, events: COUNT }, `chunks of ${size}`);
  }
});

t.test("an empty log verifies, unless a checkpoint saw more", async (t) => {
  const empty = { ok: true, events: 0, first: null, last: null, head: headAt(0), torn: 0 };
  t.same(await verify(Buffer.alloc(0)), empty);
  t.match(await verify(Buffer.alloc(0), headAt(2)), { ok: false, line: 1, problem: "cut" });
});

t.test("one changed byte is found in its line, at every position", async (t) => {
  const missed: string[] = [];
  for (let at = 0; at < whole.length - 1; at++) {
    const line = whole.subarray(0, at).toString().split("\n").length;
    const byte = whole.readUInt8(at);
    const others = [1, 2, 4, 8, 16, 32, 64, 128].map((bit) => byte ^ bit).concat(0x0a);
    for (const other of others.filter((value) => value !== byte)) {
      const bytes = Buffer.from(whole);
      bytes.writeUInt8(other, at);
      const result = await verifyAuditLog(chunked(bytes, bytes.length));
      if (result.ok || result.line !== line) missed.push(`${other} at ${at}, in line ${line}`);
    }
  }
  t.same(missed, []);
});

t.test("without its line feed the last line is no event: it is reported as torn", async (t) => {
  const bytes = Buffer.from(whole);
  bytes.write(" ", whole.length - 1);
  const torn = (lines[COUNT - 1]?.length ?? 0) + 1;
  t.match(await verify(bytes), { ok: true, events: COUNT - 1, torn });
  t.match(await verify(bytes, headAt(COUNT)), { ok: false, problem: "cut" });
});

t.test("a changed letter of a value is called an edit, and the line is named", async (t) => {
  const edited = Buffer.from(whole.toString().replace('"reason":"4"', '"reason":"5"'));
  const message = "Line 4 was edited: its own hash does not fit it.";
  t.same(await verify(edited), { ok: false, line: 4, seq: 4, problem: "edited", message });
});

t.test("each removed line but the last is found where it is missing", async (t) => {
  for (let seq = 1; seq < COUNT; seq++) {
    const result = await verify(bytesOf(lines.toSpliced(seq - 1, 1)));
    t.match(result, { ok: false, line: seq, seq: seq + 1, problem: "broken_chain" }, `seq ${seq}`);
    t.match(result, { message: `seq ${seq} was removed` });
  }
});

t.test("several removed lines are named by the seq that they had", async (t) => {
  t.match(await verify(bytesOf(lines.toSpliced(1, 3))), { message: "seq 2 to 4 was removed" });
});

t.test("a removed last line is found with a checkpoint, and only then", async (t) => {
  const cut = bytesOf(lines.slice(0, -1));
  t.match(await verify(cut), { ok: true, events: COUNT - 1 });
  t.match(await verify(cut, headAt(COUNT)), {
    ok: false,
    line: COUNT,
    problem: "cut",
    message: `seq ${COUNT} was cut`,
  });
});

t.test("each pair of swapped lines is found at the first of the two", async (t) => {
  for (let a = 0; a < COUNT; a++) {
    for (let b = a + 1; b < COUNT; b++) {
      const swapped = lines.with(a, lines[b] ?? "").with(b, lines[a] ?? "");
      t.match(
        await verify(bytesOf(swapped)),
        { ok: false, line: a + 1, problem: "broken_chain" },
        `${a + 1}, ${b + 1}`,
      );
    }
  }
});

t.test("a copied line is found wherever it is put after itself", async (t) => {
  for (let seq = 1; seq <= COUNT; seq++) {
    for (let at = seq; at <= COUNT; at++) {
      const copied = lines.toSpliced(at, 0, lines[seq - 1] ?? "");
      t.match(
        await verify(bytesOf(copied)),
        { ok: false, line: at + 1, seq, problem: "duplicate" },
        `${seq} at ${at}`,
      );
    }
  }
});

t.test("an inserted line is found, though its own hash and its place in the chain are right", async (t) => {
  for (let seq = 1; seq < COUNT; seq++) {
    const inserted = encodeLine(event("forged"), TIME, headAt(seq)).bytes.toString().trimEnd();
    const result = await verify(bytesOf(lines.toSpliced(seq, 0, inserted)));
    t.match(result, { ok: false, line: seq + 2, problem: "duplicate" }, `after seq ${seq}`);
  }
});

t.test("a line that was edited and hashed anew breaks the chain at the next one", async (t) => {
  for (let seq = 1; seq < COUNT; seq++) {
    const result = await verify(bytesOf(lines.with(seq - 1, forged(lines[seq - 1] ?? ""))));
    t.match(result, { ok: false, line: seq + 1, seq: seq + 1, problem: "broken_chain" }, `seq ${seq}`);
    t.match(result, { message: `seq ${seq} or seq ${seq + 1} was replaced` });
  }
});

t.test("a log that was written anew as a whole is found with a checkpoint, and only then", async (t) => {
  const other: string[] = [];
  let head = headAt(0);
  for (let n = 1; n <= COUNT + 2; n++) {
    const line = encodeLine(event(`other ${n}`), TIME, head);
    other.push(line.bytes.toString().trimEnd());
    head = line.head;
  }
  t.match(await verify(bytesOf(other)), { ok: true, events: COUNT + 2 });
  for (let seq = 1; seq <= COUNT; seq++) {
    t.match(await verify(bytesOf(other), headAt(seq)), { ok: false, line: seq, seq, problem: "rewritten" });
  }
});

t.test("a tail cut within a line is reported as torn, at every byte, and the rest verifies", async (t) => {
  const start = whole.length - (lines[COUNT - 1]?.length ?? 0) - 1;
  for (let end = start + 1; end < whole.length; end++) {
    const result = await verifyAuditLog(chunked(whole.subarray(0, end), whole.length));
    t.match(result, { ok: true, events: COUNT - 1, torn: end - start }, `cut at ${end}`);
  }
});

for (const [name, line] of Object.entries({
  "an empty line": "",
  "text that is no JSON": "hello",
  "JSON of another kind": '{"level":30,"msg":"hello"}',
  "a line that ends in a carriage return": `${lines[2] ?? ""}\r`,
})) {
  t.test(`${name} is called malformed`, async (t) => {
    t.match(await verify(bytesOf(lines.with(2, line))), { ok: false, line: 3, problem: "malformed" });
  });
}

t.test("a line of another format version is not taken for an edited one", async (t) => {
  const result = await verify(bytesOf(lines.with(2, (lines[2] ?? "").replace('{"v":1,', '{"v":2,'))));
  t.match(result, { ok: false, line: 3, seq: 3, problem: "version" });
});

t.test("a line without an end is refused as soon as it is longer than any line can be", async (t) => {
  let read = 0;
  async function* endless(): AsyncGenerator<Buffer, void, undefined> {
    for (;;) {
      read += 65536;
      yield Buffer.alloc(65536, 0x61);
    }
  }
  t.match(await verifyAuditLog(endless()), { ok: false, line: 1, problem: "malformed" });
  t.ok(read <= MAX_LINE + 2 * 65536, `${read} bytes were read`);
});

t.test("a line that is longer than any line can be is refused, whatever its hash", async (t) => {
  const { bytes } = encodeLine(event("x".repeat(MAX_LINE)), TIME, headAt(0));
  t.match(await verifyAuditLog(chunked(bytes, bytes.length)), { ok: false, line: 1, problem: "malformed" });
});

t.test("a log that can't be read is an error, never a result", async (t) => {
  await t.rejects(verifyAuditLog(join(t.testdir(), "none.jsonl")), { code: "AUDIT_FAILED" });
});
