import { mock } from "node:test";
import { setImmediate as immediate } from "node:timers/promises";
import type { FactValue, MaskingStream, ValueMasks } from "@gatehouse/core";
import t, { type Test } from "tap";
import type { ApiDecoder, Piece } from "../../src/api/decoder.ts";
import { EventStreamMask, type EventStreamTerms } from "../../src/masking/event-stream.ts";
import { EventReader } from "../../src/masking/events.ts";
import type { Sink } from "../../src/masking/sink.ts";
import { detecting } from "./detecting.ts";
import { maskOf } from "./masks.ts";
import { wordValues } from "./word-values.ts";

const redacting = maskOf({ detect: ["secret.*", "pii.*"] });

interface Call {
  index: number;
  function: { arguments: string };
}
interface Choice {
  index: number;
  delta: { content?: string; tool_calls?: Call[] };
  finish_reason?: string | null;
  logprobs?: unknown;
}

function choicesOf(event: FactValue): readonly Choice[] {
  if (typeof event !== "object" || event === null || !("choices" in event)) return [];
  const read: (text: string) => { choices: Choice[] } = JSON.parse;
  return read(JSON.stringify(event)).choices;
}

/** As much of an API as streams texts. */
const api: ApiDecoder = {
  name: "sample",
  facts: {},
  decode: () => undefined,
  refusal: () => null,
  pieces: (event) =>
    choicesOf(event).flatMap(({ index, delta }, at): Piece[] => [
      { path: ["choices", at, "delta", "content"], text: `${index}` },
      ...(delta.tool_calls ?? []).map((call, place) => ({
        path: ["choices", at, "delta", "tool_calls", place, "function", "arguments"],
        text: `${index} ${call.index}`,
      })),
    ]),
  ended: (event) =>
    choicesOf(event).flatMap(({ index, finish_reason }) => (finish_reason ? [`${index}`] : [])),
  repeats: ["$.choices[*].logprobs"],
  usage: () => undefined,
};

function said(content: string, index = 0): string {
  return `data: ${JSON.stringify({ id: "chatcmpl-1", choices: [{ index, delta: { content }, finish_reason: null }] })}\n\n`;
}

function argued(text: string, call: number): string {
  const tool_calls = [{ index: call, function: { arguments: text } }];
  return `data: ${JSON.stringify({ id: "chatcmpl-1", choices: [{ index: 0, delta: { tool_calls } }] })}\n\n`;
}

const DONE = "data: [DONE]\n\n";

/** What the client has got, and a client that can be made to wait. */
class Client implements Sink {
  readonly got: Buffer[] = [];
  state: "open" | "ended" | "aborted" = "open";
  room: Promise<void> | undefined;

  get text(): string {
    return Buffer.concat(this.got).toString("utf8");
  }

  write(content: readonly Buffer[]): Promise<void> | undefined {
    this.got.push(...content);
    return this.room;
  }

  end(): undefined {
    this.state = "ended";
  }

  abort(): void {
    this.state = "aborted";
  }
}

function start(terms: Partial<EventStreamTerms> = {}) {
  const client = new Client();
  const mask = new EventStreamMask({ masks: [redacting], values: detecting, ...terms }, client);
  const write = (text: string | Buffer) => mask.write([Buffer.from(text)]);
  return { client, mask, write };
}

/** The stream as the client gets it, when it came in these chunks. */
function masked(chunks: readonly (string | Buffer)[], terms: Partial<EventStreamTerms>): string {
  const { client, mask, write } = start(terms);
  for (const chunk of chunks) write(chunk);
  mask.end();
  return client.text;
}

const parse: (text: string) => FactValue = JSON.parse;

function dataOf(stream: string): readonly string[] {
  return new EventReader().push(Buffer.from(stream)).flatMap(({ data }) => data ?? []);
}

/** The texts that a client puts together. */
function texts(stream: string): Record<string, string> {
  const joined: Record<string, string> = {};
  for (const data of dataOf(stream)) {
    if (data === "[DONE]") continue;
    for (const { index, delta } of choicesOf(parse(data))) {
      if (delta.content !== undefined) joined[index] = (joined[index] ?? "") + delta.content;
      for (const call of delta.tool_calls ?? []) {
        const name = `${index} ${call.index}`;
        joined[name] = (joined[name] ?? "") + call.function.arguments;
      }
    }
  }
  return joined;
}

function whole(text: string): string {
  return detecting.detectors([redacting])(text) ?? "";
}

function cut(text: string, size: number): string[] {
  const units = Array.from(text);
  return Array.from({ length: Math.ceil(units.length / size) }, (_, piece) =>
    units.slice(piece * size, (piece + 1) * size).join(""),
  );
}

const JWT = `eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.${"eyJzdWIiOiIxMjM0NTY3ODkwIn".repeat(13)}.SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c`;
const PEM = `-----BEGIN PRIVATE KEY-----\n${`${"MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7".slice(0, 64)}\n`.repeat(5)}-----END PRIVATE KEY-----`;
const canaries = {
  email: "ada.löv@exämple.com",
  card: "4111 1111 1111 1111",
  key: "sk-proj-A1b2C3d4E5f6G7h8I9j0K1l2M3n4",
  token: JWT,
  "private key": PEM,
};

for (const [name, canary] of Object.entries(canaries)) {
  t.test(`${name}: found wherever it is cut into tokens`, async (t) => {
    const text = `I häve ${canary} for \u{1f600} you.`;
    const expected = whole(text);
    t.notMatch(expected, canary.slice(4, -4));
    const characters = Array.from(text);
    const tokens = [1, 2, 3, 7].map((size) => cut(text, size));
    for (let at = 0; at <= characters.length; at++)
      tokens.push([characters.slice(0, at).join(""), characters.slice(at).join("")]);
    for (const pieces of tokens) {
      const stream = [...pieces.map((piece) => said(piece)), DONE].join("");
      const out = masked([stream], { api });
      if (texts(out)["0"] !== expected) t.same(texts(out)["0"], expected);
      if (dataOf(out).length !== pieces.length + 1) t.same(dataOf(out).length, pieces.length + 1);
    }
    t.pass(`${tokens.length} ways`);
  });
}

t.test("texts that are told at once are each put together by itself", async (t) => {
  const first = `Write to ${canaries.email} or pay ${canaries.card}, thanks.`;
  const second = `Key: ${canaries.key} and\n${PEM}\nbye`;
  const call = `{"to":"${canaries.email}","note":"\u{1f600} ${JWT}"}`;
  const parts = [cut(first, 3), cut(second, 7), cut(call, 5)];
  const events: string[] = [];
  for (let at = 0; at < 200; at++) {
    const [ofFirst, ofSecond, ofCall] = parts.map((part) => part[at]);
    if (ofFirst !== undefined) events.push(said(ofFirst));
    if (at % 5 === 0) events.push(": keep-alive\n\n");
    if (ofSecond !== undefined) events.push(said(ofSecond, 1));
    if (ofCall !== undefined) events.push(argued(ofCall, 3));
  }
  const expected = { 0: whole(first), 1: whole(second), "0 3": whole(call) };
  const bytes = Buffer.from([...events, DONE].join(""));
  t.same(texts(masked([bytes], { api })), expected);

  const shapes = dataOf(bytes.toString()).map((data) =>
    data.replace(/"(?:content|arguments)":"(?:[^"\\]|\\.)*"/, ""),
  );
  const splits = Array.from({ length: 60 }, (_, number) => Math.floor((bytes.length * number) / 60));
  for (const at of splits) {
    const out = masked([bytes.subarray(0, at), bytes.subarray(at)], { api });
    t.same(texts(out), expected, `cut at ${at}`);
    const same = dataOf(out).map((data) => data.replace(/"(?:content|arguments)":"(?:[^"\\]|\\.)*"/, ""));
    t.same(same, shapes, "the same events in the same order");
  }
  t.same(
    texts(
      masked(
        Array.from(bytes, (byte) => Buffer.from([byte])),
        { api },
      ),
    ),
    expected,
    "byte by byte",
  );
});

t.test("a small stream, cut at every byte", async (t) => {
  const stream = ["Mail ada@ex", "ample.com ", "ö\u{1f600}"].map((token) => said(token)).join("\r\n") + DONE;
  const bytes = Buffer.from(stream);
  for (let at = 0; at <= bytes.length; at++) {
    const out = masked([bytes.subarray(0, at), bytes.subarray(at)], { api });
    t.same(texts(out), { 0: "Mail [redacted] ö\u{1f600}" });
  }
});

t.test("what needs no change goes on byte for byte, with all that stands beside it", async (t) => {
  const stream = `\ufeff: hi\n\nretry: 10\r\n\r\nevent: a\rid: 7\rdata: { "b" : 1.00 }\r\r:\n\n${said("Hello ")}data: one\ndata: two\n\n${said("world. ")}${DONE}data: cut`;
  for (const terms of [{ api }, {}]) {
    t.equal(masked([stream], terms), stream);
    t.equal(
      masked(
        Array.from(Buffer.from(stream), (byte) => Buffer.from([byte])),
        terms,
      ),
      stream,
    );
  }
});

t.test("who reads along gets each event as soon as it is known what it is", async (t) => {
  const { client, write } = start({ api, values: wordValues });
  const got = () => dataOf(client.text).flatMap((data) => Object.values(texts(`data: ${data}\n\n`)));
  write(said("Hello "));
  t.same(got(), ["Hello "], "a whole word");
  write(said("wor"));
  t.same(got(), ["Hello "], "a word that may go on");
  write(said("ld"));
  write(said(" and "));
  t.same(got(), ["Hello ", "wor", "ld", " and "], "it has ended, and each event has its own piece");
  write(said("ada"));
  write(said("@"));
  write(said("b.c the"));
  t.same(got().slice(4), ["[word]", ""], "what is hidden stands where it began");
  write(": ping\n\n");
  t.match(client.text, /: ping\n\n$/, "what keeps alive waits for nothing");
  write(said("re is"));
  t.same(got().slice(6), [" the"]);
  write('data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n');
  t.same(got().slice(7), ["re is"], "its text is over");
  t.equal(dataOf(client.text).length, 9);
});

t.test("the end of everything lets out what is kept", async (t) => {
  const { client, mask, write } = start({ api, values: wordValues });
  write(said("a"));
  write(said("b", 1));
  t.equal(client.text, "");
  write(DONE);
  t.equal(client.text, said("a") + said("b", 1) + DONE);
  write(`${said("a@")}${said("c", 1)}data: {"half`);
  mask.end();
  t.equal(client.state, "ended");
  t.same(texts(client.text), { 0: "a[word]", 1: "bc" });
  t.match(client.text, /\n\ndata: \{"half$/);
});

t.test("nothing waits for longer than 200 ms, and what follows half a value is hidden", async (t) => {
  const { clock, client, write } = clocked(t, { api, values: wordValues });
  write(said("one"));
  await clock(100);
  write(said("two@", 1));
  t.equal(client.text, "");
  await clock(100);
  t.equal(client.text, said("one"), "the oldest one goes, and no other");
  await clock(60);
  t.equal(dataOf(client.text).length, 1);
  await clock(40);
  t.same(texts(client.text), { 0: "one", 1: "[word]" });
  write(said("on@e "));
  write(said("more words ", 1));
  t.same(texts(client.text), { 0: "one[word] ", 1: "[word] words " });
});

t.test("while the client takes nothing, its pauses cut no value in two", async (t) => {
  const { clock, client, write } = clocked(t, { api, values: wordValues });
  const room = Promise.withResolvers<void>();
  client.room = room.promise;
  t.ok(write(`${said("see ")}${said("ada")}`));
  await clock(1000);
  t.same(texts(client.text), { 0: "see " });
  client.room = undefined;
  room.resolve();
  await room.promise;
  write(said("@b.c "));
  t.same(texts(client.text), { 0: "see [word] " });
  write(said("last"));
  await clock(200);
  t.same(texts(client.text), { 0: "see [word] last" });
});

t.test("what the next step does not take ends the stream", async (t) => {
  const { clock, client, mask, write } = clocked(t, { api, values: wordValues });
  client.write = () => Promise.reject(new Error("gone"));
  write(said("kept"));
  await clock(200);
  await t.rejects(Promise.resolve(write(said("more "))), { message: "gone" });
  await t.rejects(Promise.resolve(mask.end()), { message: "gone" });
  t.equal(client.state, "open");
  mask.abort();
  t.equal(client.state, "aborted");
});

t.test("given up, nothing goes on", async (t) => {
  const { clock, client, mask, write } = clocked(t, { api, values: wordValues });
  write(said("kept"));
  mask.abort();
  await clock(1000);
  t.equal(client.text, "");
  t.equal(client.state, "aborted");
});

t.test("all that stands beside the pieces is looked at", async (t) => {
  const event = {
    id: "ada@example.com",
    choices: [{ index: 0, delta: { content: "x " }, logprobs: { content: [{ token: "x" }] } }],
    card: 4111111111111111,
    "bob@example.com": true,
  };
  const stream = `: for ada@example.com\n\nid: 4111 1111 1111 1111\nevent: a\nodd: ada@example.com\ndata: ${JSON.stringify(event)}\n\n`;
  const out = masked([stream], { api });
  t.equal(
    out,
    ": for [redacted]\n\nid: [redacted]\nevent: a\nodd: [redacted]\n" +
      'data: {"id":"[redacted]","choices":[{"index":0,"delta":{"content":"x "},"logprobs":null}],"card":"[redacted]","[redacted]":true}\n\n',
  );
});

t.test("other data is looked at as it is joined, and as it comes", async (t) => {
  const values = detecting;
  const events = (tokens: readonly string[], type = "") =>
    tokens.map((token) => `${type}data: ${token}\n\n`).join("");
  const shown = (stream: string) => dataOf(masked([stream], { values })).join("|");
  t.equal(shown(events(["pay 4111", " 1111 11", "11 1111 now"])), "pay [redacted]|| now");
  t.equal(shown(events(["4111", "1111", "1111", "1111", " now"])), "[redacted]|||| now");
  t.equal(shown(events(['"pay 4111 "', '"1111 1111 1111"', '"!"'])), '"pay [redacted]"|""|"!"');
  t.equal(shown(events(["done", "4111111111111111 paid"])), "done|[redacted] paid");
  const mixed = `${events(["4111 1111"])}event: b\n${events(["x"])}${events([" 1111 1111 now"])}`;
  t.equal(shown(mixed), "[redacted]|x| now");
  t.equal(shown("data: ada@\ndata: ada@example.com\n\n"), "ada@\n[redacted]");
});

t.test("what some take for JSON, and is none, has nothing hidden behind an escape", async (t) => {
  const key = `ghp_${"aB3".repeat(12)}`;
  for (const text of [`ada\\u0040example.com`, `my key:\\n${key}`]) {
    t.throws(
      () => masked([`data: {"n": NaN, "text": "${text}"}\n\n`], {}),
      { code: "PROTOCOL_VIOLATION" },
      text,
    );
  }
  for (const harmless of ['data: {"n": NaN, "text": "a\\nb"}\n\n', "data: C:\\users\\ada\n\n"])
    t.equal(masked([harmless], {}), harmless);
});

t.test("without a decoder, each event of JSON by itself", async (t) => {
  const out = masked([`${said("pay 4111 1111 1111 1111")}${said("ada@")}${said("example.com")}`], {});
  t.same(texts(out), { 0: "pay [redacted]ada@example.com" });
});

t.test("a mask of fields: what is not JSON is not let through", async (t) => {
  const masks = [
    { ...redacting, detect: [], fields: ["$.user.name", "$.choices[*].delta.content", "$..list"] },
  ];
  const event = 'data: {"user": {"name": "Ada", "n": 1.0}, "list": [1]}\n\n';
  t.equal(
    masked([event, DONE, "data\n\n", ": Ada\n\n", "odd: Ada\nid: 1\n\n", said("Ada")], { masks, api }),
    'data: {"user": {"name": "[redacted]", "n": 1.0}, "list": "[redacted]"}\n\n' +
      `${DONE}data\n\n:\n\nid: 1\n\n${said("[redacted]")}`,
  );
  for (const data of ["Ada", "1", "{", '{"a":1,}', '"Ada"x'])
    t.throws(() => masked([`data: ${data}\n\n`], { masks }), { code: "PROTOCOL_VIOLATION" }, data);
});

t.test("an event with a member twice is not let through", async (t) => {
  const twice = 'data: {"choices":[{"index":0,"delta":{"content":"ada@","content":"x"}}]}\n\n';
  t.throws(() => masked([twice], { api }), { code: "PROTOCOL_VIOLATION" });
});

t.test("more texts than can be masked, and larger events, are not let through", async (t) => {
  const { write } = start({ api });
  for (let index = 0; index < 256; index++) write(said("a ", index));
  t.throws(() => write(said("a ", 256)), { code: "PROTOCOL_VIOLATION" });
  const ended = start({ api });
  for (let index = 0; index < 300; index++) {
    ended.write(said("a ", index));
    ended.write(`data: {"choices":[{"index":${index},"delta":{},"finish_reason":"stop"}]}\n\n`);
  }
  t.equal(Object.keys(texts(ended.client.text)).length, 300, "those that are over do not count");
  t.throws(() => start({ api }).write(`data: ${"x".repeat(1024 * 1024)}\n\n`), {
    code: "PROTOCOL_VIOLATION",
  });
});

t.test("what waits is bounded", async (t) => {
  const { client, write } = start({ api, values: wordValues });
  write(said("word"));
  const large = `data: {"a":"${"x ".repeat(50_000)}"}\n\n`;
  for (let count = 0; count < 10; count++) write(large);
  t.equal(client.text, "");
  write(large);
  t.equal(dataOf(client.text).length, 12);
});

t.test("what stands for values is put back behind the masks, in texts and in what comes whole", async (t) => {
  const whole = (text: string) => text.replaceAll("<1>", "ada@example.com");
  const terms = { api, whole, after: () => restoring(whole), masks: [redacting] };
  const stream = `data: {"note":"<1> bob@example.com","<1>":1,"choices":[]}\n\n${said("Hi <")}${said("1> and bob@example.com")}data: <1> x\n\n`;
  const out = masked([stream], terms);
  const [note, ...pieces] = dataOf(out);
  t.equal(pieces.pop(), "ada@example.com x");
  t.equal(note, '{"note":"ada@example.com [redacted]","ada@example.com":1,"choices":[]}');
  t.same(texts(pieces.map((data) => `data: ${data}\n\n`).join("")), {
    0: "Hi ada@example.com and [redacted]",
  });
});

t.test("half a character at a piece's end goes on with its other half", async (t) => {
  const halves = '{"choices":[{"index":0,"delta":{"content":"a\\ud83d"}}]}';
  const rest = '{"choices":[{"index":0,"delta":{"content":"\\ude00 b "}}]}';
  const out = masked([`data: ${halves}\n\ndata: ${rest}\n\n`], { api });
  t.same(texts(out), { 0: "a\u{1f600} b " });
});

/** Puts back what stands in angle brackets. */
function restoring(whole: (text: string) => string): MaskingStream {
  let kept = "";
  const out = (text: string) => (text === "" ? [] : [Buffer.from(whole(text))]);
  return {
    write(chunk) {
      kept += chunk.toString();
      const open = kept.lastIndexOf("<");
      const end = open > kept.lastIndexOf(">") ? open : kept.length;
      const text = kept.slice(0, end);
      kept = kept.slice(end);
      return out(text);
    },
    flush() {
      const rest = kept;
      kept = "";
      return out(rest);
    },
    get pending() {
      return kept !== "";
    },
    get kept() {
      return Buffer.byteLength(kept);
    },
    found: new Set(),
  };
}

/** With a clock that moves when told to. */
function clocked(t: Test, terms: Partial<EventStreamTerms> & { values: ValueMasks }) {
  let now = 0;
  mock.timers.enable({ apis: ["setTimeout"] });
  t.teardown(() => mock.timers.reset());
  const clock = async (milliseconds: number) => {
    now += milliseconds;
    mock.timers.tick(milliseconds);
    await immediate();
  };
  return { clock, ...start({ ...terms, monotonic: () => now }) };
}
