import t from "tap";
import type { Transform } from "@gatehouse/core";
import { encodeExecute } from "../../src/codec/execute.ts";
import { encodeNamedObject } from "../../src/codec/describe.ts";
import { encodeSync, frame } from "../../src/codec/framing.ts";
import { encodeParse } from "../../src/codec/parse.ts";
import { decodeDataRow } from "../../src/codec/data-row.ts";
import { decodeRowDescription } from "../../src/codec/row-description.ts";
import { detectingMask, fieldMask, type FieldMask } from "../../src/masking/fields.ts";
import { maskedType, serves } from "../../src/masking/types.ts";
import { startFrontWithServer } from "../support/front.ts";
import { marking } from "../support/masking.ts";
import { letter } from "../support/raw-client.ts";

const { front, server, admin } = await startFrontWithServer();
const client = await front.connect();
t.teardown(async () => {
  client.socket.destroy();
  await admin.end();
  await front.close();
  await server.stop();
});
await admin.query("create type mood as enum ('sad', 'fine')");
await admin.query("create type pair as (a int, b text)");

const UTF8 = { utf8: true, decode: (bytes: Buffer) => bytes.toString("utf8") };
const redact: Transform = { kind: "redact" };
const hash: Transform = { kind: "hash" };
const partial: Transform = { kind: "partial", of: "text" };
const constant = (value: string): Transform => ({ kind: "constant", value });

/** By type: what its value is, and what becomes of it. */
const cases: readonly (readonly [string, string, readonly (readonly [Transform, string | null])[]])[] = [
  [
    "text",
    "ann@x.org",
    [
      [redact, "***"],
      [partial, "a***"],
      [constant("hé"), "hé"],
      [{ kind: "null" }, null],
    ],
  ],
  [
    "varchar(2)",
    "an",
    [
      [redact, "**"],
      [constant("😀😀😀"), "😀😀"],
    ],
  ],
  ["varchar", "ann", [[partial, "a***"]]],
  [
    "char(6)",
    "ann",
    [
      [redact, "***   "],
      [partial, "a***  "],
      [hash, "i7679a"],
    ],
  ],
  ["name", "ann", [[constant("é".repeat(40)), "é".repeat(31)]]],
  [
    '"char"',
    "x",
    [
      [redact, "*"],
      [constant("é"), "*"],
    ],
  ],
  [
    "json",
    '{"a": 1}',
    [
      [redact, '"***"'],
      [constant('{"b":2}'), '{"b":2}'],
      [constant("plain"), '"plain"'],
      [partial, '"***"'],
    ],
  ],
  [
    "jsonb",
    '{"a": 1}',
    [
      [redact, '"***"'],
      [constant("[1]"), "[1]"],
    ],
  ],
  [
    "uuid",
    "6f1e5f1c-9d5e-4b3a-8c1d-2f3a4b5c6d7e",
    [
      [redact, "00000000-0000-0000-0000-000000000000"],
      [partial, "00000000-0000-0000-0000-000000000000"],
      [constant("no uuid"), "00000000-0000-0000-0000-000000000000"],
    ],
  ],
  [
    "bytea",
    "\\x010203",
    [
      [redact, "\\x2a2a2a"],
      [hash, "\\x2a2a2a"],
      [constant("a"), "\\x61"],
    ],
  ],
  [
    "int2",
    "7",
    [
      [redact, null],
      [constant("-5"), "-5"],
      [constant("40000"), null],
    ],
  ],
  [
    "int4",
    "7",
    [
      [redact, null],
      [constant("0"), "0"],
      [constant("x"), null],
      [partial, null],
    ],
  ],
  [
    "int8",
    "7",
    [
      [constant("9223372036854775807"), "9223372036854775807"],
      [constant("9223372036854775808"), null],
    ],
  ],
  [
    "numeric",
    "7.50",
    [
      [redact, null],
      [constant("-12345.67890"), "-12345.67890"],
      [constant("0.00"), "0.00"],
      [constant("10000"), "10000"],
      [constant("0.00012"), "0.00012"],
    ],
  ],
  [
    "float4",
    "7",
    [
      [redact, null],
      [constant("1.5"), "1.5"],
    ],
  ],
  [
    "float8",
    "7",
    [
      [redact, null],
      [constant("-0.25"), "-0.25"],
      [constant("1e999"), null],
    ],
  ],
  [
    "bool",
    "t",
    [
      [redact, null],
      [constant("true"), "t"],
      [constant("yes"), null],
    ],
  ],
  [
    "date",
    "2024-02-29",
    [
      [redact, null],
      [constant("1970-01-01"), "1970-01-01"],
      [constant("2023-02-29"), null],
    ],
  ],
  [
    "time",
    "10:00",
    [
      [redact, null],
      [constant("10:00"), null],
    ],
  ],
  [
    "timestamptz",
    "2024-02-29",
    [
      [redact, null],
      [hash, null],
    ],
  ],
  ["interval", "1 day", [[redact, null]]],
  [
    "inet",
    "10.0.0.1",
    [
      [redact, null],
      [constant("10.0.0.2"), null],
    ],
  ],
  [
    "mood",
    "fine",
    [
      [redact, null],
      [constant("sad"), null],
    ],
  ],
  ["pair", "(1,x)", [[redact, null]]],
  ["int4range", "[1,2)", [[redact, null]]],
  [
    "text[]",
    '{ann,"b \\"c",NULL}',
    [
      [redact, "{***}"],
      [constant("a b"), "{***}"],
      [partial, "{a***,b***,NULL}"],
      [hash, "{#616e6e,#62202263,NULL}"],
      [{ kind: "null" }, null],
    ],
  ],
  ["text[]", "[0:1][3:3]={{ann},{bob}}", [[partial, "[0:1][3:3]={{a***},{b***}}"]]],
  [
    "text[]",
    "{}",
    [
      [partial, "{}"],
      [redact, "{***}"],
    ],
  ],
  ["varchar(3)[]", "{ann}", [[hash, "{i76}"]]],
  [
    "int4[]",
    "{1,2}",
    [
      [redact, null],
      [partial, null],
    ],
  ],
  ["uuid[]", "{6f1e5f1c-9d5e-4b3a-8c1d-2f3a4b5c6d7e}", [[redact, "{00000000-0000-0000-0000-000000000000}"]]],
];

/** One value, as the server sends it. */
async function sent(type: string, value: string, binary: boolean) {
  const bind = Buffer.from(`\0\0\0\0\0\0\0\x01\0${binary ? "\x01" : "\0"}`, "latin1");
  client.send(
    encodeParse("", `select '${value}'::${type}`),
    frame("B", bind),
    encodeNamedObject("D", "portal", ""),
    encodeExecute(""),
    encodeSync(),
  );
  const frames = await client.until("Z");
  const body = (which: string) => frames.find((one) => letter(one) === which)?.body ?? Buffer.alloc(0);
  const [column] = decodeRowDescription(body("T"));
  const [field] = decodeDataRow(body("D"));
  if (!column || !field) throw new Error(`nothing came: ${frames.map(letter).join("")}`);
  return { column, field };
}

function apply(mask: FieldMask, field: Buffer): Buffer | null | undefined {
  const masked =
    "fixed" in mask
      ? mask.fixed
      : mask.each(Buffer.concat([Buffer.from("before"), field]), 6, 6 + field.length);
  return typeof masked === "string" ? Buffer.from(masked) : masked;
}

/** What the server takes a value for that is handed in: in binary, as a parameter that is a Buffer is sent. */
async function taken(type: string, value: Buffer, binary: boolean): Promise<string> {
  const plain = type.replace(/\(\d+\)/, "");
  const as = plain === "char" ? "bpchar" : plain;
  const text = as === "bool" ? "case when $1::bool then 't' else 'f' end" : `($1::${as})::text`;
  const { rows } = await admin.query<{ text: string }>(
    // A cast of bpchar to text would take its blanks away.
    `select ${as === "bpchar" ? "textin(bpcharout($1::bpchar))" : text} as text`,
    [binary ? value : value.toString("utf8")],
  );
  return rows[0]?.text ?? "";
}

for (const [type, value, transforms] of cases) {
  t.test(type, async (t) => {
    for (const binary of [false, true]) {
      const { column, field } = await sent(type, value, binary);
      for (const [transform, expected] of transforms) {
        const name = `${JSON.stringify(transform)} ${binary ? "binary" : "text"}`;
        const masked = apply(fieldMask(transform, column, marking, UTF8), field);
        if (expected === null || !masked) t.equal(masked, expected, name);
        else t.equal(await taken(type, masked, binary), expected, name);
      }
    }
  });
}

t.test("a hash is the same in text and binary, and of the value's own type", async (t) => {
  for (const [type, value, equal] of [
    ["int4", "7", "7"],
    ["int8", "-70000000000", "-70000000000"],
    ["numeric", "7.50", "7.5000"],
    ["numeric", "700", "700.0"],
    ["uuid", "6f1e5f1c-9d5e-4b3a-8c1d-2f3a4b5c6d7e", "6F1E5F1C-9D5E-4B3A-8C1D-2F3A4B5C6D7E"],
    ["json", '{"a":1}', '{"a":1}'],
    ["jsonb", '{"a":1}', '{"a":   1}'],
    ["text", "é", "é"],
    ["int8[]", "{7,8}", "{7,8}"],
  ] as const) {
    const hashes = new Set<string>();
    for (const [one, binary] of [
      [value, false],
      [value, true],
      [equal, false],
      [equal, true],
    ] as const) {
      const { column, field } = await sent(type, one, binary);
      const masked = apply(fieldMask(hash, column, marking, UTF8), field);
      hashes.add(masked ? await taken(type, masked, binary) : "NULL");
    }
    t.equal(hashes.size, 1, `${type} ${[...hashes].join(" ")}`);
    t.notOk(hashes.has("NULL") || hashes.has(value));
  }
});

t.test("a hash for which there is no room tells values apart as far as there is", async (t) => {
  for (const [type, length] of [
    [1043, 8],
    [1042, 6],
  ] as const) {
    const forms = new Set<string | undefined>();
    for (let n = 0; n < 500; n++) {
      const text = `[hash:${"a".repeat(29)}${n.toString(16).padStart(3, "0")}]`;
      forms.add(maskedType(type)?.form(text, "hash", length + 4));
    }
    t.equal(forms.size, 500);
    for (const form of forms) t.equal(form?.length, length);
  }
  const whole = `[hash:${"a".repeat(32)}]`;
  t.equal(maskedType(1043)?.form(whole, "hash", 44), whole);
});

t.test("a transform that a type can't have is known before", async (t) => {
  t.ok(serves(partial, 25));
  t.ok(serves(partial, 1009), "texts in an array");
  t.notOk(serves(partial, 23));
  t.ok(serves(hash, 23));
  t.notOk(serves(hash, 21), "too few numbers for that");
  t.notOk(serves(hash, 1184));
  t.ok(serves({ kind: "redact" }, 1184), "anything can be redacted");
  t.ok(serves({ kind: "null" }, 0));
  for (const [value, type, served] of [
    ["x", 25, true],
    ["x", 1009, false],
    ["x", 23, false],
    ["-7", 23, true],
    ["70000", 21, false],
    ["1.5", 1700, true],
    ["yes", 16, false],
    ["true", 16, true],
    ["2026-02-30", 1082, false],
    ["2026-02-28", 1082, true],
    ["x", 2950, false],
    ["not JSON", 3802, true],
    ["x", 17, true],
    ["x", 1184, false],
  ] as const) {
    t.equal(serves({ kind: "constant", value }, type), served, `${value} for ${type}`);
  }
});

t.test("a text in an encoding that can't be written is redacted", async (t) => {
  const column = { type: 25, modifier: -1, binary: false };
  const latin1 = { utf8: false, decode: (bytes: Buffer) => bytes.toString("latin1") };
  const ascii = { utf8: false, decode: () => undefined };
  t.strictSame(
    apply(fieldMask(partial, column, marking, latin1), Buffer.from("éa", "latin1")),
    Buffer.from("***"),
  );
  t.strictSame(
    apply(fieldMask(partial, column, marking, latin1), Buffer.from("aé", "latin1")),
    Buffer.from("a***"),
  );
  t.strictSame(
    apply(fieldMask(partial, column, marking, ascii), Buffer.from("aé", "latin1")),
    Buffer.from("***"),
  );
});

t.test("what a detector finds is hidden, and the rest stays as it is", async (t) => {
  const find = marking.detectors([]);
  const detected = async (type: string, value: string, binary: boolean) => {
    const { column, field } = await sent(type, value, binary);
    const masked = apply(detectingMask(find, column, marking, UTF8), field);
    return masked ? taken(type, masked, binary) : masked;
  };
  for (const binary of [false, true]) {
    t.equal(await detected("text", "a secret here", binary), "a [found] here");
    t.equal(await detected("text", "nothing", binary), undefined);
    t.equal(await detected("varchar(7)", "asecret", binary), "a[found");
    t.equal(await detected("jsonb", '{"a": "secret"}', binary), '"***"');
    t.equal(await detected("int4", "7", binary), undefined);
    t.equal(await detected("text[]", "{secret}", false), "{***}");
  }
});

t.test("what is no array is not handed on", async (t) => {
  for (const broken of ["ann", "", "{ann", "x{ann}", "{{ann}"]) {
    const mask = fieldMask(partial, { type: 1009, modifier: -1, binary: false }, marking, UTF8);
    t.equal(apply(mask, Buffer.from(broken)), null, broken);
  }
  for (const broken of [Buffer.alloc(0), Buffer.alloc(11, 1), Buffer.alloc(40, 255)]) {
    const mask = fieldMask(partial, { type: 1009, modifier: -1, binary: true }, marking, UTF8);
    t.equal(apply(mask, broken), null);
  }
});
