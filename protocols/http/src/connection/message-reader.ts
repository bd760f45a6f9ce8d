import type { Duplex } from "node:stream";
import { ChunkQueue, Pull } from "@gatehouse/wire";
import { BodyReader } from "../codec/body-reader.ts";
import type { Fields } from "../codec/fields.ts";
import type { Framing } from "../codec/framing.ts";
import type { Head } from "../codec/head.ts";
import { HeadReader } from "../codec/head-reader.ts";
import { Malformed } from "../codec/malformed.ts";

/** Bytes of a head: what nginx takes by default, and more than any browser sends. */
const HEAD_LIMIT = 32 * 1024;

/** Bytes that are taken from the system while nothing is read, at the most. */
const MOST_AHEAD = 64 * 1024;

const NOTHING: Buffer = Buffer.alloc(0);

/** Takes a body's content as it comes; resolves when there is room for more. Rejects where the rest is for nobody. */
export type TakeContent = (content: readonly Buffer[]) => Promise<void> | undefined;

/** Bounds the waits for a peer's next bytes; those for room at the other side are not among them. */
export interface Stalled {
  /** It is waited for. */
  begin(): void;
  /** It is there. */
  end(): void;
}

/** Reads one side's messages from a connection, and nothing of the next before it is asked for. */
export class MessageReader {
  readonly #pull: Pull;
  readonly #heads = new HeadReader(HEAD_LIMIT);
  /** What has come and belongs to nothing yet. */
  #rest: Buffer = NOTHING;
  /** Somebody looks out for what comes next while nothing is read. */
  #early: Promise<Buffer | undefined> | undefined;
  /** What has come meanwhile. */
  readonly #ahead = new ChunkQueue();

  constructor(socket: Duplex) {
    this.#pull = new Pull(socket);
  }

  /**
   * The next message's head; undefined where the connection ends before it begins.
   * @param begun is called when its first byte is there, and not yet all of it
   * @throws Malformed, also where it ends in the middle
   */
  async head(begun?: () => void): Promise<Head | undefined> {
    for (;;) {
      const bytes = this.#rest.length > 0 ? this.#rest : await this.#next();
      this.#rest = NOTHING;
      if (bytes === undefined) {
        if (this.#heads.length === 0) return undefined;
        throw new Malformed("it ended in the middle of a head");
      }
      const isFirst = this.#heads.length === 0;
      const read = this.#heads.push(bytes);
      if (read) {
        this.#rest = read.rest;
        return read.head;
      }
      if (isFirst) begun?.();
    }
  }

  /**
   * Hands on a body's content.
   * @returns the trailers
   * @throws Malformed, also where the connection ends in the middle; what `take` rejects with
   */
  async body(framing: Framing, take: TakeContent, stalled?: Stalled): Promise<Fields> {
    const reader = new BodyReader(framing);
    while (!reader.ended) {
      let bytes: Buffer | undefined = this.#rest;
      if (bytes.length === 0) {
        stalled?.begin();
        bytes = await this.#next();
        stalled?.end();
      }
      this.#rest = NOTHING;
      if (bytes === undefined) {
        if (reader.endsWithConnection) break;
        throw new Malformed("it ended in the middle of a body");
      }
      const { content, rest } = reader.push(bytes);
      if (rest) this.#rest = rest;
      if (content.length > 0) await take(content);
    }
    return reader.trailers;
  }

  /**
   * Looks out for the connection's end while nothing is read: who waits for a person must be seen to leave. What comes meanwhile is kept, up to
   * `MOST_AHEAD`; behind that nothing is seen, so that whoever says more is taken for one that has left.
   */
  watch(gone: () => void): void {
    const early = this.#early ?? this.#pull.next();
    this.#early = early;
    void early.then((bytes) => {
      if (bytes === undefined) gone();
      if (this.#early !== early || bytes === undefined) return;
      this.#early = undefined;
      this.#ahead.push(bytes);
      if (this.#ahead.length < MOST_AHEAD) this.watch(gone);
      else gone();
    });
  }

  /** Reads no more, so that the socket can be left to whoever hangs up. */
  release(): void {
    this.#pull.release();
  }

  /** Leaves the socket to another reader. @returns what has been read of it too far */
  async handOver(): Promise<Buffer> {
    this.#pull.release();
    // Who looks out for the end would else read on.
    const early = this.#early;
    this.#early = undefined;
    const bytes = await Promise.race([early, Promise.resolve(NOTHING)]);
    return Buffer.concat([this.#rest, this.#ahead.takeAll(), bytes ?? NOTHING]);
  }

  /** Whether something is there that nobody has asked for: of a connection to a target that should be silent, the sign of a lie. */
  get hasMore(): boolean {
    return this.#rest.length > 0 || this.#ahead.length > 0;
  }

  #next(): Promise<Buffer | undefined> {
    if (this.#ahead.length > 0) return Promise.resolve(this.#ahead.takeAll());
    const early = this.#early ?? this.#pull.next();
    this.#early = undefined;
    return early;
  }
}
