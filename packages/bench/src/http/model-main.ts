// A model's streams: `node model-main.ts PORT CERT KEY`. `GET /v1/stream?rate=200&tokens=600` is so many tokens, so many a second.
import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import type { ServerResponse } from "node:http";
import { now } from "./clients/clock.ts";

const [port, certFile = "", keyFile = ""] = process.argv.slice(2);

/** Words, as most tokens are: a space, and what follows it. */
const WORDS = " The order was sent on Monday and has not come to its place yet ;".split(/(?= )/);

interface Stream {
  readonly response: ServerResponse;
  /** Milliseconds between two tokens. */
  readonly between: number;
  readonly tokens: number;
  /** When the next token is due, as `performance.now()` has it. */
  due: number;
  sent: number;
}

const streams = new Set<Stream>();

createServer({ cert: readFileSync(certFile), key: readFileSync(keyFile) }, (request, response) => {
  const { searchParams } = new URL(request.url ?? "/", "https://localhost");
  const rate = Number(searchParams.get("rate"));
  const tokens = Number(searchParams.get("tokens"));
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
  response.flushHeaders();
  const stream = { response, between: 1000 / rate, tokens, due: performance.now(), sent: 0 };
  streams.add(stream);
  response.on("close", () => streams.delete(stream));
}).listen(Number(port), "127.0.0.1");

/** One timer for all: what it is late by goes out at once, so that the rate is kept, and is a part of nobody's delay. */
setInterval(() => {
  for (const stream of streams) send(stream);
}, 1);

function send(stream: Stream): void {
  const time = performance.now();
  let events = "";
  while (stream.due <= time && stream.sent < stream.tokens) {
    events += eventOf(stream.sent++);
    stream.due += stream.between;
  }
  if (events !== "") stream.response.write(events);
  if (stream.sent < stream.tokens) return;
  streams.delete(stream);
  stream.response.end("data: [DONE]\n\n");
}

function eventOf(index: number): string {
  const content = WORDS[index % WORDS.length];
  const event = {
    id: "chatcmpl-1",
    object: "chat.completion.chunk",
    sent: now(),
    choices: [{ index: 0, delta: { content } }],
  };
  return `data: ${JSON.stringify(event)}\n\n`;
}
