import { once } from "node:events";
import { connect, type TLSSocket } from "node:tls";
import type { Front } from "../support/front.ts";

/*
 * Frames as a test wants them (RFC 9113, section 4.1), also those that no library would send.
 */

export const TYPE = {
  ...{ DATA: 0, HEADERS: 1, PRIORITY: 2, RST_STREAM: 3, SETTINGS: 4, PUSH_PROMISE: 5, PING: 6, GOAWAY: 7 },
  ...{ WINDOW_UPDATE: 8, CONTINUATION: 9, UNKNOWN: 0x42 },
} as const;
export const END_STREAM = 0x1;
export const ACK = 0x1;
export const END_HEADERS = 0x4;
export const PADDED = 0x8;
export const PRIORITIZED = 0x20;

const CODES = [
  ...["NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT"],
  ...["STREAM_CLOSED", "FRAME_SIZE_ERROR", "REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR"],
  ...["CONNECT_ERROR", "ENHANCE_YOUR_CALM", "INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED"],
];

export function frame(
  type: number,
  flags: number,
  stream: number,
  payload: Uint8Array = Buffer.alloc(0),
): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** A number of four bytes. */
export function word(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

export function setting(id: number, value: number): Buffer {
  return Buffer.concat([Buffer.from([0, id]), word(value)]);
}

/** A header list with each field as a literal that is not indexed, and not compressed (RFC 7541, section 6.2.2). */
export function hpack(list: readonly (readonly [string, string])[]): Buffer {
  return Buffer.concat(list.flatMap(([name, value]) => [Buffer.from([0]), string(name), string(value)]));
}

function string(text: string): Buffer {
  const bytes = Buffer.from(text, "latin1");
  if (bytes.length < 127) return Buffer.concat([Buffer.from([bytes.length]), bytes]);
  const length = [127];
  let left = bytes.length - 127;
  for (; left >= 128; left = Math.floor(left / 128)) length.push((left % 128) + 128);
  length.push(left);
  return Buffer.concat([Buffer.from(length), bytes]);
}

export const PREFACE = Buffer.concat([
  Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
  frame(TYPE.SETTINGS, 0, 0),
]);

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

/** Cuts what has come into frames. */
export class FrameReader {
  #rest: Buffer = Buffer.alloc(0);

  push(bytes: Buffer): readonly Frame[] {
    const frames: Frame[] = [];
    this.#rest = Buffer.concat([this.#rest, bytes]);
    while (this.#rest.length >= 9 && this.#rest.length >= 9 + this.#rest.readUIntBE(0, 3)) {
      const end = 9 + this.#rest.readUIntBE(0, 3);
      const [type, flags] = [this.#rest.readUInt8(3), this.#rest.readUInt8(4)];
      const stream = this.#rest.readUInt32BE(5);
      frames.push({ type, flags, stream, payload: this.#rest.subarray(9, end) });
      this.#rest = this.#rest.subarray(end);
    }
    return frames;
  }
}

/** What a frame says of what was sent: `goaway CODE`, `rst CODE`, `status 200`; undefined where it says nothing. */
export function verdict({ type, payload }: Frame): string | undefined {
  if (type === TYPE.GOAWAY) return `goaway ${CODES[payload.readUInt32BE(4)]}`;
  if (type === TYPE.RST_STREAM) return `rst ${CODES[payload.readUInt32BE(0)]}`;
  return type === TYPE.HEADERS ? `status ${statusOf(payload)}` : undefined;
}

const INDEXED = new Map<number, number>([
  ...([
    [0x88, 200],
    [0x89, 204],
    [0x8a, 206],
    [0x8b, 304],
    [0x8c, 400],
    [0x8d, 404],
    [0x8e, 500],
  ] as const),
]);

/** Of a connection's first header list, which begins with it: in the static table, or in three digits (RFC 7541, appendices A and B). */
function statusOf(block: Buffer): number {
  const at = block.findIndex((byte) => (byte & 0xe0) !== 0x20);
  const first = block[at] ?? 0;
  const indexed = INDEXED.get(first);
  if (indexed !== undefined) return indexed;
  const length = (block[at + 1] ?? 0) & 0x7f;
  const bytes = block.subarray(at + 2, at + 2 + length);
  if (((block[at + 1] ?? 0) & 0x80) === 0) return Number(bytes.toString("latin1"));
  let bits = [...bytes].map((byte) => byte.toString(2).padStart(8, "0")).join("");
  let digits = "";
  while (digits.length < 3) {
    const [five, six] = [5, 6].map((count) => Number.parseInt(bits.slice(0, count), 2));
    const isShort = five !== undefined && five < 3;
    digits += String(isShort ? five : (six ?? 0) - 0x19 + 3);
    bits = bits.slice(isShort ? 5 : 6);
  }
  return Number(digits);
}

/** A client's connection on which a test says what it likes. */
export async function dialFrames({ port, ca }: Front): Promise<TLSSocket> {
  const socket = connect({ host: "127.0.0.1", port, ca, servername: "localhost", ALPNProtocols: ["h2"] });
  socket.on("error", () => socket.destroy());
  await once(socket, "secureConnect");
  return socket;
}

/** Says it, and gives the first answer to it; `closed` where that is the connection's end. */
export async function answerTo(front: Front, said: readonly Uint8Array[]): Promise<string> {
  const socket = await dialFrames(front);
  const { promise, resolve } = Promise.withResolvers<string>();
  const reader = new FrameReader();
  socket.on("data", (bytes: Buffer) => {
    for (const found of reader.push(bytes).map(verdict)) if (found !== undefined) resolve(found);
  });
  socket.on("close", () => resolve("closed"));
  socket.write(Buffer.concat(said));
  const answer = await promise;
  socket.destroy();
  return answer;
}
