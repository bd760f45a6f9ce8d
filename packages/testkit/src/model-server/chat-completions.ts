import { joined, type ModelChoice, type ModelScript, stepsOf, usageOf } from "./script.ts";
import type { ModelShape } from "./shape.ts";

const CREATED = 1_700_000_000;
const ID = "chatcmpl-1";

/** OpenAI's `POST /v1/chat/completions`. */
export const chatCompletions: ModelShape = {
  whole: ({ model }, script) => ({
    ...{ id: ID, object: "chat.completion", created: CREATED, model },
    choices: script.choices.map((choice, index) => ({
      index,
      message: {
        role: "assistant",
        content: choice.tokens ? joined(choice.tokens) : null,
        refusal: null,
        ...(choice.call && {
          tool_calls: [toolCall(choice.call.name, joined(choice.call.tokens))],
        }),
      },
      logprobs: null,
      finish_reason: reasonOf(choice),
    })),
    usage: usageIn(script),
  }),

  async *events({ model, stream_options }, script) {
    const chunk = (choices: readonly object[], usage: object = {}) => ({
      data: { id: ID, object: "chat.completion.chunk", created: CREATED, model, choices, ...usage },
    });
    const of = (index: number, delta: object, finish_reason: string | null = null) =>
      chunk([{ index, delta, logprobs: null, finish_reason }]);
    for (const index of script.choices.keys()) yield of(index, { role: "assistant", content: "" });
    const called = new Set<number>();
    for await (const { choice, part, text } of stepsOf(script)) {
      const { name = "" } = script.choices[choice]?.call ?? {};
      if (part === "text") yield of(choice, { content: text });
      else if (called.has(choice)) {
        yield of(choice, { tool_calls: [{ index: 0, function: { arguments: text } }] });
      } else {
        called.add(choice);
        yield of(choice, { tool_calls: [{ index: 0, ...toolCall(name, text) }] });
      }
    }
    for (const [index, choice] of script.choices.entries()) yield of(index, {}, reasonOf(choice));
    if (asksForUsage(stream_options)) yield chunk([], { usage: usageIn(script) });
    yield { data: "[DONE]" };
  },
};

function toolCall(name: string, args: string): object {
  return { id: "call_1", type: "function", function: { name, arguments: args } };
}

function reasonOf({ call }: ModelChoice): string {
  return call ? "tool_calls" : "stop";
}

function usageIn(script: ModelScript): object {
  const { input, output } = usageOf(script);
  return { prompt_tokens: input, completion_tokens: output, total_tokens: input + output };
}

function asksForUsage(options: unknown): boolean {
  return (
    typeof options === "object" &&
    options !== null &&
    "include_usage" in options &&
    options.include_usage === true
  );
}
