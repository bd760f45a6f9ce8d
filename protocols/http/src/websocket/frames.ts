import { isUtf8 } from "node:buffer";
import { ChunkQueue } from "@gatehouse/wire";
import { type Close, readClose } from "./close.ts";
import { applyKey, KEY_SIZE, nextKey } from "./masking-key.ts";
import { Violation } from "./violation.ts";

/*
 * A frame (RFC 6455, section 5.2): a byte with FIN, three reserved bits and the opcode; a byte with the mask bit and a length of 7 bits;
 * with 126 there, a length of 16 bits, with 127, one of 63; with the mask bit, a key of four bytes; the payload.
 */
const FIN = 0x80;
const RESERVED = 0x70;
const OPCODE = 0x0f;
const MASKED = 0x80;
const LENGTH = 0x7f;
const LENGTH_16 = 126;
const LENGTH_64 = 127;
/** Bytes of a frame before its payload, at most. */
const LONGEST_HEAD = 2 + 8 + KEY_SIZE;
/** Bytes of a control frame's payload. */
const LONGEST_CONTROL = 125;

const OPCODES = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

export type FrameKind = keyof typeof OPCODES;

const KINDS = new Map<number, FrameKind>([
  [0, "continuation"],
  [1, "text"],
  [2, "binary"],
  [8, "close"],
  [9, "ping"],
  [10, "pong"],
]);

/** What is read. Its bytes are the reader's caller's, where they came. */
export type Part =
  /** A whole message: UTF-8. */
  | { readonly kind: "text"; readonly bytes: Buffer }
  | BinaryPart
  | { readonly kind: "ping"; readonly payload: Buffer }
  | { readonly kind: "pong"; readonly payload: Buffer }
  /** The last that a peer says. */
  | { readonly kind: "close"; readonly close: Close };

/** A piece of a binary message, as it came. */
export interface BinaryPart {
  readonly kind: "binary";
  readonly content: Buffer;
  readonly isFirst: boolean;
  readonly isLast: boolean;
  /** Bytes of the whole message; -1 where it comes in several frames, so that nobody knows. */
  readonly size: number;
}

interface Frame {
  readonly kind: FrameKind;
  readonly isFinal: boolean;
  /** What it is masked with; nothing where it comes from a server. */
  readonly key: Buffer | undefined;
  /** Bytes of the payload that have been read, and that are still to come. */
  passed: number;
  missing: number;
}

type Message =
  | { readonly kind: "text" }
  | { readonly kind: "binary"; readonly size: number; isFirst: boolean };

/** Reads one side's frames in whatever pieces they come. No extension is ever agreed on, so that there is one way to read them. */
export class FrameReader {
  readonly #from: "client" | "server";
  readonly #longest: number;
  readonly #head = Buffer.alloc(LONGEST_HEAD);
  #filled = 0;
  #needed = 2;
  #frame: Frame | undefined;
  /** The message that has begun, if one has. */
  #message: Message | undefined;
  readonly #text = new ChunkQueue();
  readonly #control = new ChunkQueue();
  #ended = false;

  /** @param longest bytes of a text, at most: it is kept until it is whole */
  constructor(from: "client" | "server", longest: number) {
    this.#from = from;
    this.#longest = longest;
  }

  /**
   * What these bytes are, one after the other; it is read on only when the next is asked for. What follows a close frame is nothing.
   * @param bytes are changed where they lie
   * @throws Violation where it is reached, the same for the same bytes in whatever pieces they came
   */
  *read(bytes: Buffer): Generator<Part, void> {
    let at = 0;
    while (!this.#ended) {
      if (this.#frame === undefined) at = this.#readHead(bytes, at);
      const frame = this.#frame;
      if (frame === undefined) return;
      const payload = bytes.subarray(at, at + frame.missing);
      at += payload.length;
      if (frame.key) applyKey(payload, frame.key, frame.passed);
      frame.passed += payload.length;
      frame.missing -= payload.length;
      const isWhole = frame.missing === 0;
      if (isWhole) this.#frame = undefined;
      const part = this.#part(frame, payload, isWhole);
      if (part) yield part;
      if (at === bytes.length) return;
    }
  }

  /** @returns how far it has read */
  #readHead(bytes: Buffer, from: number): number {
    let at = from;
    while (this.#filled < this.#needed) {
      if (at === bytes.length) return at;
      const end = Math.min(bytes.length, at + this.#needed - this.#filled);
      this.#filled += bytes.copy(this.#head, this.#filled, at, end);
      at = end;
      if (this.#filled === 2) this.#needed = this.#checkStart();
    }
    this.#frame = this.#begin();
    this.#filled = 0;
    this.#needed = 2;
    return at;
  }

  /** @returns bytes of the whole head */
  #checkStart(): number {
    const first = this.#head[0] ?? 0;
    const second = this.#head[1] ?? 0;
    const kind = KINDS.get(first & OPCODE);
    const length = second & LENGTH;
    const isMasked = (second & MASKED) !== 0;
    if ((first & RESERVED) !== 0) throw new Violation("a reserved bit");
    if (kind === undefined) throw new Violation("an opcode that is none");
    // Section 5.1. What a client does not mask, an attacker may have chosen byte for byte (section 10.3).
    if (isMasked !== (this.#from === "client")) {
      throw new Violation(
        isMasked ? "a server's frame that is masked" : "a client's frame that is not masked",
      );
    }
    if (isControl(kind)) {
      if ((first & FIN) === 0) throw new Violation("a control frame in pieces");
      if (length > LONGEST_CONTROL) throw new Violation("a control frame that is too long");
    } else if ((kind === "continuation") !== (this.#message !== undefined)) {
      throw new Violation(
        kind === "continuation" ? "a continuation of nothing" : "a message in the middle of another",
      );
    }
    const extended = length === LENGTH_64 ? 8 : length === LENGTH_16 ? 2 : 0;
    return 2 + extended + (isMasked ? KEY_SIZE : 0);
  }

  /** The head is whole. */
  #begin(): Frame {
    const head = this.#head;
    const size = this.#needed;
    const first = head[0] ?? 0;
    const isFinal = (first & FIN) !== 0;
    const kind = KINDS.get(first & OPCODE) ?? "continuation";
    const length = this.#length();
    if (kind === "text") this.#message = { kind };
    if (kind === "binary") this.#message = { kind, size: isFinal ? length : -1, isFirst: true };
    const isText = !isControl(kind) && this.#message?.kind === "text";
    if (isText && this.#text.length + length > this.#longest) {
      throw new Violation("a text that is too long", 1009);
    }
    // A copy: the head's bytes are the next one's.
    const key = this.#from === "client" ? Buffer.from(head.subarray(size - KEY_SIZE, size)) : undefined;
    return { kind, isFinal, key, passed: 0, missing: length };
  }

  /** Section 5.2: in the fewest bytes that hold it, or two readers of lengths could differ. */
  #length(): number {
    const said = (this.#head[1] ?? 0) & LENGTH;
    if (said < LENGTH_16) return said;
    const length = said === LENGTH_16 ? this.#head.readUInt16BE(2) : this.#length64();
    if (length < (said === LENGTH_16 ? LENGTH_16 : 0x1_0000))
      throw new Violation("a length that is too wide");
    return length;
  }

  #length64(): number {
    const length = this.#head.readBigUInt64BE(2);
    if (length >= 1n << 63n) throw new Violation("a length with its highest bit");
    if (length > BigInt(Number.MAX_SAFE_INTEGER)) throw new Violation("a frame that nobody sends", 1009);
    return Number(length);
  }

  #part({ kind, isFinal }: Frame, payload: Buffer, isWhole: boolean): Part | undefined {
    if (kind === "close" || kind === "ping" || kind === "pong") {
      this.#control.push(payload);
      return isWhole ? this.#controlPart(kind) : undefined;
    }
    const message = this.#message;
    const isLast = isFinal && isWhole;
    if (isLast) this.#message = undefined;
    if (message?.kind === "binary") return binaryPart(message, payload, { isWhole, isLast });
    this.#text.push(payload);
    if (!isLast) return undefined;
    const bytes = this.#text.takeAll();
    if (!isUtf8(bytes)) throw new Violation("a text that is no UTF-8", 1007);
    return { kind: "text", bytes };
  }

  #controlPart(kind: "close" | "ping" | "pong"): Part {
    const payload = this.#control.takeAll();
    if (kind !== "close") return { kind, payload };
    this.#ended = true;
    return { kind, close: readClose(payload) };
  }
}

function isControl(kind: FrameKind): boolean {
  return OPCODES[kind] >= OPCODES.close;
}

/** Of frames without payload, only a message's beginning and its end say anything. */
function binaryPart(
  message: Extract<Message, { kind: "binary" }>,
  content: Buffer,
  { isWhole, isLast }: { readonly isWhole: boolean; readonly isLast: boolean },
): BinaryPart | undefined {
  const { isFirst, size } = message;
  if (content.length === 0 && !isLast && !(isFirst && isWhole)) return undefined;
  message.isFirst = false;
  return { kind: "binary", content, isFirst, isLast, size };
}

/**
 * The bytes of a frame.
 * @param payload of a server's frame, sent where it lies; of a client's, copied
 * @param options `final`: it ends its message. `to`: what goes to a server is masked
 */
export function encodeFrame(
  kind: FrameKind,
  payload: Buffer,
  { final = true, to }: { readonly final?: boolean; readonly to: "client" | "server" },
): readonly Buffer[] {
  const { length } = payload;
  const extended = length >= 0x1_0000 ? 8 : length >= LENGTH_16 ? 2 : 0;
  const isMasked = to === "server";
  const size = 2 + extended + (isMasked ? KEY_SIZE : 0);
  const head = Buffer.allocUnsafe(isMasked ? size + length : size);
  const said = extended === 8 ? LENGTH_64 : extended === 2 ? LENGTH_16 : length;
  head[0] = (final ? FIN : 0) | OPCODES[kind];
  head[1] = (isMasked ? MASKED : 0) | said;
  if (extended === 2) head.writeUInt16BE(length, 2);
  if (extended === 8) head.writeBigUInt64BE(BigInt(length), 2);
  if (!isMasked) return length === 0 ? [head] : [head, payload];
  const key = nextKey();
  key.copy(head, size - KEY_SIZE);
  payload.copy(head, size);
  applyKey(head.subarray(size), key, 0);
  return [head];
}
