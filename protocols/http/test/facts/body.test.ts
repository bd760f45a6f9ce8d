import t from "tap";
import { type Fields, parseFields } from "../../src/codec/fields.ts";
import { isLookedInto, LARGEST_BODY, readBody } from "../../src/facts/body.ts";

t.test("a body is read by its type", (t) => {
  const json = { kind: "json", value: { a: 1 } };
  const form = { kind: "form", parameters: [{ name: "a", value: "1 2" }] };
  const cases = [
    ["application/json", '{"a":1}', json],
    ["Application/JSON; Charset=UTF-8", '{"a":1}', json],
    ['application/json;charset="utf8"', '{"a":1}', json],
    ["application/json;", '{"a":1}', json],
    ["application/problem+json", '{"a":1}', json],
    ["application/vnd.api+json; version=1", '{"a":1}', json],
    ["application/x-www-form-urlencoded", "a=1+2", form],
    ["application/x-www-form-urlencoded", "%61=1%202", form],
    ["application/json", "", { kind: "none" }],
    ["text/plain", '{"a":1}', { kind: "opaque" }],
    ["application/jsonx", '{"a":1}', { kind: "opaque" }],
    ["application/x-ndjson", '{"a":1}', { kind: "opaque" }],
    ["application/octet-stream", "x", { kind: "opaque" }],
  ] as const;
  for (const [type, body, read] of cases) {
    t.same(readBody(fieldsOf(`Content-Type: ${type}`), Buffer.from(body)), read, `${type} ${body}`);
  }
  t.same(readBody(fieldsOf(), Buffer.from("{}")), { kind: "opaque" }, "no type");
  t.end();
});

t.test("what is not what its type says is unreadable", (t) => {
  const cases = [
    ["application/json", "{"],
    ["application/json", '{"a":1,"a":2}'],
    ["application/json", "\ufeff{}"],
    ["application/json; charset=utf-16", "{}"],
    ["application/json; charset=utf-7", "{}"],
    ["application/json; charset=utf-8; charset=utf-16", "{}"],
    ["application/json, text/plain", "{}"],
    ["application/json;;", "{}"],
    ["application/json; a", "{}"],
    ["application/json charset=utf-8", "{}"],
    [`application/json${" ".repeat(60_000)};`, "{}"],
    ["json", "{}"],
    ["", "{}"],
    ["application/x-www-form-urlencoded", "a=%zz"],
    ["application/x-www-form-urlencoded", "a=%ff"],
    ["application/x-www-form-urlencoded", "a=%00"],
    ["application/x-www-form-urlencoded", "a=1;b=2"],
    ["application/x-www-form-urlencoded; charset=latin1", "a=1"],
    ["multipart/form-data", "--x\r\n"],
  ] as const;
  for (const [type, body] of cases) {
    const read = readBody(fieldsOf(`Content-Type: ${type}`), Buffer.from(body));
    t.same(read, { kind: "unreadable" }, `${type.slice(0, 60)} ${body}`);
  }
  t.end();
});

t.test("what is compressed, too large or not there to the end is not looked into", (t) => {
  const type = "Content-Type: application/json";
  const large = Buffer.from(`"${"a".repeat(LARGEST_BODY)}"`);
  t.same(readBody(fieldsOf(type, "Content-Encoding: gzip"), Buffer.from("{}")), { kind: "opaque" });
  t.same(readBody(fieldsOf(type, "Content-Encoding: identity, br"), Buffer.from("{}")), { kind: "opaque" });
  t.same(readBody(fieldsOf(type, "Content-Encoding: identity"), Buffer.from("{}")), {
    kind: "json",
    value: {},
  });
  t.same(readBody(fieldsOf(type), large), { kind: "opaque" });
  t.same(readBody(fieldsOf(type), undefined), { kind: "opaque" });
  t.end();
});

t.test("a type that is said twice is refused: one server takes the first, another the last", (t) => {
  const fields = fieldsOf("Content-Type: text/plain", "Content-Type: application/json");
  t.throws(() => readBody(fields, Buffer.from("{}")), /content-type/);
  t.end();
});

t.test("it is told before the body comes whether it will be looked into", (t) => {
  t.equal(isLookedInto(fieldsOf("content-type: application/json; charset=x")), true);
  t.equal(isLookedInto(fieldsOf("content-type: multipart/form-data; boundary=x")), true);
  t.equal(isLookedInto(fieldsOf("content-type: image/png")), false);
  t.equal(isLookedInto(fieldsOf()), false);
  t.end();
});

t.test("the parts of a form are told", (t) => {
  const body =
    part('name="title"', "A") +
    part('name="file"; filename="a b.PNG"', "\r\n--y", "Image/PNG") +
    part('filename="é"; name=""', "");
  t.same(multipart(`${body}--x--\r\n`), {
    kind: "multipart",
    parts: [
      { name: "title", filename: "", type: "" },
      { name: "file", filename: "a b.PNG", type: "image/png" },
      { name: "", filename: "é", type: "" },
    ],
  });
  t.equal(multipart(`${part('name="a"', "1")}--x--`).kind, "multipart", "without a line's end behind it");
  t.end();
});

t.test("parts that parsers do not agree on are unreadable", (t) => {
  const good = part('name="a"', "1");
  const cases = {
    "something before": `preamble\r\n${good}--x--\r\n`,
    "a blank line before": `\r\n${good}--x--\r\n`,
    "something behind": `${good}--x--\r\nepilogue`,
    "no end": good,
    "a part that has no end": '--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1',
    "no parts": "--x--\r\n",
    "blanks behind a boundary": `--x \r\n${good.slice(5)}--x--`,
    "a boundary that goes on": `${good}--xy\r\n--x--`,
    "lines that end with LF": good.replaceAll("\r\n", "\n"),
    "a name twice": `${part('name="a"; name="b"', "1")}--x--`,
    "no name": `${part('filename="b"', "1")}--x--`,
    "a name without quotes": `${part("name=a", "1")}--x--`,
    "an escaped quote": `${part('name="a\\"; filename=\\"b"', "1")}--x--`,
    "an extended name": `${part('name="a"; filename="b"; filename*=UTF-8\'\'c', "1")}--x--`,
    "another disposition": good.replace("form-data", "attachment"),
    "no disposition": `--x\r\nContent-Type: text/plain\r\n\r\n1\r\n--x--`,
    "no head": "--x\r\n\r\n1\r\n--x--",
    "two dispositions": `${good.replace("\r\n\r\n", '\r\nContent-Disposition: form-data; name="b"\r\n\r\n')}--x--`,
    "a folded line": `${good.replace("; name", ";\r\n name")}--x--`,
    "a blank before a colon": `${good.replace("Disposition:", "Disposition :")}--x--`,
    "too many": `${good.repeat(201)}--x--`,
  };
  for (const [what, body] of Object.entries(cases)) t.same(multipart(body), { kind: "unreadable" }, what);
  const odd = ["", '""', '"a "', "a".repeat(71), '"a;b"', '"é"'];
  for (const boundary of odd) {
    const type = `Content-Type: multipart/form-data; boundary=${boundary}`;
    t.same(
      readBody(fieldsOf(type), Buffer.from(`${good}--x--`)),
      { kind: "unreadable" },
      `boundary ${boundary}`,
    );
  }
  t.end();
});

t.test("the parts that fetch sends are read", async (t) => {
  const form = new FormData();
  form.set("prompt", "hé\r\n--x");
  form.set("file", new Blob(["%PDF"], { type: "application/pdf" }), 'a "b"é.pdf');
  const response = new Response(form);
  const fields = fieldsOf(`content-type: ${response.headers.get("content-type") ?? ""}`);
  t.same(readBody(fields, Buffer.from(await response.arrayBuffer())), {
    kind: "multipart",
    parts: [
      { name: "prompt", filename: "", type: "" },
      { name: "file", filename: "a %22b%22é.pdf", type: "application/pdf" },
    ],
  });
});

function multipart(body: string) {
  return readBody(fieldsOf("Content-Type: multipart/form-data; boundary=x"), Buffer.from(body));
}

function part(disposition: string, content: string, type?: string): string {
  const head = `Content-Disposition: form-data; ${disposition}\r\n${type === undefined ? "" : `Content-Type: ${type}\r\n`}`;
  return `--x\r\n${head}\r\n${content}\r\n`;
}

function fieldsOf(...lines: readonly string[]): Fields {
  return parseFields(lines.map((line) => Buffer.from(line).toString("latin1")));
}
