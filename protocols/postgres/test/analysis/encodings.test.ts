import { startPostgres } from "@gatehouse/testkit";
import pg from "pg";
import t from "tap";
import { decoderOf } from "../../src/analysis/encodings.ts";

const ONE_BYTE = [
  ...Array.from({ length: 10 }, (_, index) => `LATIN${index + 1}`),
  ...[5, 6, 7, 8].map((part) => `ISO_8859_${part}`),
  ...Array.from({ length: 9 }, (_, index) => `WIN125${index}`),
  ...["WIN866", "WIN874", "KOI8R", "KOI8U"],
];

t.test("every byte that the server takes is the same character to it and to the gateway", async (t) => {
  const server = await startPostgres();
  const client = new pg.Client({
    host: server.host,
    port: server.port,
    database: "postgres",
    ...server.superuser,
  });
  await client.connect();
  t.teardown(async () => {
    await client.end();
    await server.stop();
  });
  await client.query(`
    create function pg_temp.character(byte int, encoding text) returns text language plpgsql as $$
    begin return convert_from(set_byte('\\x00', 0, byte), encoding);
    exception when others then return null; end $$`);
  for (const encoding of ONE_BYTE) {
    const { rows } = await client.query<{ byte: number; theirs: string }>(
      `select byte, theirs from generate_series(1, 255) byte, pg_temp.character(byte, $1) theirs
       where theirs is not null order by byte`,
      [encoding],
    );
    t.ok(rows.length > 200, encoding);
    const decode = decoderOf(encoding);
    t.strictSame(
      rows.map(({ byte }) => decode?.(Buffer.of(byte))),
      rows.map(({ theirs }) => theirs),
      encoding,
    );
  }
});

t.test("an encoding has the names that PostgreSQL knows it by", async (t) => {
  const bytes = Buffer.of(0xa4);
  for (const name of ["LATIN9", "latin-9", "ISO-8859-15", "iso_8859_15", " ISO8859-15 "])
    t.equal(decoderOf(name)?.(bytes), "€", name);
  for (const name of ["WIN1251", "win", "Windows-1251"])
    t.equal(decoderOf(name)?.(Buffer.of(0xc0)), "А", name);
  for (const name of ["WIN866", "ALT", "windows866"]) t.equal(decoderOf(name)?.(Buffer.of(0x80)), "А", name);
  for (const name of ["WIN1258", "tcvn", "TCVN5712", "VSCII", "ABC"]) t.ok(decoderOf(name), name);
  for (const name of ["utf8", "UTF-8", "Unicode"]) t.equal(decoderOf(name)?.(Buffer.from("ö")), "ö", name);
  for (const name of ["koi8", "KOI8-R"]) t.equal(decoderOf(name)?.(Buffer.of(0xc1)), "а", name);
});

t.test("encodings in which a byte of a character may look like a quote are not read", async (t) => {
  const names = [
    "SJIS",
    "Shift_JIS",
    "mskanji",
    "win932",
    "BIG5",
    "GBK",
    "WIN936",
    "UHC",
    "GB18030",
    "JOHAB",
  ];
  for (const name of [
    ...names,
    "SHIFT_JIS_2004",
    "MULE_INTERNAL",
    "EUC_JP",
    "",
    "latin11",
    "ibm866",
    "utf16",
  ])
    t.equal(decoderOf(name), undefined, name);
});

t.test("bytes that are no text in their encoding are not read", async (t) => {
  const utf8 = decoderOf("UTF8");
  for (const bytes of [[0xff], [0xc3], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80]])
    t.equal(utf8?.(Buffer.from(bytes)), undefined);
  t.equal(utf8?.(Buffer.from("\ufeffselect 1")), "\ufeffselect 1", "a mark at the beginning is part of it");
  t.equal(decoderOf("ISO_8859_6")?.(Buffer.of(0xa1)), undefined);
  t.equal(decoderOf("ISO_8859_6")?.(Buffer.from("select 1")), "select 1", "and the next is read as ever");
});

t.test("without an encoding, only ASCII is sure", async (t) => {
  t.equal(decoderOf("SQL_ASCII")?.(Buffer.from("select 1")), "select 1");
  t.equal(decoderOf("sql-ascii")?.(Buffer.from("select 'ö'")), undefined);
});
