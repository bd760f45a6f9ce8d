import { startPostgres } from "@gatehouse/testkit";
import t from "tap";
import { parameterText } from "../../src/codec/parameter.ts";
import { superuser } from "../support/database.ts";

/* What rules and the audit log see of a binary parameter, against what the server reads in the same bytes. */

const server = await startPostgres();
const client = await superuser(t, server);
t.teardown(async () => {
  await client.end();
  await server.stop();
});
await client.query("set timezone = 'UTC'");

/** The values of a type, one a row: the type's object id, the binary form as on the wire, and the text. */
async function valuesOf(type: string, values: string, args: readonly unknown[] = []) {
  const { rows } = await client.query<{ id: number; value: Buffer; text: string }>(
    `select '${type}'::regtype::oid::int as id, ${sendOf(type)}(v) as value, v::text as text from (${values}) as t(v)`,
    [...args],
  );
  return rows;
}

/** The function by which the server writes the binary form. */
function sendOf(type: string): string {
  const joined = ["date", "time", "timestamp", "timestamptz", "numeric", "uuid", "jsonb", "json"];
  return joined.includes(type) ? `${type}_send` : `${type}send`;
}

/** As it is where it is not read: in hexadecimal, so that nobody takes it for a text. */
const hexOf = (value: Buffer) => `\\x${value.toString("hex")}`;

const SAME: Readonly<Record<string, readonly string[]>> = {
  bool: ["true", "false"],
  int2: ["0", "-1", "32767", "-32768"],
  int4: ["0", "7", "-2147483648", "2147483647"],
  int8: ["0", "-1", "9007199254740993", "-9223372036854775808", "9223372036854775807"],
  oid: ["0", "16384", "4294967295"],
  float4: ["0", "-0", "1.5", "1.1", "-3.4e38", "1e-45", "16777216", "1e15", "0.00001", "NaN", "-Infinity"],
  float8: [
    "0",
    "-0",
    "1.1",
    "0.1",
    "123456.789",
    "1e14",
    "1e15",
    "1e21",
    "1e-4",
    "1e-5",
    "5e-324",
    "NaN",
    "Infinity",
  ],
  date: ["2000-01-01", "1999-12-31", "1970-01-01", "0001-01-01", "9999-12-31", "2024-02-29"],
  time: ["00:00", "23:59:59.999999", "12:30:00.5", "01:02:03.000001"],
  timestamp: [
    "2000-01-01 00:00",
    "1999-12-31 23:59:59.999999",
    "1969-12-31 23:59:59.5",
    "2026-11-21 10:56:14.123456",
    "0001-01-01 00:00",
    "9999-12-31 23:59:59.999999",
  ],
  timestamptz: ["2000-01-01 00:00+00", "2026-11-21 10:56:14.120+05:30", "1999-12-31 23:59:59.000001-08"],
  numeric: [
    ...["0", "-0", "0.0", "1", "-1", "0.00001", "-0.00001", "1e20", "-1e20", "123456789.987654321", "10000"],
    ...["9999", "99990000", "1.10", "100.000", "0.1234", "0.00012345", "1e-30", "1e100", "NaN"],
  ],
  uuid: ["00112233-4455-6677-8899-aabbccddeeff", "ffffffff-ffff-ffff-ffff-ffffffffffff"],
  jsonb: ['{"a": [1, 2.50, null, true], "größe": "\\u00e9 \\"x\\""}', "[]", '"text"', "null", "1e3"],
  json: ['{"a":1,   "a":2}'],
  text: ["größe", "", "\\x00ff", "a\nb"],
  varchar: ["größe"],
  name: ["größe"],
};

for (const [type, texts] of Object.entries(SAME)) {
  t.test(`${type} is written as the server writes it`, async (t) => {
    const rows = await valuesOf(type, `select unnest($1::text[])::${type}`, [texts]);
    t.equal(rows.length, texts.length);
    for (const { id, value, text } of rows) t.equal(parameterText({ binary: true, value }, id), text, text);
  });
}

/** What has no place on Date's or on the number line: it is not read, and never read as something else. */
const UNREAD: Readonly<Record<string, readonly string[]>> = {
  date: ["infinity", "-infinity", "0001-12-31 BC", "4713-01-01 BC", "10000-01-01", "5874897-12-31"],
  timestamp: [
    "infinity",
    "-infinity",
    "0001-12-31 23:59:59.999999 BC",
    "10000-01-01",
    "294276-12-31 23:59:59.999999",
  ],
  timestamptz: ["infinity", "-infinity", "4713-01-01 00:00:00+00 BC"],
  time: ["24:00"],
  numeric: ["Infinity", "-Infinity", "1e1004", "1e131071"],
  bytea: ["\\x", "\\x00ff"],
};

for (const [type, texts] of Object.entries(UNREAD)) {
  t.test(`${type} that is not read stands in hexadecimal`, async (t) => {
    const rows = await valuesOf(type, `select unnest($1::text[])::${type}`, [texts]);
    t.equal(rows.length, texts.length);
    for (const { id, value, text } of rows)
      t.equal(parameterText({ binary: true, value }, id), hexOf(value), text);
  });
}

/** A thousand of each, all over the type's range; the server's dice, thrown in the same way each time. */
const RANDOM: Readonly<Record<string, string>> = {
  int8: "select ((random() - 0.5) * 1.8e19)::int8",
  date: "select '0001-01-01'::date + (random() * 3652058)::int",
  time: "select '00:00'::time + random() * interval '24 hours'",
  timestamp: "select '0001-01-01'::timestamp + random() * interval '3652058 days'",
  timestamptz: "select '0001-01-01'::timestamptz + random() * interval '3652058 days'",
  numeric: "select trim_scale((random() - 0.5)::numeric * 10::numeric ^ (i % 60 - 30)) * (i % 97)",
  uuid: "select md5(random()::text)::uuid",
};

for (const [type, values] of Object.entries(RANDOM)) {
  t.test(`${type}, wherever it lies`, async (t) => {
    await client.query("select setseed(0.3)");
    const rows = await valuesOf(type, `${values} from generate_series(1, 1000) i`);
    t.equal(rows.length, 1000);
    const other = rows.filter(({ id, value, text }) => parameterText({ binary: true, value }, id) !== text);
    t.strictSame(
      other.map(({ id, value, text }) => [text, parameterText({ binary: true, value }, id)]).slice(0, 5),
      [],
    );
  });
}

t.test("a floating-point number's text is that number again, with as many digits as it needs", async (t) => {
  await client.query("select setseed(0.4)");
  for (const [type, decimals] of [
    ["float4", 70],
    ["float8", 600],
  ] as const) {
    const random = `select ((random() - 0.5) * 10.0 ^ (i % ${decimals} - ${decimals / 2}))::${type}`;
    const rows = await valuesOf(type, `${random} from generate_series(1, 1000) i`);
    const read = rows.map(({ id, value }) => parameterText({ binary: true, value }, id) ?? "");
    const again = await valuesOf(type, `select unnest($1::text[])::${type}`, [read]);
    t.strictSame(
      again.map(({ value }) => value),
      rows.map(({ value }) => value),
      type,
    );
    const digits = (text: string) => text.replace(/e.*$/, "").replace(/\D/g, "").length;
    const longer = rows.flatMap(({ text }, index) =>
      digits(read[index] ?? "") > digits(text) ? [text] : [],
    );
    t.strictSame(longer, [], type);
  }
});

t.test("bytes that are not of the type's form stand in hexadecimal", async (t) => {
  const rows = await valuesOf("numeric", "select 12345.678::numeric");
  const { id, value } = rows[0] ?? { id: 0, value: Buffer.alloc(0) };
  t.equal(parameterText({ binary: true, value }, id), "12345.678");
  for (let length = 0; length < value.length; length++) {
    const cut = value.subarray(0, length);
    t.equal(parameterText({ binary: true, value: cut }, id), hexOf(cut), `cut at ${length}`);
  }
  const longer = Buffer.concat([value, Buffer.from([0, 1])]);
  t.equal(parameterText({ binary: true, value: longer }, id), hexOf(longer));
  // Ten thousand is no digit to base ten thousand.
  const digit = Buffer.from(value);
  digit.writeUInt16BE(10_000, 8);
  t.equal(parameterText({ binary: true, value: digit }, id), hexOf(digit));
  const jsonb = Buffer.from([2, 0x7b, 0x7d]);
  t.equal(parameterText({ binary: true, value: jsonb }, 3802), hexOf(jsonb));
});
