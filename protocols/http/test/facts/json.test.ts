import t from "tap";
import { readJson } from "../../src/facts/json.ts";
import { NOT_JSON } from "../not-json.ts";

/** What any reader reads alike; JSON.parse is the one that it is held against. */
const READ = [
  ...["{}", "[]", '""', "0", "-0", "1", "-1", "true", "false", "null", " \t\r\n{} \n", "[ ]", "{ }"],
  ...['{"a":1}', '{ "a" : [ 1 , 2 ] }', '{"a":{"b":{"c":[{}]}}}', '[[],{},"",null]', '{"":1}'],
  ...[
    '"a\\"b"',
    '"\\\\"',
    '"\\/"',
    '"\\b\\f\\n\\r\\t"',
    '"\\u00e9"',
    '"\\ud83d\\ude00"',
    '"é€😀"',
    '"\\u0000"',
    '"\x7f"',
  ],
  ...[
    "0.5",
    "-0.5",
    "1e2",
    "1E+2",
    "1e-2",
    "100.0",
    "1.50",
    "0.1",
    "0.30000000000000004",
    "0.10000000000000001",
  ],
  ...["9007199254740991", "-9007199254740991", "1e300", "5e-324", "1.7976931348623157e308", "0e999", "0.000"],
  ...["3.141592653589793", "123456789.25", "1000000000000000000000.0"],
  ...['{"__proto__":{"a":1},"constructor":2,"toString":3,"hasOwnProperty":4}', '{"1":1,"0":2}', '{"a b":1}'],
  "[".repeat(64) + "]".repeat(64),
  `[${"1,".repeat(5000)}1]`,
];

const REFUSED = [
  "",
  ...NOT_JSON,
  ...['"\\ud800"', '"\\udc00"', '"\\ude00\\ud83d"', '{"\\ud800":1}', '"a\\ud83d"'],
  ...[
    '{"a":1,"a":1}',
    '{"a":1,"b":2,"a":3}',
    '{"a":1,"\\u0061":2}',
    '{"x":{"a":1,"a":2}}',
    '[{"a":1,"a":1}]',
  ],
  ...['{"__proto__":1,"__proto__":2}', '{"model":1,"Model":2}', '{"k":1,"\u212a":2}', '{"s":1,"\u017f":2}'],
  ...[
    "9007199254740992",
    "-9007199254740992",
    "9007199254740993",
    "12345678901234567890",
    "9007199254740993.0",
  ],
  ...["1e400", "-1e400", "1e-400", "100.00000000000000001", "0.1000000000000000055511151231257827"],
  "[".repeat(66) + "]".repeat(66),
  `${'{"a":'.repeat(66)}1${"}".repeat(66)}`,
  "[".repeat(1_000_000),
  `1${"0".repeat(900_000)}1`,
  `0.${"0".repeat(900_000)}1`,
  `1${"e".repeat(900_000)}`,
  `[${"1,".repeat(100_000)}1]`,
];

t.test("JSON is read as every reader reads it", (t) => {
  for (const text of READ) {
    const read = readJson(Buffer.from(text));
    t.not(read, undefined, shown(text));
    // Not t.same: that takes a member __proto__ for the prototype.
    t.equal(JSON.stringify(read?.value), JSON.stringify(JSON.parse(text)), shown(text));
  }
  t.end();
});

t.test("what two readers could read differently is not read, nor what is too much", (t) => {
  for (const text of REFUSED) t.equal(readJson(Buffer.from(text)), undefined, shown(text));
  t.end();
});

t.test("strings of a whole body are read", (t) => {
  for (const piece of ["a", "é", "😀", "\\n", "\\\\", '\\"', "\\u00e9", "\\ud83d\\ude00"]) {
    const text = `"${piece.repeat(100_000)}"`;
    t.equal(readJson(Buffer.from(text))?.value, JSON.parse(text), piece);
    t.equal(readJson(Buffer.from(text.slice(0, -1))), undefined, `${piece} without an end`);
  }
  t.end();
});

t.test("bytes that are no UTF-8 are not read", (t) => {
  for (const hex of [
    "22ff22",
    "22c0af22",
    "22eda08022",
    "22e922",
    "7b007d00",
    "fffe7b00",
    "22f490808022",
    "22c322",
  ]) {
    t.equal(readJson(Buffer.from(hex, "hex")), undefined, hex);
  }
  t.end();
});

t.test("no object has anything from its names but members", (t) => {
  const value = readJson(Buffer.from('{"__proto__":{"admin":true}}'))?.value;
  t.ok(typeof value === "object" && value !== null && Object.hasOwn(value, "__proto__"));
  t.equal(Reflect.get(Object(value), "admin"), undefined);
  t.end();
});

t.test("what was read and written again is read the same", (t) => {
  for (const text of READ) {
    const written = JSON.stringify(readJson(Buffer.from(text))?.value);
    t.equal(JSON.stringify(readJson(Buffer.from(written))?.value), written, shown(text));
  }
  t.end();
});

/** The beginning of it, without what would be a line's end in a report. */
function shown(text: string): string {
  return encodeURI(text.slice(0, 40).toWellFormed());
}
