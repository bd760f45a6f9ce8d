import type { FactValue, Mask } from "@gatehouse/core";
import t from "tap";
import { apis } from "../../src/api/index.ts";
import { EventStreamMask } from "../../src/masking/event-stream.ts";
import { EventReader } from "../../src/masking/events.ts";
import { detecting } from "./detecting.ts";

const masks: readonly Mask[] = [
  {
    rule: { policy: "p", rule: "r", source: "p.yaml:1" },
    columns: [],
    detect: ["secret.*", "pii.*"],
    with: { kind: "redact" },
    predicates: "refuse",
  },
];

const TEXT = "I have ada@example.com, and sk-proj-A1b2C3d4E5f6G7h8I9j0K1l2M3n4 too.";
const MASKED = "I have [redacted], and [redacted] too.";

interface Answer {
  readonly api: keyof typeof apis;
  /** What comes before the first piece of text. */
  readonly before: readonly object[];
  /** @param tokens of one text */
  readonly pieces: (tokens: readonly string[]) => readonly object[];
  readonly after: readonly (object | string)[];
  /** The text, as a client puts it together. */
  readonly text: (event: FactValue) => string;
}

const answers: Readonly<Record<string, Answer>> = {
  "a chat": {
    api: "openai",
    before: [{ id: "chatcmpl-1", choices: [{ index: 0, delta: { role: "assistant", content: "" } }] }],
    pieces: (tokens) =>
      tokens.map((content) => ({ choices: [{ index: 0, delta: { content }, finish_reason: null }] })),
    after: [
      { choices: [{ index: 0, delta: {}, finish_reason: "stop" }] },
      { choices: [], usage: { total_tokens: 3 } },
      "[DONE]",
    ],
    text: (event) => at(event, "choices", 0, "delta", "content"),
  },
  "a chat whose every chunk says that it is the last": {
    api: "openai",
    before: [],
    pieces: (tokens) =>
      tokens.map((content) => ({ choices: [{ index: 0, delta: { content }, finish_reason: "stop" }] })),
    after: ["[DONE]"],
    text: (event) => at(event, "choices", 0, "delta", "content"),
  },
  "a call of a tool": {
    api: "openai",
    before: [
      {
        choices: [
          {
            index: 0,
            delta: { tool_calls: [{ index: 0, id: "call_1", function: { name: "pay", arguments: "" } }] },
          },
        ],
      },
    ],
    pieces: (tokens) =>
      tokens.map((text) => ({
        choices: [{ index: 0, delta: { tool_calls: [{ index: 0, function: { arguments: text } }] } }],
      })),
    after: ["[DONE]"],
    text: (event) => at(event, "choices", 0, "delta", "tool_calls", 0, "function", "arguments"),
  },
  "a response": {
    api: "openai",
    before: [{ type: "response.created", response: { id: "resp_1", output: [] } }],
    pieces: (tokens) =>
      tokens.map((delta) => ({
        type: "response.output_text.delta",
        item_id: "msg_1",
        output_index: 0,
        content_index: 0,
        delta,
        logprobs: [{ token: delta }],
      })),
    after: [
      { type: "response.output_text.done", item_id: "msg_1", output_index: 0, content_index: 0, text: TEXT },
      { type: "response.completed", response: { id: "resp_1", output: [{ content: [{ text: TEXT }] }] } },
    ],
    text: (event) => at(event, "delta"),
  },
  "a message": {
    api: "anthropic",
    before: [
      { type: "message_start", message: { id: "msg_1", role: "assistant", content: [] } },
      { type: "content_block_start", index: 0, content_block: { type: "text", text: "" } },
      { type: "ping" },
    ],
    pieces: (tokens) =>
      tokens.map((text) => ({ type: "content_block_delta", index: 0, delta: { type: "text_delta", text } })),
    after: [{ type: "content_block_stop", index: 0 }, { type: "message_stop" }],
    text: (event) => at(event, "delta", "text"),
  },
};

function at(value: unknown, ...path: readonly (string | number)[]): string {
  let found = value;
  for (const key of path) {
    if (typeof found !== "object" || found === null) return "";
    found = Object.entries(found).find(([name]) => name === String(key))?.[1];
  }
  return typeof found === "string" ? found : "";
}

function open(api: keyof typeof apis, more: readonly Mask[] = []) {
  const got: Buffer[] = [];
  const sink = {
    write(content: readonly Buffer[]) {
      got.push(...content);
      return undefined;
    },
    end: () => undefined,
    abort: () => undefined,
  };
  const mask = new EventStreamMask({ masks: [...masks, ...more], values: detecting, api: apis[api] }, sink);
  const write = (event: object | string) => {
    const data = typeof event === "string" ? event : JSON.stringify(event);
    mask.write([Buffer.from(`data: ${data}\n\n`)]);
  };
  const events = () => new EventReader().push(Buffer.concat(got)).map(({ data = "" }) => data);
  return { mask, write, events };
}

const parse: (text: string) => FactValue = JSON.parse;

for (const [name, { api, before, pieces, after, text }] of Object.entries(answers)) {
  t.test(`${name}: a value is found wherever it is cut`, async (t) => {
    const cuts = Array.from({ length: TEXT.length + 1 }, (_, place) => [
      TEXT.slice(0, place),
      TEXT.slice(place),
    ]);
    for (const tokens of [[TEXT], Array.from(TEXT), ...cuts]) {
      const { mask, write, events } = open(api);
      const all = [...before, ...pieces(tokens), ...after];
      for (const event of all) write(event);
      const isOver = events().length === all.length;
      if (!isOver) t.fail(`${all.length - events().length} events wait for the end`);
      mask.end();
      const shown = events();
      if (shown.length !== all.length) t.fail("an event was lost");
      const joined = shown.map((data) => (data === "[DONE]" ? "" : text(parse(data)))).join("");
      if (joined !== MASKED) t.equal(joined, MASKED);
      if (/ada@|sk-proj/.test(shown.join(""))) t.fail(shown.join("\n"));
    }
    t.pass(`${cuts.length} cuts`);
  });

  t.test(`${name}: what comes before the text, and its first word, wait for nothing`, async (t) => {
    const { mask, write, events } = open(api);
    for (const event of before) write(event);
    t.equal(events().length, before.length);
    for (const event of pieces(["Hello", " you"])) write(event);
    t.equal(events().length, before.length + 1);
    mask.abort();
  });
}

t.test("a piece is found below a name that is hidden, and behind what is hidden whole", async (t) => {
  const { mask, write, events } = open(
    "openai",
    masks.map((one) => ({ ...one, detect: [], fields: ["$.who"] })),
  );
  for (const piece of ["I have ada@exam", "ple.com, too."]) {
    write({ who: { a: [1, 2] }, choices: [{ index: 0, delta: { "bob@example.com": piece } }] });
  }
  await mask.end();
  const shown = JSON.stringify(events());
  t.notMatch(shown, /bob@|ada@|exam|ple\.com/);
  t.match(shown, /I have \[redacted\].*, too\./);
});
