import { type Agent, request } from "node:https";
import { questionFor } from "../stream.ts";
import { readEnvironment } from "./environment.ts";

const { url, ca, authorization } = readEnvironment();

/**
 * Asks the model for so many tokens, and resolves when the stream has ended.
 * @param agent false for a connection of its own
 * @param take is given what comes, as it comes
 * @throws Error where the answer is not a stream, or breaks off
 */
export async function ask(tokens: number, agent: Agent | false, take: (text: string) => void): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const question = questionFor(tokens);
  const headers = {
    authorization,
    "content-type": "application/json",
    "content-length": Buffer.byteLength(question),
  };
  const asking = request(url, { method: "POST", headers, ca, agent });
  asking.on("error", reject).on("response", (response) => {
    if (response.statusCode !== 200) reject(new Error(`The answer is ${response.statusCode}.`));
    response.setEncoding("latin1").on("data", take).on("end", resolve).on("error", reject);
  });
  asking.end(question);
  await promise;
}
