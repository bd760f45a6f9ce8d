import { type ModelCalls, modelFacts, type ReadModelRequest, readCall } from "../model-request.ts";
import type { ApiDecoder } from "../decoder.ts";
import { sentenceOf } from "../sentence.ts";
import { ended, pieces, repeats, usage } from "./answers.ts";
import { readChatCompletion, readCompletion, readEmbedding } from "./completions.ts";
import { readInputTokens, readResponse } from "./responses.ts";

const CALLS: ModelCalls = {
  // The others are those of companies that have the same API beside another.
  roots: ["/v1", "/openai/v1", "/api/v1"],
  posts: new Map<string, ReadModelRequest>([
    ["/chat/completions", readChatCompletion],
    ["/completions", readCompletion],
    ["/embeddings", readEmbedding],
    ["/responses", readResponse],
    ["/responses/input_tokens", readInputTokens],
  ]),
  parameters: new Set(),
};

/** The API of OpenAI, which many servers of models speak: chat completions, responses, completions, embeddings, models. */
export const openai: ApiDecoder = {
  name: "openai",
  facts: modelFacts,
  decode: (request, body) => readCall(CALLS, request, body),
  refusal: (refusal, status) => ({
    error: {
      message: sentenceOf(refusal),
      type: errorType(status),
      param: null,
      code: refusal.code ?? refusal.kind,
    },
  }),
  ...{ ended, pieces, repeats, usage },
};

function errorType(status: number): string {
  if (status === 401) return "authentication_error";
  if (status === 403) return "permission_error";
  if (status === 429) return "rate_limit_error";
  return status < 500 ? "invalid_request_error" : "server_error";
}
