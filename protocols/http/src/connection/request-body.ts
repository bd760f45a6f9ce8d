import { ChunkQueue } from "@gatehouse/wire";
import { Fields } from "../codec/fields.ts";
import type { TakeContent } from "./message-reader.ts";

/** Bytes of a body that rules can look at, and that a request may have which waits for people. */
export const AHEAD = 1024 * 1024;

const NOTHING_READ = Promise.resolve(new Fields([]));

/**
 * A request's body on its way: so much of it is read ahead as somebody has to look at before it may go on, and the rest is read as it is
 * taken.
 */
export class RequestBody {
  readonly #limit: number;
  readonly #ahead = new ChunkQueue();
  #take: TakeContent | undefined;
  /** Somebody takes from now on. */
  #taken: PromiseWithResolvers<void> | undefined;
  /** So much is there as is read ahead. */
  #enough: PromiseWithResolvers<void> | undefined;
  #done: Promise<Fields> | undefined;
  #isWhole = false;
  #length = 0;
  #count: ((bytes: number) => void) | undefined;

  /** @param limit bytes that are read ahead, at most */
  constructor(limit = AHEAD) {
    this.#limit = limit;
  }

  /** There is none. */
  none(): void {
    this.#isWhole = true;
    this.#done = NOTHING_READ;
  }

  /** Begins to read it. @param read hands on its content, and gives its trailers; it rejects with Malformed */
  start(read: (take: TakeContent) => Promise<Fields>): void {
    const enough = Promise.withResolvers<void>();
    // Of a body that nobody looks at, nobody waits for this.
    enough.promise.catch(() => undefined);
    this.#enough = enough;
    this.#taken = Promise.withResolvers();
    this.#done = read((content) => {
      const bytes = content.reduce((sum, { length }) => sum + length, 0);
      this.#length += bytes;
      this.#count?.(bytes);
      return this.#come(content);
    });
    this.#done.then(
      () => {
        this.#isWhole = true;
        enough.resolve();
      },
      (error: unknown) => enough.reject(error),
    );
  }

  /** Tells of all that is read of it: at once of what was read before. */
  count(told: (bytes: number) => void): void {
    this.#count = told;
    if (this.#length > 0) told(this.#length);
  }

  /** Whether all of it has been read. */
  get isWhole(): boolean {
    return this.#isWhole;
  }

  /**
   * All of it, where it is no larger than what is read ahead; undefined where it is.
   * @throws Malformed
   */
  async whole(): Promise<Buffer | undefined> {
    await this.#enough?.promise;
    if (!this.#isWhole) return undefined;
    return this.#ahead.peek(this.#ahead.length);
  }

  /**
   * Hands it on: what is there, and then what comes.
   * @returns the trailers
   * @throws Malformed; what `take` rejects with
   */
  async sendTo(take: TakeContent): Promise<Fields> {
    // While the first of it is taken, more may come: it goes in order, before what comes next is handed on by itself.
    for (let ahead = this.#ahead.takeAll(); ahead.length > 0; ahead = this.#ahead.takeAll())
      await take([ahead]);
    this.#take = take;
    this.#taken?.resolve();
    return (await this.#done) ?? Promise.reject(new TypeError("A body is sent before it is read."));
  }

  #come(content: readonly Buffer[]): Promise<void> | undefined {
    if (this.#take) return this.#take(content);
    for (const piece of content) this.#ahead.push(piece);
    if (this.#ahead.length < this.#limit) return undefined;
    this.#enough?.resolve();
    // What came too far waits with the rest, and is handed on before it.
    return this.#taken?.promise;
  }
}

/** One that is there: what stands in the place of a client's. */
export function wholeBody(bytes: Buffer): Pick<RequestBody, "isWhole" | "sendTo"> {
  return {
    isWhole: true,
    async sendTo(take) {
      if (bytes.length > 0) await take([bytes]);
      return new Fields([]);
    },
  };
}
