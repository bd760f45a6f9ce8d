import { once } from "node:events";
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from "node:http";
import { createServer as createTlsServer } from "node:https";
import { text } from "node:stream/consumers";
import { chatCompletions } from "./chat-completions.ts";
import { embeddings } from "./embeddings.ts";
import { messages } from "./messages.ts";
import { responses } from "./responses.ts";
import type { ModelScript } from "./script.ts";
import type { ModelEvent, ModelQuestion, ModelShape } from "./shape.ts";

export interface ModelServerOptions {
  /** PEM; in the clear, when left out. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** 0, or left out: a free one. */
  readonly port?: number;
  /** What it wants to be shown, as OpenAI's clients (`Authorization: Bearer`) or Anthropic's (`x-api-key`) do; nothing, when left out. */
  readonly key?: string;
  /** What it answers, always or to each question. */
  readonly script: ModelScript | ((request: ModelServerRequest) => ModelScript);
}

export interface ModelServerRequest {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** What its JSON says; undefined where there is none. */
  readonly body: unknown;
}

export interface RunningModelServer {
  readonly port: number;
  /** `http://127.0.0.1:PORT`, or https */
  readonly address: string;
  /** What it was asked, the oldest first; the refused ones, too. */
  readonly requests: readonly ModelServerRequest[];
  /** Stops listening and ends every connection. */
  stop(): Promise<void>;
}

type Reply =
  | { readonly status: number; readonly body: object }
  | { readonly events: AsyncGenerator<ModelEvent> };

const SHAPES: ReadonlyMap<string, ModelShape> = new Map([
  ["/v1/chat/completions", chatCompletions],
  ["/v1/responses", responses],
  ["/v1/embeddings", embeddings],
  ["/v1/messages", messages],
]);

const MODELS = {
  object: "list",
  data: [{ id: "scripted", object: "model", type: "model", created: 1_700_000_000, owned_by: "testkit" }],
};

/**
 * Starts a server with a part of OpenAI's API (chat completions, responses, embeddings, models) and of Anthropic's (messages), on loopback only.
 * What it says stands in a script; whole, or as a stream of events, one for each token. It does not look at what it is asked.
 */
export async function startModelServer(options: ModelServerOptions): Promise<RunningModelServer> {
  const { tls, key, script } = options;
  const requests: ModelServerRequest[] = [];

  function replyTo(request: ModelServerRequest): Reply {
    const { method, path, headers, body } = request;
    const { pathname } = new URL(path, "http://localhost");
    if (key !== undefined && headers.authorization !== `Bearer ${key}` && headers["x-api-key"] !== key) {
      return failed(401, "authentication_error", "This is not the key.");
    }
    if (method === "GET" && pathname === "/v1/models") return { status: 200, body: MODELS };
    const shape = method === "POST" ? SHAPES.get(pathname) : undefined;
    if (!shape) return failed(404, "not_found_error", "There is nothing here.");
    if (!isQuestion(body)) return failed(400, "invalid_request_error", "This is no question.");
    const said = typeof script === "function" ? script(request) : script;
    return body["stream"] === true && shape.events
      ? { events: shape.events(body, said) }
      : { status: 200, body: shape.whole(body, said) };
  }

  async function answer(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = "", url: path = "", headers } = incoming;
    const request = { method, path, headers, body: jsonIn(await text(incoming)) };
    requests.push(request);
    const reply = replyTo(request);
    if ("events" in reply) await stream(response, reply.events);
    else {
      response.writeHead(reply.status, { "content-type": "application/json" });
      response.end(JSON.stringify(reply.body));
    }
  }

  const listener: RequestListener = (incoming, response) => {
    // Who has gone in the middle hears no more.
    answer(incoming, response).catch(() => response.destroy());
  };
  const server = tls ? createTlsServer(tls, listener) : createServer(listener);
  server.listen(options.port ?? 0, "127.0.0.1");
  await once(server, "listening");
  const at = server.address();
  if (at === null || typeof at === "string") throw new Error("The model server has no port.");
  return {
    port: at.port,
    address: `${tls ? "https" : "http"}://127.0.0.1:${at.port}`,
    requests,
    async stop() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

async function stream(response: ServerResponse, events: AsyncGenerator<ModelEvent>): Promise<void> {
  response.writeHead(200, {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-cache",
  });
  response.flushHeaders();
  const gone = new AbortController();
  response.once("close", () => gone.abort());
  for await (const { event, data } of events) {
    if (gone.signal.aborted) return;
    const lines = [
      ...(event === undefined ? [] : [`event: ${event}`]),
      `data: ${typeof data === "string" ? data : JSON.stringify(data)}`,
    ];
    if (!response.write(`${lines.join("\n")}\n\n`)) await once(response, "drain", gone);
  }
  response.end();
}

/** In a form that both kinds of clients understand. */
function failed(status: number, type: string, message: string): Reply {
  return { status, body: { type: "error", error: { type, message, param: null, code: null } } };
}

function jsonIn(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

function isQuestion(body: unknown): body is ModelQuestion {
  return typeof body === "object" && body !== null && !Array.isArray(body);
}
