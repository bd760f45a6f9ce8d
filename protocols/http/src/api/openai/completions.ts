import type { FactValue } from "@gatehouse/core";
import { type Message, type ModelRequest, messageOf, promptOf, tokensOf } from "../model-request.ts";
import { isList, Members, textsIn, Unclear } from "../reading.ts";
import { toolNames } from "./tools.ts";

/** Members that say how tokens are chosen, counted and paid for; those of servers that speak the same API are among them. */
const SAMPLING = [
  ...["temperature", "top_p", "top_k", "min_p", "n", "seed", "stop", "max_tokens", "logit_bias", "logprobs"],
  ...["top_logprobs", "presence_penalty", "frequency_penalty", "repetition_penalty", "user"],
];
const STREAMING = ["stream", "stream_options"];

const CHAT_MEMBERS = new Set([
  ...[
    "model",
    "messages",
    ...SAMPLING,
    ...STREAMING,
    "max_completion_tokens",
    "reasoning_effort",
    "verbosity",
  ],
  ...["tools", "tool_choice", "parallel_tool_calls", "functions", "function_call", "web_search_options"],
  ...["response_format", "prediction", "modalities", "audio", "metadata", "store", "moderation"],
  ...[
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "safety_identifier",
    "service_tier",
  ],
]);

const TEXT_MEMBERS = new Set([
  ...["model", "prompt", "suffix", "echo", "best_of", ...SAMPLING, ...STREAMING],
]);

const EMBEDDING_MEMBERS = new Set(["model", "input", "encoding_format", "dimensions", "user"]);

/** `POST /v1/chat/completions`: it leaves something behind where it says so (`store`). */
export function readChatCompletion(body: FactValue): ModelRequest {
  const request = new Members(body, CHAT_MEMBERS);
  const functions = request.list("functions").map((value) => new Members(value).text("name"));
  const searches = request.get("web_search_options") === undefined ? [] : ["builtin:web_search"];
  return {
    access: request.flag("store") ? "write" : "read",
    operation: "chat.completions",
    model: request.text("model"),
    messages: [
      ...request.list("messages").map(chatMessage),
      ...promptOf("prediction", request.get("prediction")),
    ],
    tools: [...toolNames(request.list("tools")), ...functions, ...searches],
    maxTokens: chatTokens(request),
    stream: request.flag("stream"),
  };
}

function chatMessage(value: FactValue): Message {
  const message = new Members(value);
  return messageOf(message.text("role"), message);
}

/** It has had two names. Where both are there, servers differ in which one they take. */
function chatTokens(request: Members): number | undefined {
  const [first, second] = [request.count("max_completion_tokens"), request.count("max_tokens")];
  if (first !== undefined && second !== undefined && first !== second) throw new Unclear();
  return tokensOf(first ?? second, request.count("n") ?? 1);
}

/** `POST /v1/completions`: what there was before chat. */
export function readCompletion(body: FactValue): ModelRequest {
  const request = new Members(body, TEXT_MEMBERS);
  const { messages, count } = prompts(request.get("prompt"));
  const choices = Math.max(request.count("n") ?? 1, request.count("best_of") ?? 1);
  return {
    ...{ access: "read", operation: "completions", model: request.text("model") },
    messages: messages && [...messages, ...promptOf("user", request.get("suffix"))],
    tools: [],
    maxTokens: tokensOf(request.count("max_tokens"), choices, count),
    stream: request.flag("stream"),
  };
}

/** `POST /v1/embeddings` */
export function readEmbedding(body: FactValue): ModelRequest {
  const request = new Members(body, EMBEDDING_MEMBERS);
  const { messages } = prompts(request.get("input"));
  const model = request.text("model");
  return { access: "read", operation: "embeddings", model, messages, tools: [], maxTokens: 0, stream: false };
}

/** A text, or several; or tokens, in which no rule can look for anything. */
function prompts(value: FactValue | undefined): {
  readonly messages: readonly Message[] | undefined;
  readonly count: number;
} {
  if (typeof value === "string") return { messages: promptOf("user", value), count: 1 };
  if (!isList(value)) throw new Unclear();
  if (value.every((item) => typeof item === "string")) {
    return { messages: value.flatMap((item) => promptOf("user", item)), count: value.length };
  }
  if (textsIn(value).length > 0) throw new Unclear();
  return { messages: undefined, count: value.some(isList) ? value.length : 1 };
}
