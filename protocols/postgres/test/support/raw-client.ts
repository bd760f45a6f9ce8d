import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { Pull } from "@gatehouse/wire";
import { decodeAuthentication } from "../../src/codec/authentication.ts";
import { type BackendKey, decodeBackendKeyData } from "../../src/codec/backend-key-data.ts";
import { decodeErrorResponse, type ErrorFields } from "../../src/codec/error-response.ts";
import { type Frame, FrameReader } from "../../src/codec/framing.ts";
import { encodePasswordMessage } from "../../src/codec/password-message.ts";
import { encodeSslRequest } from "../../src/codec/startup-packet.ts";

/** A client that sends the bytes it is given and reads whole messages: no library stands in between. */
export class RawClient {
  readonly socket: Socket;
  readonly #pull: Pull;
  readonly #reader = new FrameReader(256 * 1024 * 1024);

  constructor(socket: Socket) {
    this.socket = socket;
    this.#pull = new Pull(socket);
  }

  send(...messages: readonly Uint8Array[]): void {
    this.socket.write(Buffer.concat(messages));
  }

  /** The next message; undefined when the gateway has closed the connection. */
  async next(): Promise<Frame | undefined> {
    for (;;) {
      const frame = this.#reader.next();
      if (frame !== undefined) return frame;
      const chunk = await this.#pull.next();
      if (chunk === undefined) return undefined;
      this.#reader.push(chunk);
    }
  }

  /** The messages up to and with the next one of this type, or up to the end of the connection. */
  async until(type: string): Promise<Frame[]> {
    const frames: Frame[] = [];
    for (;;) {
      const frame = await this.next();
      if (frame === undefined) return frames;
      frames.push(frame);
      if (letter(frame) === type) return frames;
    }
  }

  /** The letters of the messages up to ReadyForQuery, and its status: "12DCZI". */
  async shape(): Promise<string> {
    const frames = await this.until("Z");
    return frames.map(letter).join("") + (frames.at(-1)?.body.toString("latin1", 0, 1) ?? "");
  }

  /** What comes until the connection is closed. */
  async toEnd(): Promise<Frame[]> {
    return this.until("");
  }

  /** Stops reading by itself, to be read as a plain socket. */
  release(): void {
    this.#pull.release();
  }
}

export function letter(frame: Frame): string {
  return String.fromCharCode(frame.type);
}

/** The fields of the first ErrorResponse among the messages. */
export function errorIn(frames: readonly Frame[]): ErrorFields {
  const error = frames.find((frame) => letter(frame) === "E");
  return error ? decodeErrorResponse(error.body) : new Map();
}

/** The first column of each row, as text. */
export function firstColumn(frames: readonly Frame[]): string[] {
  return frames
    .filter((frame) => letter(frame) === "D")
    .map(({ body }) => body.toString("utf8", 6, 6 + Math.max(body.readInt32BE(2), 0)));
}

export async function rawSocket(port: number): Promise<Socket> {
  const socket = connect({ host: "127.0.0.1", port });
  // Tests close connections in every way; what comes of it is read as an end.
  socket.on("error", () => socket.destroy());
  await once(socket, "connect");
  return socket;
}

/** A TLS connection by SSLRequest. */
export async function securedSocket(port: number, ca: string): Promise<Socket> {
  const raw = await rawSocket(port);
  raw.write(encodeSslRequest());
  const pull = new Pull(raw);
  const answer = await pull.next();
  pull.release();
  if (answer?.toString() !== "S") throw new Error(`SSLRequest was answered by ${String(answer)}`);
  return overTls(raw, ca, []);
}

export async function overTls(raw: Socket, ca: string, alpn: readonly string[]): Promise<Socket> {
  const socket = connectTls({
    socket: raw,
    ca,
    servername: "localhost",
    ...(alpn.length > 0 ? { ALPNProtocols: [...alpn] } : {}),
  });
  socket.on("error", () => socket.destroy());
  await once(socket, "secureConnect");
  return socket;
}

/** A StartupMessage of any version: names and values in turn. */
export function startupMessage(
  parameters: Readonly<Record<string, string>>,
  version: { readonly major: number; readonly minor: number } = { major: 3, minor: 0 },
): Buffer {
  const pairs = Object.entries(parameters).map(([name, value]) => `${name}\0${value}\0`);
  const body = Buffer.from(`${pairs.join("")}\0`, "utf8");
  const head = Buffer.alloc(8);
  head.writeInt32BE(8 + body.length, 0);
  head.writeInt32BE(version.major * 65_536 + version.minor, 4);
  return Buffer.concat([head, body]);
}

/** Logs in, and hands back the client with what the start-up said. */
export async function logIn(
  socket: Socket,
  parameters: Readonly<Record<string, string>>,
  password: string,
  version?: { readonly major: number; readonly minor: number },
): Promise<{ client: RawClient; frames: Frame[]; key: BackendKey | undefined }> {
  const client = new RawClient(socket);
  client.send(startupMessage(parameters, version));
  const frames: Frame[] = [];
  for (;;) {
    const frame = await client.next();
    if (frame === undefined) break;
    frames.push(frame);
    if (letter(frame) === "R" && decodeAuthentication(frame.body).kind === "password") {
      client.send(encodePasswordMessage(password));
    }
    if (letter(frame) === "Z") break;
  }
  const key = frames.find((frame) => letter(frame) === "K");
  return { client, frames, key: key && decodeBackendKeyData(key.body) };
}
