import t from "tap";
import { anthropic } from "../../src/api/anthropic/index.ts";
import { decoded } from "./requests.ts";

const MESSAGES = "POST /v1/messages";
const hello = { model: "m", max_tokens: 10, messages: [{ role: "user", content: "hello" }] };

t.test("a message's facts", (t) => {
  const reading = decoded(anthropic, `${MESSAGES}?beta=true`, {
    model: "claude",
    max_tokens: 100,
    system: [{ type: "text", text: "be kind", cache_control: { type: "ephemeral" } }],
    messages: [
      { role: "user", content: "hello" },
      { role: "assistant", content: [{ type: "tool_use", id: "t", name: "pay", input: { to: ["bob"] } }] },
      { role: "user", content: [{ type: "tool_result", tool_use_id: "t", content: "paid" }] },
    ],
    tools: [
      { name: "pay", input_schema: {} },
      { type: "custom", name: "find", input_schema: {} },
      { type: "web_search_20250305", name: "web_search" },
    ],
    mcp_servers: [{ type: "url", url: "https://x.example", name: "x" }],
    stream: true,
  });
  t.same(reading, {
    access: "read",
    facts: {
      operation: "messages",
      model: "claude",
      messages: [
        { role: "system", text: "be kind" },
        { role: "user", text: "hello" },
        { role: "assistant", text: "t\npay\nbob" },
        { role: "user", text: "t\npaid" },
      ],
      tools: ["pay", "find", "builtin:web_search_20250305", "builtin:mcp"],
      maxTokens: 100,
      stream: true,
    },
  });
  t.end();
});

t.test("the facts of its other calls", (t) => {
  const { max_tokens: _, ...counted } = hello;
  const rest = { model: "m", tools: [], maxTokens: 0, stream: false, messages: [] };
  const models = { ...rest, operation: "models" };
  t.same(decoded(anthropic, "POST /v1/messages/count_tokens", counted), {
    access: "read",
    facts: { ...rest, operation: "messages.count_tokens", messages: [{ role: "user", text: "hello" }] },
  });
  t.same(decoded(anthropic, "GET /v1/models?limit=20&after_id=x"), {
    access: "read",
    facts: { ...models, model: "" },
  });
  t.same(decoded(anthropic, "GET /v1/models/m"), { access: "read", facts: models });
  t.end();
});

t.test("what can't be told for certain is not understood", (t) => {
  const block = (value: unknown) => ({ ...hello, messages: [{ role: "user", content: [value] }] });
  const cases: readonly (readonly [line: string, body?: unknown])[] = [
    ...[
      "POST /v1/messages/",
      "POST /v1/messages/batches",
      "POST /v1/messages?model=x",
      "POST /v1/complete",
    ].map((line) => [line, hello] as const),
    ["GET /v1/messages/batches"],
    ["GET /v1/files"],
    ["POST /v1/messages/count_tokens", hello],
    ...[
      { ...hello, model: 1 },
      { ...hello, max_tokens: "1" },
      { ...hello, fallbacks: [{ model: "other" }] },
      { ...hello, container: "c_1" },
      { ...hello, tools: [{ input_schema: {} }] },
      { ...hello, tools: [{ type: 1, name: "x" }] },
      { ...hello, stream: "yes" },
      block({ type: "tool_addition", tool: { name: "x" } }),
      block("hello"),
      block({ text: "hello" }),
      { ...hello, messages: [{ content: "hello" }] },
    ].map((body) => [MESSAGES, body] as const),
  ];
  for (const [line, body] of cases) {
    t.equal(decoded(anthropic, line, body), undefined, `${line} ${JSON.stringify(body)}`);
  }
  t.end();
});

t.test("a refusal is an error object, with all that there is to say in its message", (t) => {
  const refusal = { kind: "policy", message: "No.", hint: "Ask.", reference: "ref_1" } as const;
  t.same(anthropic.refusal(refusal, 403), {
    type: "error",
    error: { type: "permission_error", message: "No. Ask. (reference ref_1)" },
    request_id: "ref_1",
  });
  const types = [400, 401, 404, 413, 429, 502, 503].map((status) => anthropic.refusal(refusal, status));
  t.match(types, [
    ...[{ error: { type: "invalid_request_error" } }, { error: { type: "authentication_error" } }],
    ...[{ error: { type: "not_found_error" } }, { error: { type: "request_too_large" } }],
    ...[{ error: { type: "rate_limit_error" } }, { error: { type: "api_error" } }],
    { error: { type: "overloaded_error" } },
  ]);
  t.end();
});

t.test("the pieces of a stream, one text for each block and kind", (t) => {
  const delta = (value: object, index = 1) =>
    anthropic.pieces({ type: "content_block_delta", index, delta: { ...value } });
  t.same(delta({ type: "text_delta", text: "a" }), [{ path: ["delta", "text"], text: "1/text" }]);
  t.same(delta({ type: "input_json_delta", partial_json: "{" }), [
    { path: ["delta", "partial_json"], text: "1/partial_json" },
  ]);
  t.same(delta({ type: "thinking_delta", thinking: "a" }, 0), [
    { path: ["delta", "thinking"], text: "0/thinking" },
  ]);
  t.same(delta({ type: "signature_delta", signature: "AAAA" }), []);
  const start = { type: "content_block_start", index: 1, content_block: { type: "text", text: "a" } };
  t.same(anthropic.pieces(start), [{ path: ["content_block", "text"], text: "1/text" }]);
  const others = [{ type: "ping" }, { type: "message_stop" }, { type: "message_delta", delta: {} }, null, []];
  for (const event of others) t.same(anthropic.pieces(event), []);
  t.end();
});

t.test("what an answer has cost", (t) => {
  const usage = { input_tokens: 10, cache_read_input_tokens: 5, output_tokens: 1 };
  const cases = [
    [{ type: "message", usage }, 16],
    [{ type: "message_start", message: { usage } }, 16],
    [
      { type: "message_delta", usage: { ...usage, output_tokens: 20, cache_creation_input_tokens: null } },
      35,
    ],
    [{ type: "ping" }, undefined],
    [{ usage: { output_tokens: -1 } }, undefined],
    [null, undefined],
  ] as const;
  for (const [answer, cost] of cases) t.equal(anthropic.usage(answer), cost, JSON.stringify(answer));
  t.end();
});
