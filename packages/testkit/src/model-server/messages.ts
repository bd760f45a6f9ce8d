import { joined, type ModelScript, stepsOf, usageOf } from "./script.ts";
import type { ModelQuestion, ModelShape } from "./shape.ts";

/** Anthropic's `POST /v1/messages`. */
export const messages: ModelShape = {
  whole: (question, script) => {
    const { tokens, call } = script.choices[0] ?? {};
    return message(question, script, [
      ...(tokens ? [{ type: "text", text: joined(tokens) }] : []),
      ...(call ? [toolUse(call.name, JSON.parse(joined(call.tokens)))] : []),
    ]);
  },

  async *events(question, script) {
    const event = (type: string, rest: object = {}) => ({ event: type, data: { type, ...rest } });
    const { call } = script.choices[0] ?? {};
    const begun: string[] = [];
    const { output } = usageOf(script);

    yield event("message_start", { message: begin(question, script) });
    yield event("ping");
    for await (const { choice, part, text } of stepsOf(script)) {
      if (choice > 0) continue;
      if (!begun.includes(part)) {
        if (begun.length > 0) yield event("content_block_stop", { index: begun.length - 1 });
        begun.push(part);
        const content_block = part === "text" ? { type: "text", text: "" } : toolUse(call?.name ?? "", {});
        yield event("content_block_start", { index: begun.length - 1, content_block });
      }
      const delta =
        part === "text" ? { type: "text_delta", text } : { type: "input_json_delta", partial_json: text };
      yield event("content_block_delta", { index: begun.length - 1, delta });
    }
    if (begun.length > 0) yield event("content_block_stop", { index: begun.length - 1 });
    const delta = { stop_reason: reasonOf(script), stop_sequence: null };
    yield event("message_delta", { delta, usage: { output_tokens: output } });
    yield event("message_stop");
  },
};

function message({ model }: ModelQuestion, script: ModelScript, content: readonly object[]): object {
  const { input, output } = usageOf(script);
  return {
    ...{ id: "msg_1", type: "message", role: "assistant", model, content, stop_sequence: null },
    ...{ stop_reason: reasonOf(script), usage: { input_tokens: input, output_tokens: output } },
  };
}

/** A message of which nothing is there yet. */
function begin(question: ModelQuestion, script: ModelScript): object {
  const { input } = usageOf(script);
  return {
    ...message(question, script, []),
    stop_reason: null,
    usage: { input_tokens: input, output_tokens: 1 },
  };
}

function toolUse(name: string, input: unknown): object {
  return { type: "tool_use", id: "toolu_1", name, input };
}

function reasonOf({ choices }: ModelScript): string {
  return choices[0]?.call ? "tool_use" : "end_turn";
}
