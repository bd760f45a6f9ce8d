import type { Mask } from "@gatehouse/core";
import t, { type Test } from "tap";
import { Malformed } from "../../src/codec/malformed.ts";
import { JsonMasks } from "../../src/masking/json-masks.ts";
import type { JsonForm } from "../../src/masking/json-rewriter.ts";
import { JsonStream } from "../../src/masking/json-stream.ts";
import type { Sink } from "../../src/masking/sink.ts";
import { NOT_JSON } from "../not-json.ts";
import { maskOf } from "./masks.ts";
import { addresses, sampleValues } from "./sample-values.ts";

type Values = JsonForm["values"];

/** What comes out of a body that comes in these pieces. */
function streamed(masks: readonly Mask[], pieces: readonly Buffer[], values: Values = "one"): Buffer {
  const out: Buffer[] = [];
  let ended = 0;
  const sink: Sink = {
    write: (content) => {
      out.push(...content.map((bytes) => Buffer.from(bytes)));
      return undefined;
    },
    end: () => {
      ended++;
      return undefined;
    },
    abort: () => undefined,
  };
  const stream = new JsonStream(new JsonMasks(masks, sampleValues), values, sink);
  for (const piece of pieces) void stream.write([piece]);
  void stream.end();
  if (ended !== 1) throw new Error(`it ended ${ended} times`);
  return Buffer.concat(out);
}

const bytewise = (bytes: Buffer) => Array.from(bytes, (_, at) => bytes.subarray(at, at + 1));

/** As one piece; and fails the test where any cut, or each byte by itself, makes another answer of it. */
function masked(t: Test, masks: readonly Mask[], text: string | Buffer, values: Values = "one"): string {
  const bytes = Buffer.from(text);
  const whole = streamed(masks, [bytes], values);
  const differs = (pieces: Buffer[]) => !streamed(masks, pieces, values).equals(whole);
  for (let at = 0; at <= bytes.length; at++) {
    if (differs([bytes.subarray(0, at), bytes.subarray(at)])) t.fail(`cut at ${at}: ${text.toString()}`);
  }
  if (differs(bytewise(bytes))) t.fail(`each byte by itself: ${text.toString()}`);
  return whole.toString("utf8");
}

function refused(bytes: Buffer, values: Values = "one", masks = [addresses]): boolean {
  return [[bytes], bytewise(bytes)].every((pieces) => refusedIn(pieces, values, masks));
}

function refusedIn(pieces: readonly Buffer[], values: Values = "one", masks = [addresses]): boolean {
  try {
    streamed(masks, pieces, values);
    return false;
  } catch (error) {
    if (error instanceof Malformed) return true;
    throw error;
  }
}

t.test("what the detectors find is hidden, and the rest stays byte for byte", (t) => {
  const text = `{ "to" : "Anna <anna@example.com>", "t":"x",
\t"n": [1.0, 1E+2, -0, 4111111111111111, 4.111111111111111e15, 4111111111111111.50, 1e999],
  "e": "anna\\u0040example.com", "g":"Gr\\u00fc\\/ße é 😀 \\ud83d\\ude00",
  "anna@example.com": {"": [true, false, null, [], {}]}, "half": "\\ud83d anna@example.com" }
`;
  t.equal(
    masked(t, [addresses], text),
    text
      .replace("Anna <anna@example.com>", "Anna <[redacted]>")
      .replace("4111111111111111,", '"[redacted]",')
      .replace("4.111111111111111e15", '"[redacted]"')
      .replace("4111111111111111.50", '"[redacted].50"')
      .replace("anna\\u0040example.com", "[redacted]")
      .replace('"anna@example.com":', '"[redacted]":')
      .replace("\\ud83d anna@example.com", "\\ud83d [redacted]"),
  );
  t.equal(masked(t, [addresses], '"Grüße\\n😀 an anna@example.com"'), '"Grüße\\n😀 an [redacted]"');
  t.equal(masked(t, [addresses], "4111111111111111"), '"[redacted]"');
  t.equal(masked(t, [addresses], " 12 "), " 12 ");
  t.equal(
    masked(t, [maskOf({ detect: ["pii.email"], with: { kind: "null" } })], '{"a@b.c":"a@b.c"}'),
    '{"[redacted]":null}',
  );
  t.end();
});

t.test("what a path leads to is hidden whole, whatever it is", (t) => {
  const text =
    '{"a": "text", "b": 12.50, "c": true, "d": null, "e": {"x": ["]}", 1], "y": {}}, "f": [1, [2], "\\""], "": ""}';
  const hide = (transform: Mask["with"]) => masked(t, [maskOf({ fields: ["$.*"], with: transform })], text);
  t.equal(
    hide({ kind: "redact" }),
    '{"a": "[redacted]", "b": "[redacted]", "c": "[redacted]", "d": null, "e": "[redacted]", "f": "[redacted]", "": "[redacted]"}',
  );
  t.equal(
    hide({ kind: "null" }),
    '{"a": null, "b": null, "c": null, "d": null, "e": null, "f": null, "": null}',
  );
  t.equal(
    hide({ kind: "constant", value: 'é"' }),
    '{"a": "é\\"", "b": "é\\"", "c": "é\\"", "d": null, "e": "é\\"", "f": "é\\"", "": "é\\""}',
  );
  const rest = '"d": null, "e": "[redacted]", "f": "[redacted]"';
  t.equal(
    hide({ kind: "hash" }),
    `{"a": "[hash:4]", "b": "[hash:5]", "c": "[hash:4]", ${rest}, "": "[hash:0]"}`,
  );
  t.equal(
    hide({ kind: "partial", of: "text" }),
    `{"a": "t***", "b": "1***", "c": "t***", ${rest}, "": "***"}`,
  );
  t.equal(masked(t, [maskOf({ fields: ["$"] })], ` ${text} `), ' "[redacted]" ');
  t.equal(masked(t, [maskOf({ fields: ["$"] })], "[1]"), '"[redacted]"');
  t.end();
});

t.test("paths and detectors stand together, and of several paths the strictest holds", (t) => {
  const masks = [
    maskOf({ fields: ["$.list[*].name"], with: { kind: "partial", of: "text" } }),
    maskOf({ fields: ["$..secret", "$.list[1].name"], with: { kind: "hash" } }),
    maskOf({ fields: ["$..top"], with: { kind: "null" } }),
    addresses,
  ];
  t.equal(
    masked(
      t,
      masks,
      '{"list":[{"name":"Anna","note":"a@b.c"},{"na\\u006de":"Bert","top":"x"}],"x":{"secret":{"a":1},"name":"Carl"}}',
    ),
    '{"list":[{"name":"A***","note":"[redacted]"},{"na\\u006de":"[hash:4]","top":null}],"x":{"secret":"[redacted]","name":"Carl"}}',
  );
  t.equal(
    masked(t, masks, '{"secret":"1234","secret":"12345"}'),
    '{"secret":"[hash:4]","secret":"[hash:5]"}',
    "whichever of two members of one name a reader takes",
  );
  t.end();
});

t.test("several values, one a line or as a sequence", (t) => {
  const masks = [maskOf({ fields: ["$.a"] }), addresses];
  const lines = '{"a":1}\n{"b":"x@y.z"}\r\n\n"x@y.z"\n4111111111111111\n1';
  const hidden = '{"a":"[redacted]"}\n{"b":"[redacted]"}\r\n\n"[redacted]"\n"[redacted]"\n1';
  t.equal(masked(t, masks, lines, "lines"), hidden);
  const sequence = '\u001e{\n"a":1}\n\u001e"x@y.z"\n\u001e12\n';
  t.equal(
    masked(t, masks, sequence, "sequence"),
    '\u001e{\n"a":"[redacted]"}\n\u001e"[redacted]"\n\u001e12\n',
  );
  t.equal(masked(t, masks, "", "lines"), "");
  t.ok(refused(Buffer.from(lines)), "where there is to be one");
  t.ok(refused(Buffer.from('{"x":\n{"a":1}}'), "lines"), "a line's end in a value: its reader sees another");
  t.ok(refused(Buffer.from('{"x":\r{"a":1}}'), "lines"));
  t.ok(refused(Buffer.from(sequence), "lines"));
  t.ok(refused(Buffer.from('[\u001e"x"]'), "sequence"));
  t.end();
});

t.test("a body without a byte passes", (t) => {
  t.equal(masked(t, [addresses], ""), "");
  t.end();
});

t.test("what is not JSON to the letter is not let through", (t) => {
  const texts = [...NOT_JSON, "[".repeat(65) + "]".repeat(65), `${'{"a":'.repeat(65)}1${"}".repeat(65)}`];
  for (const text of texts) t.ok(refused(Buffer.from(text)), encodeURI(text.slice(0, 40)));
  for (const hex of [
    "22ff22",
    "22c0af22",
    "22eda08022",
    "22e922",
    "7b007d00",
    "fffe7b00",
    "22f490808022",
    "22c322",
  ])
    t.ok(refused(Buffer.from(hex, "hex")), hex);
  const inHidden = [maskOf({ fields: ["$"] })];
  for (const text of ['{"a":01}', '["\\x"]', "[1,,2]", "[[}"]) {
    t.ok(refused(Buffer.from(text), "one", inHidden), `also in what is hidden: ${encodeURI(text)}`);
  }
  t.end();
});

t.test("what is nested too deep, or too long, is refused before it is kept", (t) => {
  const deepest = "[".repeat(64) + "]".repeat(64);
  t.equal(masked(t, [addresses], deepest), deepest);
  t.ok(refused(Buffer.from("[".repeat(65))));
  const mebibyte = 1024 * 1024;
  const long = `"${"a".repeat(mebibyte - 2)}"`;
  t.equal(streamed([addresses], [Buffer.from(long)]).length, long.length);
  const pieces = Array.from({ length: 17 }, () => Buffer.from("a".repeat(65_536)));
  for (const begin of ['"', "1", "[1,", '["'])
    t.ok(refusedIn([Buffer.from(begin), ...pieces]), encodeURI(begin));
  t.ok(refusedIn([Buffer.from(`"a${long.slice(1)}`)]));
  t.ok(refusedIn([Buffer.from(`[1${"0".repeat(mebibyte)}]`)]));
  t.end();
});

t.test("what nothing is hidden in is not copied, and what is complete is not waited with", (t) => {
  const out: Buffer[] = [];
  const sink: Sink = {
    write: (content) => {
      out.push(...content);
      return undefined;
    },
    end: () => undefined,
    abort: () => undefined,
  };
  const stream = new JsonStream(new JsonMasks([addresses], sampleValues), "lines", sink);
  const line = Buffer.from('{"a":"b"}\n');
  void stream.write([line]);
  t.equal(out[0], line);
  void stream.write([Buffer.from('{"a":"anna@exa')]);
  t.equal(out[1]?.toString(), '{"a":');
  t.end();
});
