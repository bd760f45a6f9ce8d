import { GatehouseError } from "@gatehouse/core";
import { ChunkQueue } from "@gatehouse/wire";
import type { Rewriter } from "../masking/rows.ts";
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
  /** A message of this type is the gateway's own, and no bytes of it are the client's. Asked before each. */
  owns(type: number): boolean;
  /**
   * Beside what is always read, what the answer under way consists of is read too: what describes its rows and copies,
   * and notices. Asked before each of these.
   */
  readonly watches: boolean;
  /** What rewrites the rows that come; undefined where they pass. Asked before each, or before a run of them. */
  readonly rewriter: Rewriter | undefined;
  /** A whole message of such an answer. */
  readOwn(type: number, bytes: Buffer): void;
}

/** What becomes of a message, by its type. */
const PASS = 0;
const COUNT = 1;
const READ = 2;
/** As COUNT, where it is watched for. */
const WATCH_AND_COUNT = 3;
/** As PASS, where it is watched for. */
const WATCH = 4;
/** Carries values. */
const ROW = 5;

const HANDLING = new Uint8Array(256);
/** What ends an answer, or begins a COPY that takes data. */
for (const letter of ["1", "2", "3", "C", "I", "n", "s", "G", "W"]) HANDLING[typeCode(letter)] = COUNT;
/** RowDescription; CopyOutResponse, CopyDone, NoticeResponse; DataRow, CopyData. */
HANDLING[typeCode("T")] = WATCH_AND_COUNT;
for (const letter of ["H", "c", "N"]) HANDLING[typeCode(letter)] = WATCH;
for (const letter of ["D", "d"]) HANDLING[typeCode(letter)] = ROW;
/** ErrorResponse, ParameterStatus, ReadyForQuery, ParameterDescription, NotificationResponse. */
for (const letter of ["E", "S", "Z", "t", "A"]) HANDLING[typeCode(letter)] = READ;

const ERROR_RESPONSE = typeCode("E");
const PARAMETER_DESCRIPTION = typeCode("t");
/** What a server says at any time, whoever has asked: NoticeResponse, NotificationResponse, ParameterStatus. */
const ANY_TIME: ReadonlySet<number> = new Set(["N", "A", "S"].map(typeCode));
/** Bytes. Settings and states are short, and so are the errors that are looked into. */
const READ_LIMIT = 64 * 1024;

const NOTHING = Buffer.alloc(0);

/**
 * Goes through the server's bytes and lets them pass where they lie. Rows that nothing rewrites are never copied or
 * decoded: only a header is looked at. Of the messages that are read, none may be larger than `limit`.
 */
export class BackendScanner {
  readonly #observer: BackendObserver;
  readonly #limit: number;
  readonly #watchedLimit: number;
  /** Bytes of the current message that are still to pass. */
  #passing = 0;
  /** The beginning of a message whose header, or whose whole, is not there yet; and how many bytes it needs to go on. */
  readonly #held = new ChunkQueue();
  #needed = 0;
  #before: readonly Buffer[] = [];
  /** What has rewritten rows that are still to go out. */
  #rewriter: Rewriter | undefined;

  /** @param watchedLimit of messages that are rewritten, and of those that are watched for */
  constructor(observer: BackendObserver, limit: number = READ_LIMIT, watchedLimit = limit) {
    this.#observer = observer;
    this.#limit = limit;
    this.#watchedLimit = watchedLimit;
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
    const out: Buffer[] = [];
    const held = this.#held;
    let bytes = chunk;
    // What is needed is put behind what was held back, and no more: the rest of the chunk is not copied for it.
    while (held.length > 0) {
      const missing = this.#needed - held.length;
      held.push(bytes.subarray(0, missing));
      bytes = bytes.subarray(missing);
      if (held.length < this.#needed) break;
      this.#go(held.takeAll(), out);
    }
    if (bytes.length > 0) this.#go(bytes, out);
    this.#takeRewritten(out);
    return out;
  }

  /** All rows of a chunk in one piece: each piece is a write, and over TLS a record. */
  #takeRewritten(out: Buffer[]): void {
    const rewritten = this.#rewriter?.take();
    this.#rewriter = undefined;
    if (rewritten !== undefined && rewritten.length > 0) out.push(rewritten);
  }

  #pass(piece: Buffer, out: Buffer[]): void {
    this.#takeRewritten(out);
    if (piece.length > 0) out.push(piece);
  }

  /** Goes through bytes that begin where a message does, or inside of one that passes. */
  #go(bytes: Buffer, out: Buffer[]): void {
    const observer = this.#observer;
    this.#needed = HEADER;
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
        const own = observer.owns(type) && !ANY_TIME.has(type);
        if (handling === ROW && !own) {
          const { rewriter } = observer;
          if (rewriter === undefined) {
            this.#passing = size;
            continue;
          }
          if (size > this.#watchedLimit) throw tooLargeToMask(size);
          if (left < size) {
            this.#needed = size;
            break;
          }
          if (at > from || this.#rewriter !== rewriter) this.#pass(bytes.subarray(from, at), out);
          from = at;
          this.#rewriter = rewriter;
          const end = rewriter.rewrite(bytes, at);
          if (end === at) throw outOfPlace();
          from = at = end;
          continue;
        }
        const watched = handling !== PASS && handling !== COUNT && observer.watches;
        if (handling !== READ && !own && !watched) {
          if (handling === COUNT || handling === WATCH_AND_COUNT) observer.passed(type);
          this.#passing = size;
          continue;
        }
        if (size > (watched ? this.#watchedLimit : this.#limit)) {
          if (own || watched || (type !== ERROR_RESPONSE && type !== PARAMETER_DESCRIPTION)) throw tooLarge();
          // An error quotes what it is about, and that may be megabytes. What the gateway provokes is short.
          if (type === ERROR_RESPONSE) observer.tooLarge();
          this.#passing = size;
          continue;
        }
        if (left < size) {
          this.#needed = size;
          break;
        }
        const message = bytes.subarray(at, at + size);
        const replacement = own ? NOTHING : observer.read(type, message);
        if (own) observer.readOwn(type, message);
        if (replacement !== undefined) {
          if (at > from) this.#pass(bytes.subarray(from, at), out);
          if (replacement.length > 0) this.#pass(replacement, out);
          from = at + size;
        }
        at += size;
      }
    } catch (error) {
      this.#pass(bytes.subarray(from, at), out);
      this.#before = out;
      throw error;
    }
    if (at > from) this.#pass(from === 0 && at === bytes.length ? bytes : bytes.subarray(from, at), out);
    if (at < bytes.length) this.#held.push(bytes.subarray(at));
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

function tooLargeToMask(size: number): GatehouseError {
  return new GatehouseError(
    "PROTOCOL_VIOLATION",
    `A row of ${size} bytes is larger than the gateway masks.`,
    { hint: "Leave out the long column, or raise limits.message in the gateway's config." },
  );
}

/** Rows where data of a COPY are due, or the other way round. */
function outOfPlace(): GatehouseError {
  return new GatehouseError(
    "PROTOCOL_VIOLATION",
    "The target sent values where it had said that others come.",
  );
}

function tooLarge(): GatehouseError {
  return new GatehouseError(
    "PROTOCOL_VIOLATION",
    "The target sent a message larger than the gateway's limit.",
  );
}
