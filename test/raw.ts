import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";
import type { Demo } from "@gatehouse/demo";

/** Messages as bytes, for what no client library would send. The grammar: PostgreSQL documentation, "Message Formats". */
export function message(type: string, body: Buffer, length = body.length + 4): Buffer {
  const header = Buffer.alloc(5);
  header.write(type);
  header.writeInt32BE(length, 1);
  return Buffer.concat([header, body]);
}

export function startupMessage(parameters: Readonly<Record<string, string>>): Buffer {
  const text = Object.entries(parameters)
    .map(([name, value]) => `${name}\0${value}\0`)
    .join("");
  const body = Buffer.from(`\0\x03\0\0${text}\0`, "latin1");
  const length = Buffer.alloc(4);
  length.writeInt32BE(body.length + 4);
  return Buffer.concat([length, body]);
}

export const SSL_REQUEST = Buffer.from("0000000804d2162f", "hex");

/** A connection to a listener, with what it is sent first. */
export async function rawConnection(port: number, bytes?: Buffer): Promise<Socket> {
  const socket = connectTcp({ port, host: "127.0.0.1", noDelay: true });
  socket.on("error", () => undefined);
  await once(socket, "connect");
  if (bytes) socket.write(bytes);
  return socket;
}

/** The same, with TLS by SSLRequest around it. */
export async function securedConnection(demo: Demo, port: number): Promise<TLSSocket> {
  const socket = await rawConnection(port, SSL_REQUEST);
  await once(socket, "data");
  const ca = await readFile(demo.variables["PGSSLROOTCERT"] ?? "");
  const secured = connectTls({ socket, ca, servername: "localhost" });
  secured.on("error", () => undefined);
  await once(secured, "secureConnect");
  return secured;
}

/** One message of the server. */
export interface Answer {
  readonly type: string;
  readonly text: string;
}

/** A session on `orders`, the analyst's or somebody else's, past its first ReadyForQuery. */
export class RawSession {
  readonly socket: TLSSocket;
  #bytes = Buffer.alloc(0);
  #answers: Answer[] = [];

  private constructor(socket: TLSSocket) {
    this.socket = socket;
    socket.on("data", (chunk: Buffer) => this.#take(chunk));
  }

  /** @param as somebody else, at another level */
  static async open(
    demo: Demo,
    port: number,
    as?: { readonly user: string; readonly password: string },
  ): Promise<RawSession> {
    const { user, password } = as ?? { user: "reader", password: demo.variables["AGENT_TOKEN"] ?? "" };
    const session = new RawSession(await securedConnection(demo, port));
    session.socket.write(startupMessage({ user, database: "orders" }));
    session.socket.write(message("p", Buffer.from(`${password}\0`)));
    await session.answers(1);
    return session;
  }

  /** What the server says up to its `count`th ReadyForQuery from now. */
  async answers(count: number): Promise<Answer[]> {
    for (;;) {
      const ends = this.#answers.flatMap(({ type }, index) => (type === "Z" ? [index] : []));
      const last = ends[count - 1];
      if (last !== undefined) return this.#answers.splice(0, last + 1);
      await once(this.socket, "data");
    }
  }

  #take(chunk: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    while (this.#bytes.length >= 5) {
      const end = 1 + this.#bytes.readInt32BE(1);
      if (this.#bytes.length < end) return;
      this.#answers.push({
        type: this.#bytes.toString("latin1", 0, 1),
        text: this.#bytes.toString("utf8", 5, end),
      });
      this.#bytes = this.#bytes.subarray(end);
    }
  }
}
