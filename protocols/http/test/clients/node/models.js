// @ts-nocheck -- the clients' types are not the repository's.
// One round of what agents ask models: node models.js SDK BASE TOKEN. Prints one line of JSON.
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";

const [, , sdk, base, token] = process.argv;
const messages = [{ role: "user", content: "hello" }];

/** What its own class of errors says of a request that is not let through. */
async function refusal(ask, { APIError, PermissionDeniedError }) {
  try {
    await ask({ model: "forbidden", messages });
    return "nothing was refused";
  } catch (error) {
    const own = [error instanceof APIError, error instanceof PermissionDeniedError];
    return [...own, error.status, error.type, error.message];
  }
}

async function openai() {
  const client = new OpenAI({ baseURL: `${base}/v1`, apiKey: token });
  const question = { model: "m", messages };
  const listed = (await client.models.list()).data.map(({ id }) => id);
  const { message } = (await client.chat.completions.create({ ...question, n: 2 })).choices[0];
  const whole = [message.content, message.tool_calls[0].function.arguments];
  const deltas = ["", "", ""];
  let embedded;
  let used;
  const options = { stream: true, stream_options: { include_usage: true } };
  for await (const { choices, usage } of await client.chat.completions.create({ ...question, ...options })) {
    if (usage) used = usage.total_tokens;
    for (const { index, delta } of choices) {
      deltas[index] += delta.content ?? "";
      deltas[2] += delta.tool_calls?.[0].function.arguments ?? "";
    }
    // What is left of the stream waits until this was asked.
    if (deltas[0] !== "") {
      embedded ??= (await client.embeddings.create({ model: "m", input: "hello" })).data[0].embedding;
    }
  }
  const response = await client.responses.create({ model: "m", input: "hello", store: false });
  const events = [];
  const asked = { model: "m", input: "hello", store: false, stream: true };
  for await (const event of await client.responses.create(asked)) {
    if (event.type === "response.output_text.delta") events.push(event.delta);
    if (event.type === "response.completed") events.push(event.response.output[0].content[0].text);
  }
  const refused = await refusal((body) => client.chat.completions.create(body), OpenAI);
  return { listed, whole, deltas, embedded, used, response: response.output_text, events, refused };
}

async function anthropic() {
  const client = new Anthropic({ baseURL: base, authToken: token, apiKey: null });
  const question = { model: "m", max_tokens: 100, messages };
  const { content } = await client.messages.create(question);
  const whole = [content[0].text, content[1].input];
  const texts = [];
  const stream = client.messages.stream(question).on("text", (text) => texts.push(text));
  const final = await stream.finalMessage();
  const streamed = [texts, final.content[1].input, final.usage.output_tokens];
  const refused = await refusal((body) => client.messages.create({ ...body, max_tokens: 1 }), Anthropic);
  return { whole, streamed, refused };
}

process.stdout.write(JSON.stringify(await (sdk === "openai" ? openai() : anthropic())));
