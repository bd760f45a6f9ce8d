import type { FactValue } from "@gatehouse/core";
import { type Message, type ModelRequest, messageOf, promptOf, tokensOf } from "../model-request.ts";
import { Members, Unclear } from "../reading.ts";
import { toolNames } from "./tools.ts";

/** Not among them: `prompt`, which is kept at the API with a model, tools and messages of its own. */
const COUNTED = [
  ...["model", "input", "instructions", "conversation", "previous_response_id", "parallel_tool_calls"],
  ...["reasoning", "text", "tool_choice", "tools", "truncation"],
];
const COUNTED_MEMBERS = new Set(COUNTED);
const MEMBERS = new Set([
  ...[...COUNTED, "background", "context_management", "include", "max_output_tokens", "max_tool_calls"],
  ...["metadata", "moderation", "prompt_cache_key", "prompt_cache_options", "prompt_cache_retention"],
  ...[
    "safety_identifier",
    "service_tier",
    "store",
    "stream",
    "stream_options",
    "temperature",
    "top_logprobs",
  ],
  ...["top_p", "user"],
]);

/** What stands in an input beside messages: what was called before and what came of it. */
const ITEMS = new Set([
  ...["message", "reasoning", "item_reference", "compaction", "function_call", "function_call_output"],
  ...["custom_tool_call", "custom_tool_call_output", "web_search_call", "file_search_call", "computer_call"],
  ...["computer_call_output", "code_interpreter_call", "image_generation_call", "local_shell_call"],
  ...["local_shell_call_output", "shell_call", "shell_call_output", "apply_patch_call"],
  ...["apply_patch_call_output", "mcp_call", "mcp_approval_request", "mcp_approval_response"],
]);

/** `POST /v1/responses`: an answer that is kept at the API, unless the request says that it is not to be (`store: false`). */
export function readResponse(body: FactValue): ModelRequest {
  const request = new Members(body, MEMBERS);
  const stores = request.get("store") === undefined || request.flag("store");
  const leaves = stores || request.flag("background") || request.get("conversation") !== undefined;
  return {
    ...{ access: leaves ? "write" : "read", operation: "responses", ...common(request) },
    maxTokens: tokensOf(request.count("max_output_tokens")),
    stream: request.flag("stream"),
  };
}

/** `POST /v1/responses/input_tokens`: how many tokens such a request would have. */
export function readInputTokens(body: FactValue): ModelRequest {
  const request = new Members(body, COUNTED_MEMBERS);
  return {
    ...{ access: "read", operation: "responses.input_tokens", ...common(request) },
    ...{ maxTokens: 0, stream: false },
  };
}

function common(request: Members): Pick<ModelRequest, "model" | "messages" | "tools"> {
  return {
    model: request.text("model"),
    messages: [...promptOf("system", request.get("instructions")), ...inputOf(request.get("input"))],
    tools: toolNames(request.list("tools")),
  };
}

function inputOf(input: FactValue | undefined): readonly Message[] {
  if (input === undefined || typeof input === "string") return promptOf("user", input);
  return new Members({ input }).list("input").map((value) => {
    const item = new Members(value);
    const type = item.get("type") ?? "message";
    if (typeof type !== "string" || !ITEMS.has(type)) throw new Unclear();
    return messageOf(type === "message" ? item.text("role") : type, item);
  });
}
