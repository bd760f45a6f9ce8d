import t from "tap";
import { openai } from "../../src/api/openai/index.ts";
import { decoded } from "./requests.ts";

const CHAT = "POST /v1/chat/completions";
const RESPONSES = "POST /v1/responses";
const hello = { model: "m", messages: [{ role: "user", content: "hello" }] };

t.test("a chat completion's facts", (t) => {
  const image = { type: "image_url", image_url: { url: "https://example.com/cat.png", detail: "low" } };
  const call = { id: "call_1", type: "function", function: { name: "pay", arguments: '{"to":"bob"}' } };
  const reading = decoded(openai, CHAT, {
    model: "gpt-5",
    messages: [
      { role: "developer", content: "be kind" },
      { role: "user", name: "ann", content: [{ type: "text", text: "look" }, image] },
      { role: "assistant", content: null, refusal: "no", tool_calls: [call] },
      { role: "tool", tool_call_id: "call_1", content: "done" },
    ],
    tools: [
      { type: "function", function: { name: "pay", parameters: {} } },
      { type: "custom", custom: { name: "shell" } },
      { type: "web_search" },
    ],
    functions: [{ name: "old" }],
    web_search_options: {},
    max_completion_tokens: 100,
    n: 3,
    stream: true,
    temperature: 0.5,
  });
  t.same(reading, {
    access: "read",
    facts: {
      operation: "chat.completions",
      model: "gpt-5",
      messages: [
        { role: "developer", text: "be kind" },
        { role: "user", text: "look\nhttps://example.com/cat.png\nlow\nann" },
        { role: "assistant", text: 'no\ncall_1\npay\n{"to":"bob"}' },
        { role: "tool", text: "done\ncall_1" },
      ],
      tools: ["pay", "shell", "builtin:web_search", "old", "builtin:web_search"],
      maxTokens: 300,
      stream: true,
    },
  });
  t.end();
});

t.test("what a request does not say is the API's to choose, or not there", (t) => {
  t.same(decoded(openai, CHAT, { ...hello, max_tokens: null, stream: null, tools: null, store: null }), {
    access: "read",
    facts: {
      ...{ operation: "chat.completions", model: "m", tools: [], stream: false },
      messages: [{ role: "user", text: "hello" }],
    },
  });
  t.end();
});

t.test("a limit of nothing is none", (t) => {
  const completion = (rest: object) => decoded(openai, "POST /v1/completions", { model: "m", ...rest });
  const cases = [
    [decoded(openai, CHAT, { ...hello, max_tokens: 0 }), undefined],
    [decoded(openai, CHAT, { ...hello, max_tokens: 9, n: 0 }), 9],
    [completion({ prompt: [], max_tokens: 9 }), 9],
    [completion({ prompt: [1, [2]], max_tokens: 9 }), 18],
    [decoded(openai, RESPONSES, { model: "m", input: "a", max_output_tokens: 0 }), undefined],
  ] as const;
  for (const [reading, tokens] of cases) {
    t.equal(reading?.facts["model"], "m");
    t.equal(reading?.facts["maxTokens"], tokens);
  }
  t.end();
});

t.test("the facts of its other calls", (t) => {
  const said = (role: string, text: string) => ({ role, text });
  const user = (text: string) => [said("user", text)];
  const rest = { model: "m", tools: [], maxTokens: 0, stream: false };
  const cases = [
    [
      [
        "POST /v1/completions",
        { model: "m", prompt: ["a", "b"], suffix: "c", max_tokens: 5, n: 2, best_of: 4 },
      ],
      {
        ...rest,
        ...{ operation: "completions", maxTokens: 40 },
        messages: [...user("a"), ...user("b"), ...user("c")],
      },
    ],
    [
      ["POST /v1/embeddings", { model: "m", input: "a" }],
      { ...rest, operation: "embeddings", messages: user("a") },
    ],
    // Tokens: no rule can look for a text in them.
    [["POST /v1/embeddings", { model: "m", input: [1, 2] }], { ...rest, operation: "embeddings" }],
    [["POST /v1/embeddings", { model: "m", input: [[1, 2], [3]] }], { ...rest, operation: "embeddings" }],
    [
      ["POST /openai/v1/responses", { model: "m", input: "a", instructions: "b", store: false }],
      {
        ...{ operation: "responses", model: "m", tools: [], stream: false },
        messages: [said("system", "b"), ...user("a")],
      },
    ],
    [
      ["POST /v1/responses/input_tokens", { model: "m", input: "a" }],
      { ...rest, operation: "responses.input_tokens", messages: user("a") },
    ],
    [["GET /v1/models"], { ...rest, operation: "models", model: "", messages: [] }],
    [["GET /v1/models/m"], { ...rest, operation: "models", messages: [] }],
  ] as const;
  for (const [[line, body], facts] of cases) {
    t.same(decoded(openai, line, body), { access: "read", facts }, line);
  }
  t.end();
});

t.test("a response's input, tools and limits", (t) => {
  const reading = decoded(openai, RESPONSES, {
    model: "m",
    store: false,
    max_output_tokens: 50,
    input: [
      { role: "user", content: [{ type: "input_text", text: "a" }] },
      { type: "message", role: "assistant", content: [{ type: "output_text", text: "b" }] },
      { type: "function_call", call_id: "c", name: "pay", arguments: "{}" },
      { type: "function_call_output", call_id: "c", output: "paid" },
    ],
    tools: [
      { type: "function", name: "pay", parameters: {} },
      { type: "namespace", name: "crm", tools: [{ type: "function", name: "find" }] },
      { type: "mcp", server_label: "x", server_url: "https://x.example" },
    ],
  });
  t.match(reading, { access: "read" });
  t.same(reading?.facts["messages"], [
    { role: "user", text: "a" },
    { role: "assistant", text: "b" },
    { role: "function_call", text: "c\npay\n{}" },
    { role: "function_call_output", text: "c\npaid" },
  ]);
  t.same(reading?.facts["tools"], ["pay", "find", "builtin:mcp"]);
  t.equal(reading?.facts["maxTokens"], 50);
  t.end();
});

t.test("what leaves something behind at the API is a write", (t) => {
  const cases = [
    [CHAT, { ...hello, store: false }, "read"],
    [CHAT, { ...hello, store: true }, "write"],
    [RESPONSES, { model: "m", input: "a" }, "write"],
    [RESPONSES, { model: "m", input: "a", store: null }, "write"],
    [RESPONSES, { model: "m", input: "a", store: true }, "write"],
    [RESPONSES, { model: "m", input: "a", store: false, background: true }, "write"],
    [RESPONSES, { model: "m", input: "a", store: false, conversation: "conv_1" }, "write"],
    [RESPONSES, { model: "m", input: "a", store: false, previous_response_id: "resp_1" }, "read"],
  ] as const;
  for (const [line, body, access] of cases) {
    t.equal(decoded(openai, line, body)?.access, access, JSON.stringify(body));
  }
  t.end();
});

t.test("what can't be told for certain is not understood", (t) => {
  const cases: readonly (readonly [line: string, body?: unknown])[] = [
    ...[
      "GET /v1/chat/completions",
      "PUT /v1/chat/completions",
      "POST /v1/chat/completions/",
      "POST /v1/chat/completions/x",
      "POST /v1/Chat/completions",
      "POST /chat/completions",
      "POST /v2/chat/completions",
      "POST /x/v1/chat/completions",
      "POST /v1/chat/completions?model=other",
      "POST /v1/files",
      "POST /v1/batches",
      "POST /v1/fine_tuning/jobs",
      "POST /v1/assistants",
    ].map((line) => [line, hello] as const),
    ...[
      "GET /v1/models/",
      "GET /v1/models/a/b",
      "GET /v1/models?limit=1",
      "GET /v1/files",
      "DELETE /v1/models/m",
    ].map((line) => [line] as const),
    ["GET /v1/models", {}],
    [CHAT],
    ...[
      [],
      {},
      { ...hello, model: undefined },
      { ...hello, model: ["m"] },
      // Another model by another name.
      { ...hello, models: ["other"] },
      { ...hello, Model: "other" },
      { ...hello, prompt: "hello" },
      { ...hello, max_tokens: "9" },
      { ...hello, max_tokens: -1 },
      { ...hello, max_tokens: 1.5 },
      { ...hello, max_tokens: 1, max_completion_tokens: 2 },
      { ...hello, max_tokens: 2 ** 52, n: 4 },
      { ...hello, stream: "true" },
      { ...hello, stream: 1 },
      { ...hello, store: "no" },
      { ...hello, tools: {} },
      { ...hello, tools: ["pay"] },
      { ...hello, tools: [{ function: { name: "pay" } }] },
      { ...hello, tools: [{ type: "function", function: {} }] },
      { ...hello, functions: [{}] },
      { ...hello, messages: "hello" },
      { ...hello, messages: ["hello"] },
      { ...hello, messages: [{ content: "hello" }] },
      { ...hello, messages: [{ role: "system", content: "", tools: [{ type: "function" }] }] },
    ].map((body) => [CHAT, body] as const),
    ...[
      { model: "m", prompt: { id: "pmpt_1" } },
      { input: "a" },
      { model: "m", input: [{ type: "additional_tools", role: "developer", tools: [] }] },
      { model: "m", input: [{ type: "something_new", text: "a" }] },
      { model: "m", input: [{ type: "function_call", name: "pay", tools: [{ type: "mcp" }] }] },
      { model: "m", input: [{ type: "message", content: "a" }] },
      { model: "m", input: { role: "user", content: "a" } },
    ].map((body) => [RESPONSES, body] as const),
    ["POST /v1/responses/input_tokens", { model: "m", input: "a", store: true }],
    ["POST /v1/embeddings", { model: "m" }],
    ["POST /v1/embeddings", { model: "m", input: ["a", [1]] }],
    ["POST /v1/embeddings", { model: "m", input: [{ text: "a" }] }],
  ];
  for (const [line, body] of cases) {
    t.equal(decoded(openai, line, body), undefined, `${line} ${JSON.stringify(body)}`);
  }
  t.end();
});

t.test("a refusal is an error object, with all that there is to say in its message", (t) => {
  const refusal = {
    kind: "policy",
    message: "Not this model.",
    detail: "It is dear.",
    hint: "Ask for another.",
    reference: "ref_1",
  } as const;
  t.same(openai.refusal(refusal, 403), {
    error: {
      message: "Not this model. It is dear. Ask for another. (reference ref_1)",
      ...{ type: "permission_error", param: null, code: "policy" },
    },
  });
  const types = [400, 401, 404, 413, 429, 500, 503].map((status) => openai.refusal(refusal, status));
  t.match(types, [
    ...[{ error: { type: "invalid_request_error" } }, { error: { type: "authentication_error" } }],
    ...[{ error: { type: "invalid_request_error" } }, { error: { type: "invalid_request_error" } }],
    ...[{ error: { type: "rate_limit_error" } }, { error: { type: "server_error" } }],
    { error: { type: "server_error" } },
  ]);
  t.end();
});

t.test("the pieces of a streamed chat, one text for each choice, call and kind", (t) => {
  const event = {
    choices: [
      { index: 1, delta: { role: "assistant", content: "a", refusal: null, reasoning_content: "b" } },
      {
        index: 0,
        delta: {
          tool_calls: [
            { index: 2, id: "call_1", type: "function", function: { name: "pay", arguments: "{" } },
          ],
          audio: { id: "x", data: "AAAA", transcript: "c" },
        },
      },
      { index: 3, text: "d", logprobs: null },
    ],
  };
  t.same(openai.pieces(event), [
    { path: ["choices", 0, "delta", "content"], text: "1/content" },
    { path: ["choices", 0, "delta", "reasoning_content"], text: "1/reasoning_content" },
    {
      path: ["choices", 1, "delta", "tool_calls", 0, "function", "arguments"],
      text: "0/tool_calls/2/function/arguments",
    },
    { path: ["choices", 1, "delta", "audio", "transcript"], text: "0/audio/transcript" },
    { path: ["choices", 2, "text"], text: "3/text" },
  ]);
  for (const other of [{ choices: [] }, { choices: [null, 1] }, { error: { message: "x" } }, [], null, "x"]) {
    t.same(openai.pieces(other), []);
  }
  t.end();
});

t.test("the pieces of a streamed response, one text for each part of the output", (t) => {
  const delta = (type: string, place: object) => openai.pieces({ type, delta: "a", ...place })[0]?.text;
  const text = "response.output_text.delta";
  const first = delta(text, { output_index: 0, item_id: "i", content_index: 0 });
  t.same(
    openai.pieces({ type: text, delta: "a", item_id: "i" }).map(({ path }) => path),
    [["delta"]],
  );
  t.equal(delta(text, { output_index: 0, item_id: "other", content_index: 0 }), first, "whatever its id is");
  const texts = [
    first,
    delta(text, { output_index: 1, content_index: 0 }),
    delta(text, { output_index: 0, content_index: 1 }),
    delta(text, { item_id: "i", content_index: 0 }),
    delta("response.refusal.delta", { output_index: 0, content_index: 0 }),
    delta("response.function_call_arguments.delta", { output_index: 0 }),
    delta("response.reasoning_summary_text.delta", { output_index: 0, summary_index: 0 }),
    delta("response.reasoning_summary_text.delta", { output_index: 0, summary_index: 1 }),
  ];
  t.equal(new Set(texts).size, texts.length);
  t.same(openai.pieces({ type: "response.output_text.done", text: "whole", output_index: 0 }), []);
  t.end();
});

t.test("what an answer has cost", (t) => {
  const cases = [
    [{ usage: { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 } }, 3],
    [{ choices: [], usage: { total_tokens: 4 } }, 4],
    [{ type: "response.completed", response: { usage: { total_tokens: 5 } } }, 5],
    [{ choices: [], usage: null }, undefined],
    [{ usage: { total_tokens: "6" } }, undefined],
    [{ usage: { total_tokens: -6 } }, undefined],
    [[], undefined],
  ] as const;
  for (const [answer, cost] of cases) t.equal(openai.usage(answer), cost, JSON.stringify(answer));
  t.end();
});
