// A model that only streams: `node model-main.ts PORT CERT KEY`. Whatever it is asked, it says `max_tokens` tokens, RATE of them a second.
import { readFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import { json } from "node:stream/consumers";
import { z } from "zod";
import { now } from "./clients/clock.ts";
import { RATE } from "./stream.ts";

const [port, certFile = "", keyFile = ""] = process.argv.slice(2);

/** Words, as most tokens are: a space, and what follows it. */
const WORDS = " The order was sent on Monday and has not come to its place yet ;".split(/(?= )/);

/** Milliseconds between two tokens. */
const BETWEEN = 1000 / RATE;

const asked = z.object({ max_tokens: z.number() });

interface Stream {
  readonly response: ServerResponse;
  readonly tokens: number;
  /** When the next token is due, as `performance.now()` has it. */
  due: number;
  sent: number;
}

const streams = new Set<Stream>();
let ticking: NodeJS.Timeout | undefined;

// Idle connections stay for as long as the bench takes: one that ends as it is used again would be nobody's fault.
const options = { cert: readFileSync(certFile), key: readFileSync(keyFile), keepAliveTimeout: 0 };
createServer(options, (request, response) => {
  answer(request, response).catch(() => response.destroy());
}).listen(Number(port), "127.0.0.1");

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { max_tokens: tokens } = asked.parse(await json(request));
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
  const stream = { response, tokens, due: performance.now(), sent: 0 };
  streams.add(stream);
  ticking ??= setInterval(tick, 1);
  response.on("close", () => streams.delete(stream));
}

/** One timer for all: what it is late by goes out at once, so that the rate is kept, and is a part of nobody's delay. */
function tick(): void {
  for (const stream of streams) send(stream);
  if (streams.size > 0) return;
  clearInterval(ticking);
  ticking = undefined;
}

function send(stream: Stream): void {
  const time = performance.now();
  let events = "";
  while (stream.due <= time && stream.sent < stream.tokens) {
    events += eventOf(stream.sent++);
    stream.due += BETWEEN;
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
