import { createServer, type IncomingMessage, request } from "node:http";
import { type Duplex, duplexPair } from "node:stream";
import { setImmediate } from "node:timers/promises";

/** A message as Node reads it. */
export interface Heard {
  readonly method: string | undefined;
  readonly target: string | undefined;
  readonly status: number | undefined;
  readonly fields: readonly string[];
  body: string;
  trailers: readonly string[];
  complete: boolean;
}

export interface Hearing {
  readonly messages: readonly Heard[];
  /** By which of llhttp's reasons the rest was refused. */
  readonly refused?: string;
}

/** Bytes of a head that are more than ours takes. */
const HEAD = 128 * 1024;

/** Node's own server, which llhttp reads for, strict as it is unless somebody asks for less; on connections in memory. */
export class NodeServer {
  readonly #server = createServer({
    ...{ insecureHTTPParser: false, requireHostHeader: false, maxHeaderSize: HEAD },
    ...{ requestTimeout: 0, headersTimeout: 0, keepAliveTimeout: 0 },
  });
  #messages: Heard[] = [];
  #failed: (reason: string) => void = () => undefined;

  constructor() {
    this.#server.maxHeadersCount = 0;
    for (const event of ["request", "checkContinue", "checkExpectation"]) {
      // Never answered: it reads on, whatever the request says of the connection's end.
      this.#server.on(event, (message: IncomingMessage) => this.#messages.push(hear(message)));
    }
    // The connection stays for as long as what came before the fault is handed on.
    this.#server.on("clientError", (error: NodeJS.ErrnoException) =>
      this.#failed(error.code ?? error.message),
    );
    // Whoever takes a tunnel takes the connection from llhttp.
    this.#server.on("connect", () => this.#failed("a tunnel"));
  }

  async read(pieces: readonly Buffer[]): Promise<Hearing> {
    const [client, accepted] = duplexPair();
    const messages: Heard[] = [];
    this.#messages = messages;
    let refused: string | undefined;
    const failed = new Promise<void>((resolve) => {
      this.#failed = (reason) => {
        refused ??= reason;
        resolve();
      };
    });
    this.#server.emit("connection", accepted);
    await Promise.race([failed, writeAll(client, pieces)]);
    // What has been parsed is handed on in later ticks.
    await setImmediate();
    client.destroy();
    accepted.destroy();
    return refused === undefined ? { messages } : { messages, refused };
  }
}

/**
 * Reads the response to one request, and those of 1xx before it, as Node's client does. The connection ends behind the last piece.
 */
export async function readAsClient(pieces: readonly Buffer[], method: string): Promise<Hearing> {
  const [client, target] = duplexPair();
  const messages: Heard[] = [];
  let refused: string | undefined;
  target.resume();
  target.on("error", () => undefined);
  await new Promise<void>((resolve) => {
    const asked = request({
      ...{ method, createConnection: () => client, maxHeaderSize: HEAD },
      ...{ insecureHTTPParser: false, headers: { host: "api" } },
    });
    asked.maxHeadersCount = 0;
    asked.on("information", ({ statusCode, rawHeaders }) => {
      const rest = { body: "", trailers: [], complete: true };
      messages.push({ method, target: undefined, status: statusCode, fields: rawHeaders, ...rest });
    });
    asked.on("response", (message) => messages.push(hear(message)));
    asked.on("error", (error: NodeJS.ErrnoException) => {
      refused = error.code ?? error.message;
    });
    asked.on("close", resolve);
    asked.end();
    for (const piece of pieces) target.write(piece);
    target.end();
  });
  await setImmediate();
  client.destroy();
  target.destroy();
  return refused === undefined ? { messages } : { messages, refused };
}

function hear(message: IncomingMessage): Heard {
  const { method, url, statusCode, rawHeaders } = message;
  const heard: Heard = {
    ...{ method, target: url, status: statusCode ?? undefined, fields: rawHeaders },
    ...{ body: "", trailers: [], complete: false },
  };
  message.setEncoding("latin1");
  message.on("data", (text: string) => {
    heard.body += text;
  });
  message.on("end", () => {
    heard.complete = message.complete;
    heard.trailers = message.rawTrailers;
  });
  message.on("error", () => undefined);
  return heard;
}

function writeAll(stream: Duplex, pieces: readonly Buffer[]): Promise<void> {
  return new Promise((resolve) => {
    stream.on("error", () => resolve());
    for (const piece of pieces) stream.write(piece);
    stream.write(Buffer.alloc(0), () => resolve());
  });
}
