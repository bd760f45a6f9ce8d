/** Where streams are at the target `model`. */
export const STREAM = "/v1/chat/completions";

/** Tokens of one stream in a second: a quick model's. */
export const RATE = 200;

/** The body that asks for a stream of so many tokens. */
export function questionFor(tokens: number): string {
  const messages = [{ role: "user", content: "Where is my order?" }];
  return JSON.stringify({ model: "bench", stream: true, max_tokens: tokens, messages });
}
