import { joined, type ModelScript, stepsOf, usageOf } from "./script.ts";
import type { ModelQuestion, ModelShape } from "./shape.ts";

const TEXT_ID = "msg_1";
const CALL_ID = "fc_1";

/** OpenAI's `POST /v1/responses`. */
export const responses: ModelShape = {
  whole: (question, script) => response(question, script, "completed"),

  async *events(question, script) {
    let count = 0;
    const event = (type: string, rest: object) => ({
      event: type,
      data: { type, sequence_number: count++, ...rest },
    });
    const { tokens, call } = script.choices[0] ?? {};
    const [text, args] = [joined(tokens), joined(call?.tokens)];
    const places = new Map([
      ["text", { item_id: TEXT_ID, output_index: 0, content_index: 0 }],
      ["call", { item_id: CALL_ID, output_index: tokens ? 1 : 0 }],
    ]);
    const added = new Set<string>();

    yield event("response.created", { response: response(question, script, "in_progress") });
    for await (const { choice, part, text } of stepsOf(script)) {
      if (choice > 0) continue;
      const place = places.get(part);
      if (!added.has(part)) {
        added.add(part);
        const item = part === "text" ? textItem("", "in_progress") : callItem(call?.name ?? "", "");
        yield event("response.output_item.added", { output_index: place?.output_index, item });
        if (part === "text") yield event("response.content_part.added", { ...place, part: textPart("") });
      }
      const type = part === "text" ? "response.output_text.delta" : "response.function_call_arguments.delta";
      yield event(type, { ...place, delta: text, ...(part === "text" && { logprobs: [] }) });
    }
    if (added.has("text")) {
      const place = places.get("text");
      yield event("response.output_text.done", { ...place, text, logprobs: [] });
      yield event("response.content_part.done", { ...place, part: textPart(text) });
      yield event("response.output_item.done", { output_index: 0, item: textItem(text, "completed") });
    }
    if (added.has("call")) {
      const place = places.get("call");
      const item = callItem(call?.name ?? "", args);
      yield event("response.function_call_arguments.done", { ...place, arguments: args });
      yield event("response.output_item.done", { output_index: place?.output_index, item });
    }
    yield event("response.completed", { response: response(question, script, "completed") });
  },
};

function response({ model }: ModelQuestion, script: ModelScript, status: string): object {
  const { tokens, call } = script.choices[0] ?? {};
  const isDone = status === "completed";
  const { input, output } = usageOf(script);
  return {
    ...{ id: "resp_1", object: "response", created_at: 1_700_000_000, model, status, error: null },
    ...{ incomplete_details: null, instructions: null, metadata: {}, parallel_tool_calls: true, tools: [] },
    tool_choice: "auto",
    output: isDone
      ? [
          ...(tokens ? [textItem(joined(tokens), status)] : []),
          ...(call ? [callItem(call.name, joined(call.tokens))] : []),
        ]
      : [],
    usage: isDone
      ? {
          ...{ input_tokens: input, output_tokens: output, total_tokens: input + output },
          ...{ input_tokens_details: { cached_tokens: 0 }, output_tokens_details: { reasoning_tokens: 0 } },
        }
      : null,
  };
}

function textItem(text: string, status: string): object {
  const content = status === "completed" ? [textPart(text)] : [];
  return { id: TEXT_ID, type: "message", role: "assistant", status, content };
}

function textPart(text: string): object {
  return { type: "output_text", text, annotations: [], logprobs: [] };
}

function callItem(name: string, args: string): object {
  return {
    id: CALL_ID,
    type: "function_call",
    call_id: "call_1",
    status: "completed",
    name,
    arguments: args,
  };
}
