import type { ApiDecoder } from "../decoder.ts";
import { type ModelCalls, modelFacts, type ReadModelRequest, readCall } from "../model-request.ts";
import { sentenceOf } from "../sentence.ts";
import { ended, pieces, usage } from "./answers.ts";
import { readCount, readMessages } from "./messages.ts";

const CALLS: ModelCalls = {
  roots: ["/v1"],
  posts: new Map<string, ReadModelRequest>([
    ["/messages", readMessages],
    ["/messages/count_tokens", readCount],
  ]),
  // `beta` is said by its library; what is new is asked for by a header.
  parameters: new Set(["beta", "limit", "after_id", "before_id"]),
};

/** Anthropic's API: messages, the count of their tokens, models. */
export const anthropic: ApiDecoder = {
  name: "anthropic",
  facts: modelFacts,
  decode: (request, body) => readCall(CALLS, request, body),
  refusal: (refusal, status) => ({
    type: "error",
    error: { type: errorType(status), message: sentenceOf(refusal) },
    request_id: refusal.reference,
  }),
  ...{ ended, pieces, repeats: [], usage },
};

const TYPES: ReadonlyMap<number, string> = new Map([
  ...([
    [401, "authentication_error"],
    [403, "permission_error"],
    [404, "not_found_error"],
    [413, "request_too_large"],
    [429, "rate_limit_error"],
    [503, "overloaded_error"],
  ] as const),
]);

function errorType(status: number): string {
  return TYPES.get(status) ?? (status < 500 ? "invalid_request_error" : "api_error");
}
