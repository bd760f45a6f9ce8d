import type { Part } from "./frames.ts";

/** Bytes that wait, at most, but for the last part that came. */
const ROOM = 1024 * 1024;
/** What a part counts beside its bytes: of empty messages there must not be any number. */
const EACH = 1024;

type Waiting = Exclude<Part, { kind: "ping" | "pong" }>;

/** What has come from a client and waits for its turn: a message may wait for a person, and those behind it wait with it. */
export class Inbox {
  readonly #parts: Waiting[] = [];
  #size = 0;
  #isEnded = false;
  #taker: ((part: Waiting | undefined) => void) | undefined;
  #room: (() => void) | undefined;

  /** Whether there is no room for more: nothing is read then, and it is not seen who leaves. */
  get isFull(): boolean {
    return this.#size >= ROOM;
  }

  /**
   * Puts a part at the end; once it is ended, to nowhere.
   * @returns undefined where there is room for more at once; else resolves when there is
   */
  put(part: Waiting): Promise<void> | undefined {
    if (this.#isEnded) return undefined;
    if (this.#taker) {
      this.#hand(part);
      return undefined;
    }
    this.#parts.push(part);
    this.#size += sizeOf(part);
    if (!this.isFull) return undefined;
    return new Promise((resolve) => {
      this.#room = resolve;
    });
  }

  /** The next one; undefined once it is ended. One call at a time. */
  next(): Promise<Waiting | undefined> {
    const part = this.#parts.shift();
    if (part === undefined && !this.#isEnded) {
      return new Promise((resolve) => {
        this.#taker = resolve;
      });
    }
    if (part) this.#size -= sizeOf(part);
    if (!this.isFull) this.#makeRoom();
    return Promise.resolve(part);
  }

  /** What waits is nobody's any more. */
  end(): void {
    this.#isEnded = true;
    this.#parts.length = 0;
    this.#size = 0;
    this.#makeRoom();
    this.#hand(undefined);
  }

  #hand(part: Waiting | undefined): void {
    const taker = this.#taker;
    this.#taker = undefined;
    taker?.(part);
  }

  #makeRoom(): void {
    const room = this.#room;
    this.#room = undefined;
    room?.();
  }
}

function sizeOf(part: Waiting): number {
  if (part.kind === "close") return EACH;
  return EACH + (part.kind === "text" ? part.bytes.length : part.content.length);
}
