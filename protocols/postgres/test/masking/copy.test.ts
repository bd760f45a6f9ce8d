import t from "tap";
import { compileTransform, maskAscii, maskingKey } from "@gatehouse/masking";
import { loadModule, parseSync } from "libpg-query";
import { copyFormat } from "../../src/analysis/copy-format.ts";
import { asNode } from "../../src/analysis/node.ts";
import { CopyMasker } from "../../src/masking/copy.ts";
import type { FieldMask } from "../../src/masking/fields.ts";
import { frame } from "../../src/codec/framing.ts";
import { encodeQuery } from "../../src/codec/query.ts";
import { startFrontWithServer } from "../support/front.ts";
import { errorIn, letter } from "../support/raw-client.ts";

await loadModule();
const violation = { code: "PROTOCOL_VIOLATION" };

function formatOf(options: string) {
  const [statement] = parseSync(`copy t to stdout ${options}`).stmts ?? [];
  return copyFormat(asNode(asNode(asNode(statement)?.["stmt"])?.["CopyStmt"]) ?? {});
}

const LINES = { header: false, quote: '"', escape: '"' };

t.test("the options say how rows are written", async (t) => {
  t.strictSame(formatOf(""), { ...LINES, kind: "text", delimiter: "\t", null: "\\N" });
  t.strictSame(formatOf("csv header"), { ...LINES, kind: "csv", delimiter: ",", null: "", header: true });
  t.match(formatOf("(format csv, header off, force_quote *, quote '''', null 'x')"), {
    kind: "csv",
    header: false,
    quote: "'",
    escape: "'",
    null: "x",
  });
  t.match(formatOf("(delimiter '|', header 1)"), { kind: "text", delimiter: "|", header: true });
  t.match(formatOf("(format csv, escape '\\')"), { escape: "\\", quote: '"' });
  t.strictSame(formatOf("binary"), { kind: "binary" });
  for (const [options, option] of [
    ["(format 'json')", "format json"],
    ["(encoding 'latin1')", "encoding"],
    ["(header match)", "header"],
    ["(delimiter 'ab')", "delimiter"],
    ["(delimiter 'é')", "delimiter"],
    ["(null 'é')", "null"],
    ["(on_error stop)", "on_error"],
  ] as const) {
    t.strictSame(formatOf(options), { kind: "unknown", option });
  }
});

const { front, server, admin } = await startFrontWithServer();
const client = await front.connect();
t.teardown(async () => {
  client.socket.destroy();
  await admin.end();
  await front.close();
  await server.stop();
});

const ODD = [
  "plain",
  "",
  "NULL",
  "\\N",
  "\\.",
  ",",
  "|",
  '"',
  "'",
  "\\",
  "\t",
  "a\nb",
  "a\r\nb",
  "\b\f\v",
  "é😀",
  ' "x", ',
];
await admin.query("create table odd (id int, value text, other text)");
await admin.query("insert into odd select n, v, v from unnest($1::text[]) with ordinality as o(v, n)", [ODD]);
await admin.query("insert into odd values (0, null, null)");
await admin.query("create table taken (like odd)");

const reversed: FieldMask = {
  each: (bytes, start, end) =>
    Array.from(bytes.toString("utf8", start, end))
      .reverse()
      .join(""),
};
const expected = [
  [0, null, null],
  ...ODD.map((value, index) => [index + 1, value, Array.from(value).reverse().join("")]),
];

/** The CopyData of a COPY to the client. */
async function copied(options: string, table = "odd"): Promise<Buffer[]> {
  client.send(encodeQuery(`copy (select * from ${table} order by id) to stdout ${options}`));
  const frames = await client.until("Z");
  if (errorIn(frames).size > 0) throw new Error(errorIn(frames).get("M"));
  return frames.filter((one) => letter(one) === "d").map(({ bytes }) => bytes);
}

function masked(
  options: string,
  chunks: readonly Buffer[],
  masks: readonly (FieldMask | undefined)[],
): Buffer[] {
  const format = formatOf(options);
  if (format.kind === "unknown") throw new Error(format.option);
  const masker = new CopyMasker(format, masks, 10_000);
  const out = chunks.map((chunk) => {
    if (masker.rewrite(chunk, 0) !== chunk.length) throw new Error("not whole");
    return masker.take();
  });
  masker.done();
  return out;
}

/** What the server reads in data that it is sent with the same options. */
async function readBack(options: string, data: readonly Buffer[]) {
  await admin.query("truncate taken");
  // What has no meaning for data that come in.
  const readable = options.replace(/, force_quote (\*|\(\w+\))/, "");
  client.send(encodeQuery(`copy taken from stdin ${readable}`), ...data, frame("c"));
  const frames = await client.until("Z");
  if (errorIn(frames).size > 0) throw new Error(errorIn(frames).get("M"));
  const { rows } = await admin.query({ text: "select * from taken order by id", rowMode: "array" });
  return rows as unknown[];
}

for (const options of [
  "",
  "(header)",
  "(delimiter '|', null 'nil')",
  "(delimiter '$')",
  "(format csv, delimiter '&', quote '$', escape '`')",
  "(delimiter ',', null '~')",
  "csv",
  "csv header",
  "(format csv, force_quote *, null 'NULL')",
  "(format csv, delimiter '|', quote '''', force_quote (value))",
  "(format csv, escape '\\')",
  "binary",
]) {
  t.test(
    `COPY ${options === "" ? "in text" : options} with masked values can be read as it was`,
    async (t) => {
      const sent = await copied(options);
      const out = masked(options, sent, [undefined, undefined, reversed]);
      t.equal(out.length, sent.length);
      t.ok(
        out.every((message) => message.length === 0 || message.length === 1 + message.readInt32BE(1)),
        "a message for each of the server's",
      );
      t.strictSame(await readBack(options, out), expected);
    },
  );

  t.test(`COPY ${options === "" ? "in text" : options} may be split anywhere`, async (t) => {
    const sent = await copied(options);
    const whole = Buffer.concat(
      masked(options, sent, [undefined, reversed, reversed]).map((bytes) => bytes.subarray(5)),
    );
    const data = Buffer.concat(sent.map((bytes) => bytes.subarray(5)));
    for (const size of [1, 2, 3, 7]) {
      const pieces = Array.from({ length: Math.ceil(data.length / size) }, (_, index) =>
        frame("d", data.subarray(index * size, (index + 1) * size)),
      );
      const out = masked(options, pieces, [undefined, reversed, reversed]).map((bytes) => bytes.subarray(5));
      t.ok(Buffer.concat(out).equals(whole), `${size} bytes each`);
    }
  });
}

t.test("values that are masked in their bytes come out as by their texts", async (t) => {
  const names = [
    "Love",
    "Love,lace",
    " Love",
    'Lo"ve',
    "L***",
    "Lo\tve",
    "Lo\\ve",
    "Lo|ve",
    "Lo*ve",
    "Lo",
    "",
    null,
  ];
  await admin.query("create table names (id serial, value text, other text)");
  await admin.query("insert into names (value, other) select n, n from unnest($1::text[]) as n", [names]);
  const partial = compileTransform({ kind: "partial", of: "text" }, maskingKey(Buffer.alloc(32, 1)));
  const slow: FieldMask = { each: (bytes, start, end) => partial(bytes.toString("utf8", start, end)) };
  const quick: FieldMask = { ...slow, ascii: maskAscii({ kind: "partial", of: "text" }) };
  for (const options of [
    ...["", "(delimiter '|')", "(delimiter '*')", "(null 'L***')", "binary"],
    ...["csv", "(format csv, force_quote *)", "(format csv, delimiter '*')", "(format csv, null 'L***')"],
    ...["(format csv, quote '*')", "(format csv, escape '*')"],
  ]) {
    const sent = await copied(options, "names");
    const masks = (mask: FieldMask) => [undefined, mask, mask];
    t.strictSame(masked(options, sent, masks(quick)), masked(options, sent, masks(slow)), options);
  }
});

t.test("NULL takes a value's place", async (t) => {
  for (const options of ["", "(null 'nil')", "csv", "(format csv, force_quote *)", "binary"]) {
    const out = masked(options, await copied(options), [undefined, { fixed: null }, { fixed: null }]);
    t.strictSame(
      await readBack(options, out),
      expected.map(([id]) => [id, null, null]),
      options,
    );
  }
});

t.test("what is not in the format that was asked for ends the session", async (t) => {
  const lines = (text: string) => [frame("d", Buffer.from(text))];
  for (const [options, data] of [
    ["", lines("a\tb\n")],
    ["", lines("a\tb\tc\td\n")],
    ["", lines("a\tb\tc")],
    ["", lines("a\tb\tc\\\n")],
    ["csv", lines('a,"b"x,c\n')],
    ["csv", lines('a,"b,c\n')],
    ["csv", lines("a,b\n")],
    ["binary", lines("PGCOPY\n")],
    ["binary", lines("a,b,c and more bytes than a header\n")],
    ["binary", [frame("d", Buffer.from("PGCOPY\n\xff\r\n\0\0\0\0\x01\0\0\0\0\xff\xff", "latin1"))]],
    ["binary", [frame("d", Buffer.from("PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0\0\x02", "latin1"))]],
    ["binary", [frame("d", Buffer.from("PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0\xff\xffmore", "latin1"))]],
  ] as const) {
    t.throws(
      () => masked(options, data, [reversed, undefined, reversed]),
      violation,
      `${options} ${String(data[0])}`,
    );
  }
  const endless = Array.from({ length: 11 }, () => frame("d", Buffer.alloc(1000, 97)));
  t.throws(() => masked("", endless, [reversed, undefined, reversed]), violation, "a row without an end");
});
