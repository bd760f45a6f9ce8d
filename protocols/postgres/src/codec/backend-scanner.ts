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
}

/** Read whole: ErrorResponse, ParameterStatus, ReadyForQuery. */
const READ: ReadonlySet<number> = new Set(["E", "S", "Z"].map(typeCode));

const ERROR_RESPONSE = typeCode("E");
/** Bytes. Settings and states are short, and so are the errors that are looked into. */
const READ_LIMIT = 64 * 1024;

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
  #held: Buffer = Buffer.alloc(0);

  constructor(observer: BackendObserver, limit: number = READ_LIMIT) {
    this.#observer = observer;
    this.#limit = limit;
  }

  /** What has been let through ends where a message does. */
  get betweenMessages(): boolean {
    return this.#passing === 0;
  }

  /**
   * @returns the bytes to send on, in order.
   * @throws GatehouseError PROTOCOL_VIOLATION when the server's bytes are no messages.
   */
  scan(chunk: Buffer): Buffer[] {
    const bytes = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    this.#held = Buffer.alloc(0);
    const out: Buffer[] = [];
    // [from, at) passes as it is; it goes out in one piece when something interrupts it.
    let from = 0;
    let at = 0;
    const flush = (end: number) => {
      if (end > from) out.push(bytes.subarray(from, end));
    };
    while (at < bytes.length) {
      if (this.#passing > 0) {
        const step = Math.min(this.#passing, bytes.length - at);
        this.#passing -= step;
        at += step;
        continue;
      }
      const left = bytes.length - at;
      if (left < HEADER) break;
      const type = bytes.readUInt8(at);
      const size = 1 + this.#length(bytes, at);
      if (!READ.has(type)) {
        this.#observer.passed(type);
        this.#passing = size;
        continue;
      }
      if (size > this.#limit) {
        if (type !== ERROR_RESPONSE) throw tooLarge();
        // An error quotes what it is about, and that may be megabytes. What the gateway provokes is short.
        this.#observer.tooLarge();
        this.#passing = size;
        continue;
      }
      if (left < size) break;
      const replacement = this.#observer.read(type, bytes.subarray(at, at + size));
      if (replacement !== undefined) {
        flush(at);
        out.push(replacement);
        from = at + size;
      }
      at += size;
    }
    flush(at);
    if (at < bytes.length) this.#held = bytes.subarray(at);
    return out;
  }

  #length(bytes: Buffer, at: number): number {
    const length = bytes.readInt32BE(at + 1);
    if (length < 4) {
      throw new GatehouseError("PROTOCOL_VIOLATION", "The target sent a message with an invalid length.");
    }
    return length;
  }
}

function tooLarge(): GatehouseError {
  return new GatehouseError(
    "PROTOCOL_VIOLATION",
    "The target sent a message larger than the gateway's limit.",
  );
}
