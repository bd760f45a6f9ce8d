import { once } from "node:events";
import { createHash } from "node:crypto";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { createServer as createTlsServer, type TlsOptions } from "node:tls";
import type { Test } from "tap";
import { dial } from "../support/client.ts";
import { type Front, TOKEN } from "../support/front.ts";
import { End } from "./ends.ts";

/** A key, and what says that it was read (RFC 6455, section 1.3). */
export const KEY = "dGhlIHNhbXBsZSBub25jZQ==";
export const ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/** A request for a WebSocket at the path, with these lines more. */
export function asking(path: string, lines: readonly string[] = []): string {
  const all = [
    `GET ${path} HTTP/1.1`,
    ...["Host: localhost", `Authorization: Bearer ${TOKEN}`],
    ...["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"],
    `Sec-WebSocket-Key: ${KEY}`,
    ...lines,
  ];
  return `${all.join("\r\n")}\r\n\r\n`;
}

/** Agrees to what was asked for. */
export function agreeing(head: string, lines: readonly string[] = []): string {
  const key = /^sec-websocket-key: (.*)$/im.exec(head)?.[1] ?? "";
  const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
  const all = [
    "HTTP/1.1 101 Switching Protocols",
    ...["Connection: Upgrade", "Upgrade: websocket", `Sec-WebSocket-Accept: ${accept}`],
    ...lines,
  ];
  return `${all.join("\r\n")}\r\n\r\n`;
}

/** What the client was told, and its end of the WebSocket. */
export interface Opened {
  readonly answer: string;
  readonly end: End;
}

/** Asks the gateway for a WebSocket, and gets it, until the test is over. @param behind goes out right behind the request */
export async function open(t: Test, front: Front, request: string, behind?: Buffer): Promise<Opened> {
  const socket = await begun(front, request, behind);
  t.teardown(() => socket.destroy());
  const answer = await head(socket);
  if (!answer.startsWith("HTTP/1.1 101")) throw new Error(`It was not opened: ${answer}`);
  return { answer, end: endOf(socket, "client") };
}

/** Asks the gateway, and leaves. @returns the head of the answer */
export async function ask(front: Front, request: string, behind?: Buffer): Promise<string> {
  const socket = await begun(front, request, behind);
  const answer = await head(socket);
  socket.destroy();
  return answer;
}

async function begun(front: Front, request: string, behind: Buffer = Buffer.alloc(0)): Promise<Socket> {
  const socket = await dial(front);
  socket.on("error", () => socket.destroy());
  socket.write(Buffer.concat([Buffer.from(request, "latin1"), behind]));
  return socket;
}

/** A server that answers a request for a WebSocket as a test has it. */
export interface SocketTarget {
  readonly port: number;
  /** Of all requests, in order. */
  readonly heads: readonly string[];
  /** Connections that were made to it. */
  readonly connections: number;
  /** Its end of the next WebSocket. */
  next(): Promise<End>;
  stop(): Promise<void>;
}

/**
 * @param answer the bytes for a request's head; where they begin with a 101, the rest is WebSocket
 * @param options of TLS, where it speaks that
 */
export async function startSocketTarget(
  answer: (head: string) => string | Buffer = (head) => agreeing(head),
  options?: TlsOptions,
): Promise<SocketTarget> {
  const heads: string[] = [];
  const sockets = new Set<Socket>();
  const ends: End[] = [];
  const waiting: ((end: End) => void)[] = [];
  let connections = 0;
  const server = options ? createTlsServer(options, accept) : createServer(accept);

  function accept(socket: Socket): void {
    connections++;
    sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => sockets.delete(socket));
    void serve(socket);
  }

  async function serve(socket: Socket): Promise<void> {
    for (;;) {
      const asked = await head(socket);
      if (asked === "") return;
      heads.push(asked);
      const said = answer(asked);
      socket.write(said);
      if (!said.toString("latin1").startsWith("HTTP/1.1 101")) continue;
      const end = endOf(socket, "server");
      const taker = waiting.shift();
      if (taker) taker(end);
      else ends.push(end);
      return;
    }
  }

  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    heads,
    get connections() {
      return connections;
    },
    next() {
      const end = ends.shift();
      return end ? Promise.resolve(end) : new Promise((resolve) => waiting.push(resolve));
    },
    async stop() {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, "close");
    },
  };
}

/** All up to the next empty line, and nothing behind it; empty where the connection ends before. */
export async function head(socket: Socket): Promise<string> {
  let text = "";
  for (;;) {
    const bytes = socket.read() as Buffer | null;
    if (bytes === null) {
      if (socket.destroyed || socket.readableEnded) return "";
      await new Promise<void>((resolve) => {
        const settle = () => {
          for (const event of ["readable", "end", "close"]) socket.off(event, settle);
          resolve();
        };
        for (const event of ["readable", "end", "close"]) socket.on(event, settle);
      });
      continue;
    }
    text += bytes.toString("latin1");
    const end = text.indexOf("\r\n\r\n");
    if (end === -1) continue;
    const rest = text.slice(end + 4);
    if (rest !== "") socket.unshift(Buffer.from(rest, "latin1"));
    return text.slice(0, end + 4);
  }
}

function endOf(socket: Socket, is: "client" | "server"): End {
  const end = new End(socket, is);
  socket.resume();
  return end;
}
