import { randomBytes } from "node:crypto";
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import { text } from "node:stream/consumers";
import { setTimeout } from "node:timers/promises";
import { isSame } from "./secret.ts";

/** The demo's model: it has OpenAI's shape. What it streams is one thing, in which there is a secret; else it repeats what it is asked. */
export interface DemoModel {
  readonly port: number;
  /** What it wants as `Authorization: Bearer`: the gateway's alone. */
  readonly secret: string;
  /** The bodies of the requests that have come. */
  readonly asked: readonly string[];
  stop(): Promise<void>;
}

/** The key of an AWS account, as its documentation has it. */
export const LEAKED = "AKIAIOSFODNN7EXAMPLE";

/** The pieces in which it is said: none of them is a secret by itself. */
const TOKENS = [
  ..."The job failed , since its access key".split(" ").map((word, place) => (place ? ` ${word}` : word)),
  ...[" ", "AK", "IA", "IOS", "FOD", "NN7", "EX", "AMP", "LE"],
  ..." is not valid any more . Ask for a new one .".split(/(?= )/),
];

/** Milliseconds between two of them. */
const PACE = 15;

export async function startModel({
  certificatePem,
  keyPem,
}: {
  readonly certificatePem: string;
  readonly keyPem: string;
}): Promise<DemoModel> {
  const secret = randomBytes(24).toString("base64url");
  const asked: string[] = [];
  const server = createServer({ cert: certificatePem, key: keyPem }, (request, response) => {
    answer(request, response).catch(() => response.destroy());
  });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await text(request);
    asked.push(body);
    if (!isSame(request.headers.authorization ?? "", `Bearer ${secret}`)) {
      response.writeHead(401).end();
    } else if (request.method !== "POST" || request.url !== "/v1/chat/completions") {
      response.writeHead(404).end();
    } else if (/"stream": ?true/.test(body)) {
      await stream(response);
    } else {
      const [, prompt = ""] = /"content": ?("(?:[^"\\]|\\.)*")/.exec(body) ?? [];
      const message = { role: "assistant", content: `You said: ${String(JSON.parse(prompt || '""'))}` };
      response
        .writeHead(200, { "content-type": "application/json" })
        .end(JSON.stringify(completion("chat.completion", { message, finish_reason: "stop" })));
    }
  }

  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("The model listens on a port.");
  return {
    ...{ port: address.port, secret, asked },
    async stop() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

async function stream(response: ServerResponse): Promise<void> {
  response.writeHead(200, { "content-type": "text/event-stream" });
  const say = (choice: object) =>
    response.write(`data: ${JSON.stringify(completion("chat.completion.chunk", choice))}\n\n`);
  for (const content of TOKENS) {
    say({ delta: { content }, finish_reason: null });
    await setTimeout(PACE);
  }
  say({ delta: {}, finish_reason: "stop" });
  response.end("data: [DONE]\n\n");
}

function completion(object: string, choice: object): object {
  return { id: "chatcmpl-demo", object, created: 0, model: "demo-1", choices: [{ index: 0, ...choice }] };
}
