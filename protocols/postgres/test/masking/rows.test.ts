import type { Transform, ValueMasks } from "@gatehouse/core";
import { maskAscii, nothingLeft } from "@gatehouse/masking";
import t from "tap";
import { BackendScanner } from "../../src/codec/backend-scanner.ts";
import { decodeDataRow } from "../../src/codec/data-row.ts";
import { frame } from "../../src/codec/framing.ts";
import { type FieldMask, fieldMask } from "../../src/masking/fields.ts";
import { RowMasker } from "../../src/masking/rows.ts";

const violation = { code: "PROTOCOL_VIOLATION" };

function row(...values: readonly (string | null)[]): Buffer {
  const fields = values.flatMap((value) => {
    const bytes = Buffer.from(value ?? "");
    const length = Buffer.alloc(4);
    length.writeInt32BE(value === null ? -1 : bytes.length);
    return [length, bytes];
  });
  return frame("D", Buffer.concat([Buffer.from([0, values.length]), ...fields]));
}

/** Every row among the messages. */
function rowsIn(bytes: Buffer): (string | null)[][] {
  const rows: (string | null)[][] = [];
  for (let at = 0; at < bytes.length; at += 1 + bytes.readInt32BE(at + 1)) {
    const body = bytes.subarray(at + 5, at + 1 + bytes.readInt32BE(at + 1));
    rows.push(decodeDataRow(body).map((value) => (value === null ? null : value.toString())));
  }
  return rows;
}

const shout: FieldMask = { each: (bytes, start, end) => bytes.toString("utf8", start, end).toUpperCase() };
const doubled: FieldMask = { each: (bytes, start, end) => bytes.toString("utf8", start, end).repeat(2) };
const kept: FieldMask = { each: () => undefined };
const gone: FieldMask = { fixed: null };
const fixed: FieldMask = { fixed: "***" };

function masked(masks: readonly (FieldMask | undefined)[], ...rows: readonly Buffer[]) {
  const masker = new RowMasker(masks);
  const bytes = Buffer.concat(rows);
  t.equal(masker.rewrite(bytes, 0), bytes.length);
  return rowsIn(masker.take());
}

t.test("only the masked columns change, and NULL stays NULL", async (t) => {
  t.strictSame(
    masked([undefined, shout, undefined], row("a", "b", "c"), row("d", null, ""), row(null, "", "f")),
    [
      ["a", "B", "c"],
      ["d", null, ""],
      [null, "", "f"],
    ],
  );
  t.strictSame(masked([fixed, gone, doubled, kept], row("a", "b", "c", "d"), row(null, null, null, null)), [
    ["***", null, "cc", "d"],
    [null, null, null, null],
  ]);
});

t.test("values that grow, by a little or by a lot", async (t) => {
  const grow: FieldMask = { each: () => "é".repeat(100_000) };
  const rows = masked(
    [grow, undefined],
    ...Array.from({ length: 20 }, (_, index) => row("x", String(index))),
  );
  t.equal(rows.length, 20);
  t.ok(rows.every(([value, index], at) => value === "é".repeat(100_000) && index === String(at)));
});

t.test("values are masked in their bytes where their type takes what comes of it", async (t) => {
  const partial: Transform = { kind: "partial", of: "text" };
  const inBytes: ValueMasks = {
    transform: () => (text) => (text.length < 4 ? "short" : "by its text"),
    detectors: () => (text) => text,
    stream: () => nothingLeft,
    ascii: maskAscii,
  };
  const maskOf = (type: number, modifier: number) =>
    fieldMask(partial, { type, modifier, binary: false }, inBytes, { utf8: true, decode: String });
  const masks = [maskOf(25, -1), maskOf(1043, 4 + 4), maskOf(1043, 4 + 3), maskOf(1042, 4 + 6)];
  t.strictSame(
    masked(
      masks,
      row("Love", "Love", "Lov", "Loving"),
      row("é", "Lové", null, ""),
      row("Loves", "", "x", "y"),
    ),
    [
      ["L***", "L***", "sho", "by its"],
      ["short", "by i", null, "short "],
      ["L***", "shor", "sho", "short "],
    ],
  );
  t.strictSame(masked([maskOf(1043, 4 + 3)], row("Loves")), [["by "]], "four bytes do not fit into three");
});

t.test("of a row that breaks off, nothing goes out, and of those before it everything", async (t) => {
  const lying = row("abc", "d");
  lying.writeInt32BE(100, 14);
  const masker = new RowMasker([shout, shout]);
  t.throws(() => masker.rewrite(Buffer.concat([row("a", "b"), lying]), 0), violation);
  t.strictSame(rowsIn(masker.take()), [["A", "B"]]);
});

t.test("what was taken is not written over", async (t) => {
  const masker = new RowMasker([shout]);
  masker.rewrite(row("one"), 0);
  const first = masker.take();
  masker.rewrite(row("two"), 0);
  const second = masker.take();
  t.strictSame([rowsIn(first), rowsIn(second)], [[["ONE"]], [["TWO"]]]);
});

t.test("a row that is not what was described ends the session", async (t) => {
  const lying = row("abc", "d");
  lying.writeInt32BE(100, 7);
  const negative = row("abc", "d");
  negative.writeInt32BE(-2, 7);
  for (const [bytes, name] of [
    [row("a"), "fewer columns"],
    [row("a", "b", "c"), "more columns"],
    [frame("D"), "none at all"],
    [frame("D", Buffer.from([0, 2, 0])), "cut off"],
    [lying, "a length beyond the row"],
    [negative, "a negative length"],
  ] as const) {
    t.throws(() => new RowMasker([undefined, shout]).rewrite(bytes, 0), violation, name);
  }
});

/** What a client gets of a server's bytes, in these pieces, while rows are rewritten. */
function through(chunks: readonly Buffer[], limit = 1000) {
  const masker = new RowMasker([undefined, shout]);
  const scanner = new BackendScanner(
    {
      owns: () => false,
      watches: true,
      rewriter: masker,
      passed: () => undefined,
      tooLarge: () => undefined,
      read: (type) => (String.fromCharCode(type) === "N" ? Buffer.from("n") : undefined),
      readOwn: () => undefined,
    },
    100,
    limit,
  );
  return Buffer.concat(chunks.flatMap((chunk) => scanner.scan(chunk)));
}

t.test("rows are rewritten wherever the server's bytes are split", async (t) => {
  const rows = [row("a", "b"), row("c", null), row("e", "f".repeat(300))];
  const upper = [row("a", "B"), row("c", null), row("e", "F".repeat(300))];
  const bytes = (of: readonly Buffer[], notice: Buffer) =>
    Buffer.concat([
      frame("T", Buffer.alloc(200)),
      ...of,
      notice,
      ...of,
      frame("C", Buffer.from("SELECT 3\0")),
    ]);
  const sent = bytes(rows, frame("N", Buffer.alloc(300)));
  const expected = bytes(upper, Buffer.from("n"));
  for (let at = 0; at <= sent.length; at++) {
    const out = through([sent.subarray(0, at), sent.subarray(at)]);
    if (!out.equals(expected)) t.fail(`split at ${at}`);
  }
  t.strictSame(through([...sent].map((byte) => Buffer.from([byte]))), expected);
  t.strictSame(through([sent]), expected);
});

t.test("a row that is too large to be rewritten does not pass, and neither does a part of it", async (t) => {
  const large = row("a", "b".repeat(2000));
  t.throws(() => through([large]), violation);
  t.throws(() => through([large.subarray(0, 10), large.subarray(10)]), violation);
});

t.test("data of a COPY do not pass for rows", async (t) => {
  t.throws(() => through([frame("d", Buffer.from("a\tb\n"))]), violation);
});
