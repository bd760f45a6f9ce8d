import type { FactValue } from "@gatehouse/core";
import { type Message, type ModelRequest, messageOf, promptOf, tokensOf } from "../model-request.ts";
import { isList, Members, Unclear } from "../reading.ts";

/**
 * Not among them: what names another model (`fallbacks`), or something that is kept at the API and that nobody here has seen
 * (`container`, `thread`).
 */
const COUNTED = [
  ...["model", "messages", "system", "tools", "tool_choice", "thinking", "mcp_servers", "cache_control"],
  ...["output_config", "output_format", "context_management", "speed"],
];
const COUNTED_MEMBERS = new Set(COUNTED);
const MEMBERS = new Set([
  ...[...COUNTED, "max_tokens", "metadata", "stop_sequences", "stream", "temperature", "top_k", "top_p"],
  ...["service_tier", "inference_geo", "diagnostics"],
]);

const BLOCKS = new Set([
  ...["text", "image", "document", "search_result", "thinking", "redacted_thinking", "tool_use"],
  ...["server_tool_use", "mcp_tool_use", "tool_result", "mcp_tool_result", "web_search_tool_result"],
  ...["web_fetch_tool_result", "code_execution_tool_result", "bash_code_execution_tool_result"],
  ...["text_editor_code_execution_tool_result", "tool_search_tool_result"],
]);

/** `POST /v1/messages`: nothing is kept. */
export function readMessages(body: FactValue): ModelRequest {
  const request = new Members(body, MEMBERS);
  return {
    ...{ access: "read", operation: "messages", ...common(request) },
    maxTokens: tokensOf(request.count("max_tokens")),
    stream: request.flag("stream"),
  };
}

/** `POST /v1/messages/count_tokens`: how many tokens such a request would have. */
export function readCount(body: FactValue): ModelRequest {
  const request = new Members(body, COUNTED_MEMBERS);
  return {
    ...{ access: "read", operation: "messages.count_tokens", ...common(request) },
    ...{ maxTokens: 0, stream: false },
  };
}

function common(request: Members): Pick<ModelRequest, "model" | "messages" | "tools"> {
  return {
    model: request.text("model"),
    messages: [...promptOf("system", request.get("system")), ...request.list("messages").map(messageIn)],
    tools: [...request.list("tools").map(toolName), ...request.list("mcp_servers").map(() => "builtin:mcp")],
  };
}

function messageIn(value: FactValue): Message {
  const message = new Members(value);
  const content = message.get("content");
  if (isList(content) && !content.every(isKnownBlock)) throw new Unclear();
  return messageOf(message.text("role"), message);
}

/** A block of another kind could bring a tool along. */
function isKnownBlock(block: FactValue): boolean {
  return BLOCKS.has(new Members(block).text("type"));
}

/** A tool of the client's own says no type, or `custom`. */
function toolName(value: FactValue): string {
  const tool = new Members(value);
  const type = tool.get("type");
  return type === undefined || type === "custom" ? tool.text("name") : `builtin:${tool.text("type")}`;
}
