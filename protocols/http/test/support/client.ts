import type { IncomingHttpHeaders } from "node:http";
import { type Agent, request } from "node:https";
import { connect, type TLSSocket } from "node:tls";
import { once } from "node:events";
import { type Front, TOKEN } from "./front.ts";

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface Asked {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  readonly agent?: Agent;
}

/** Asks by Node's own client, with a token. */
export function ask(
  { port, ca }: Front,
  { method = "GET", path, headers = {}, body, agent }: Asked,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asking = request(
      {
        ...{ host: "localhost", servername: "localhost", port, ca, method, path },
        headers: { authorization: `Bearer ${TOKEN}`, ...headers },
        ...(agent ? { agent } : {}),
      },
      (response) => {
        const parts: Buffer[] = [];
        response.on("data", (part: Buffer) => parts.push(part));
        response.on("error", reject);
        response.on("end", () => {
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: Buffer.concat(parts).toString(),
          });
        });
      },
    );
    asking.on("error", reject);
    asking.end(body);
  });
}

/** A TLS connection on which a test says what it likes. */
export async function dial({ port, ca }: Front): Promise<TLSSocket> {
  const socket = connect({ host: "127.0.0.1", port, ca, servername: "localhost" });
  await once(socket, "secureConnect");
  return socket;
}

/** All that comes until the other side ends it. */
export async function heard(socket: TLSSocket): Promise<string> {
  const parts: Buffer[] = [];
  socket.on("data", (part: Buffer) => parts.push(part));
  await once(socket, "close");
  return Buffer.concat(parts).toString("latin1");
}
