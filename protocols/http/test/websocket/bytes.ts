import { FrameReader, type Part } from "../../src/websocket/frames.ts";
import { Violation } from "../../src/websocket/violation.ts";

const KEY = Buffer.from([0x37, 0xfa, 0x21, 0x3d]);

export interface RawFrame {
  /** FIN and the reserved bits, as they stand in the first byte; FIN alone when left out. */
  readonly bits?: number;
  readonly opcode: number;
  readonly payload?: Buffer | string;
  /** Whether it is masked, as a client's has to be. */
  readonly masked?: boolean;
  /** The length's bytes, where they are not those that belong there. */
  readonly length?: readonly number[];
}

/** A frame as a test wants it, whatever the rules. */
export function raw({ bits = 0x80, opcode, payload = "", masked = true, length }: RawFrame): Buffer {
  const bytes = Buffer.from(payload);
  const [first = 0, ...more] = length ?? lengthOf(bytes.length);
  const head = Buffer.from([bits | opcode, (masked ? 0x80 : 0) | first, ...more]);
  if (!masked) return Buffer.concat([head, bytes]);
  return Buffer.concat([head, KEY, bytes.map((byte, at) => byte ^ (KEY[at % 4] ?? 0))]);
}

function lengthOf(length: number): readonly number[] {
  if (length < 126) return [length];
  const wide = Buffer.alloc(8);
  wide.writeBigUInt64BE(BigInt(length));
  return length < 0x1_0000 ? [126, ...wide.subarray(6)] : [127, ...wide];
}

/** What is read, in words, and how it ends; pieces of binary messages together. */
export interface Heard {
  readonly parts: readonly string[];
  readonly violation?: { readonly code: number; readonly words: string };
}

/** What comes, in words. */
export class Listener {
  readonly parts: string[] = [];
  readonly #reader: FrameReader;
  #binary = "";

  constructor(from: "client" | "server", longest = 4 * 1024 * 1024) {
    this.#reader = new FrameReader(from, longest);
  }

  /** @param bytes of which it leaves nothing changed. @throws Violation */
  hear(bytes: Buffer): void {
    for (const part of this.#reader.read(Buffer.from(bytes))) this.#take(part);
  }

  #take(part: Part): void {
    if (part.kind !== "binary") {
      this.parts.push(inWords(part));
      return;
    }
    if (part.isFirst) this.#binary = `binary ${part.size} `;
    this.#binary += part.content.toString("hex");
    if (part.isLast) this.parts.push(this.#binary);
  }
}

/** Reads bytes in these pieces. */
export function heard(
  pieces: readonly Buffer[],
  from: "client" | "server" = "client",
  longest = 100_000,
): Heard {
  const listener = new Listener(from, longest);
  const { parts } = listener;
  try {
    for (const piece of pieces) listener.hear(piece);
    return { parts };
  } catch (error) {
    if (!(error instanceof Violation)) throw error;
    return { parts, violation: { code: error.closeCode, words: error.message } };
  }
}

function inWords(part: Exclude<Part, { kind: "binary" }>): string {
  switch (part.kind) {
    case "text":
      return `text ${part.bytes.toString("utf8")}`;
    case "close":
      return `close ${part.close.code ?? "-"} ${part.close.reason}`;
    default:
      return `${part.kind} ${part.payload.toString("utf8")}`;
  }
}
