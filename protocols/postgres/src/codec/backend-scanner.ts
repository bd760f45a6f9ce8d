import { GatehouseError } from "@gatehouse/core";
import { typeCode } from "./framing.ts";

const HEADER = 5;

/** What is done with the messages of the server on their way to the client. */
export interface BackendObserver {
  /** A message of a type that is only counted begins; its bytes pass by themselves. */
  passed(type: number): void;
  /** An ErrorResponse that is too large to be read begins; its bytes pass by themselves. */
  tooLarge(): void;
  /**
   * A whole message of a type that is read.
   * @returns undefined to let it pass as it is, other bytes to put in its place.
   */
  read(type: number, bytes: Buffer): Buffer | undefined;
  /** The next answers are the gateway's own, and no bytes of them are the client's. Asked before each message. */
  readonly own: boolean;
  /** A whole message of such an answer. */
  readOwn(type: number, bytes: Buffer): void;
}

/** What becomes of a message, by its type. */
const PASS = 0;
const COUNT = 1;
const READ = 2;

const HANDLING = new Uint8Array(256);
/** What ends an answer, or begins a COPY that takes data. */
for (const letter of ["1", "2", "3", "C", "I", "T", "n", "s", "G", "W"]) HANDLING[typeCode(letter)] = COUNT;
/** ErrorResponse, ParameterStatus, ReadyForQuery, ParameterDescription. */
for (const letter of ["E", "S", "Z", "t"]) HANDLING[typeCode(letter)] = READ;

const ERROR_RESPONSE = typeCode("E");
const PARAMETER_DESCRIPTION = typeCode("t");
/** What a server says at any time, whoever has asked: NoticeResponse, NotificationResponse, ParameterStatus. */
const ANY_TIME: ReadonlySet<number> = new Set(["N", "A", "S"].map(typeCode));
/** Bytes. Settings and states are short, and so are the errors that are looked into. */
const READ_LIMIT = 64 * 1024;

const NOTHING = Buffer.alloc(0);

/**
 * Goes through the server's bytes and lets them pass where they lie. Rows are never copied or decoded: only
 * a header is looked at. Of the messages that are read, none may be larger than `limit`.
 */
export class BackendScanner {
  readonly #observer: BackendObserver;
  readonly #limit: number;
  /** Bytes of the current message that are still to pass. */
  #passing = 0;
  /** The beginning of a message whose header, or whose whole, is not there yet. */
  #held: Buffer = NOTHING;
  #before: readonly Buffer[] = [];

  constructor(observer: BackendObserver, limit: number = READ_LIMIT) {
    this.#observer = observer;
    this.#limit = limit;
  }

  /** What has been let through ends where a message does. */
  get betweenMessages(): boolean {
    return this.#passing === 0;
  }

  /** Where `scan` has thrown: the bytes to send on that stood before what is no message. */
  get before(): readonly Buffer[] {
    return this.#before;
  }

  /**
   * @returns the bytes to send on, in order.
   * @throws GatehouseError PROTOCOL_VIOLATION when the server's bytes are no messages.
   */
  scan(chunk: Buffer): readonly Buffer[] {
    const observer = this.#observer;
    const out: Buffer[] = [];
    let bytes = chunk;
    if (this.#held.length > 0) {
      bytes = this.#joined(chunk, out);
      if (bytes.length === 0) return out;
    }
    // [from, at) passes as it is; it goes out in one piece when something interrupts it.
    let from = 0;
    let at = 0;
    try {
      for (;;) {
        if (this.#passing > 0) {
          const step = Math.min(this.#passing, bytes.length - at);
          this.#passing -= step;
          at += step;
        }
        const left = bytes.length - at;
        if (left < HEADER) break;
        const type = bytes[at] ?? 0;
        const size = 1 + lengthAt(bytes, at);
        const handling = HANDLING[type];
        const own = observer.own && !ANY_TIME.has(type);
        if (handling !== READ && !own) {
          if (handling === COUNT) observer.passed(type);
          this.#passing = size;
          continue;
        }
        if (size > this.#limit) {
          if (own || (type !== ERROR_RESPONSE && type !== PARAMETER_DESCRIPTION)) throw tooLarge();
          // An error quotes what it is about, and that may be megabytes. What the gateway provokes is short.
          if (type === ERROR_RESPONSE) observer.tooLarge();
          this.#passing = size;
          continue;
        }
        if (left < size) break;
        const message = bytes.subarray(at, at + size);
        const replacement = own ? NOTHING : observer.read(type, message);
        if (own) observer.readOwn(type, message);
        if (replacement !== undefined) {
          if (at > from) out.push(bytes.subarray(from, at));
          if (replacement.length > 0) out.push(replacement);
          from = at + size;
        }
        at += size;
      }
    } catch (error) {
      if (at > from) out.push(bytes.subarray(from, at));
      this.#before = out;
      throw error;
    }
    if (at > from) out.push(from === 0 && at === bytes.length ? bytes : bytes.subarray(from, at));
    this.#held = at < bytes.length ? bytes.subarray(at) : NOTHING;
    return out;
  }

  /**
   * What was held back, with the new chunk behind it. Where only the message at the seam passes, the chunk itself is
   * not copied: the seam goes out by itself.
   */
  #joined(chunk: Buffer, out: Buffer[]): Buffer {
    const held = this.#held;
    this.#held = NOTHING;
    if (held.length < HEADER) {
      const missing = HEADER - held.length;
      if (chunk.length < missing) {
        this.#held = Buffer.concat([held, chunk]);
        return NOTHING;
      }
      const header = Buffer.concat([held, chunk.subarray(0, missing)]);
      const type = header[0] ?? 0;
      if (HANDLING[type] === PASS && !(this.#observer.own && !ANY_TIME.has(type))) {
        this.#passing = lengthAt(header, 0) - 4;
        out.push(header);
        return chunk.subarray(missing);
      }
    }
    return Buffer.concat([held, chunk]);
  }
}

/** The length of the message whose header is there. */
function lengthAt(bytes: Buffer, at: number): number {
  const length = bytes.readInt32BE(at + 1);
  if (length < 4) {
    throw new GatehouseError("PROTOCOL_VIOLATION", "The target sent a message with an invalid length.");
  }
  return length;
}

function tooLarge(): GatehouseError {
  return new GatehouseError(
    "PROTOCOL_VIOLATION",
    "The target sent a message larger than the gateway's limit.",
  );
}
