import type { Transform } from "node:stream";
import {
  constants,
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createInflateRaw,
  createZstdDecompress,
  type Zlib,
} from "node:zlib";
import { Malformed } from "../codec/malformed.ts";
import type { Sink } from "./sink.ts";

/** What can be opened, as a request asks for it. */
export const OPENED_CODINGS = "gzip, br, zstd";

/** One inside the other: nobody needs more. */
const MOST_CODINGS = 2;
/** So many bytes may come of any few; what is more is a bomb where it is also more than so many times what was sent. */
const FREE = 1024 * 1024;
const MOST_GROWTH = 200;
/** Of zstd: 8 MiB, which is what a sender may count on (RFC 9659). More is memory for the asking. */
const WINDOW_LOG = 23;

/** What opens one coding. */
type Opening = Transform & Zlib;
/** @param first the body's first byte */
type Open = (first: number) => Opening;

const gzip: Open = () => createGunzip();
const codings: ReadonlyMap<string, Open> = new Map<string, Open>([
  ["gzip", gzip],
  ["x-gzip", gzip],
  // Some servers leave out the wrapper that makes it `deflate` (RFC 9110, section 8.4.1.2): with it, the first byte says method 8.
  ["deflate", (first) => ((first & 0x0f) === 8 ? createInflate() : createInflateRaw())],
  ["br", () => createBrotliDecompress()],
  ["zstd", () => createZstdDecompress({ params: { [constants.ZSTD_d_windowLogMax]: WINDOW_LOG } })],
]);

/** Whether `opened` takes them. @param applied as Content-Encoding lists them, in small letters */
export function canOpen(applied: readonly string[]): boolean {
  const real = withoutIdentity(applied);
  return real.length <= MOST_CODINGS && real.every((coding) => codings.has(coding));
}

/**
 * Opens the codings of a body (RFC 9110, section 8.4). One that is not whole, has something behind its end, or becomes much more than was sent is
 * `Malformed`.
 * @param applied in the order in which they were applied, in small letters
 * @param next takes what was in them
 * @throws Malformed where one is not known, or they are too many
 */
export function opened(applied: readonly string[], next: Sink): Sink {
  if (!canOpen(applied)) throw new Malformed("a content coding that can't be opened");
  const growth = new Growth();
  const real = withoutIdentity(applied);
  // What was applied last is opened first.
  return real.reduce<Sink>((sink, coding, number) => {
    const open = codings.get(coding);
    if (open === undefined) throw new TypeError("a coding that was known");
    return new Opener(open, { growth, isFirst: number === real.length - 1 }, sink);
  }, next);
}

/** It is no coding, and should not stand there; some say it all the same. */
function withoutIdentity(applied: readonly string[]): readonly string[] {
  return applied.filter((coding) => coding !== "identity");
}

/** What became of what was sent, over all codings: two bombs in each other are one. */
class Growth {
  #sent = 0;

  sent(bytes: number): void {
    this.#sent += bytes;
  }

  allows(bytes: number): boolean {
    return bytes <= FREE || bytes <= this.#sent * MOST_GROWTH;
  }
}

class Opener implements Sink {
  readonly #open: Open;
  readonly #growth: Growth;
  /** What it takes is what was sent. */
  readonly #isFirst: boolean;
  readonly #next: Sink;
  /** Made when the first byte is there: a body without one is none in any coding. */
  #stream: Opening | undefined;
  #taken = 0;
  #isEnding = false;
  #made = 0;
  /** Whoever waits for room, or for the end. */
  #waiting: PromiseWithResolvers<void> | undefined;
  #failed: { readonly error: unknown } | undefined;

  constructor(
    open: Open,
    { growth, isFirst }: { readonly growth: Growth; readonly isFirst: boolean },
    next: Sink,
  ) {
    this.#open = open;
    this.#growth = growth;
    this.#isFirst = isFirst;
    this.#next = next;
  }

  write(content: readonly Buffer[]): Promise<void> | undefined {
    this.#check();
    let room = true;
    for (const piece of content) {
      const [first] = piece;
      if (first === undefined) continue;
      if (this.#isFirst) this.#growth.sent(piece.length);
      this.#stream ??= this.#begun(first);
      this.#taken += piece.length;
      room = this.#stream.write(piece);
    }
    return room ? undefined : this.#wait();
  }

  async end(): Promise<void> {
    this.#check();
    if (this.#stream) {
      this.#isEnding = true;
      const ended = this.#wait();
      this.#stream.end();
      await ended;
    }
    await this.#next.end();
  }

  abort(): void {
    this.#fail(new Malformed("it was broken off"));
    this.#next.abort();
  }

  #begun(first: number): Opening {
    const stream = this.#open(first);
    stream.on("data", (piece: Buffer) => this.#take(stream, piece));
    stream.on("drain", () => this.#go());
    stream.on("end", () => this.#ended(stream));
    stream.on("error", () => this.#fail(new Malformed("a content coding that is not what it says")));
    return stream;
  }

  /** It ends by itself where something stands behind its end, and takes no more. */
  #ended({ bytesWritten }: Opening): void {
    if (this.#isEnding && bytesWritten === this.#taken) this.#go();
    else this.#fail(new Malformed("a content coding with something behind its end"));
  }

  #take(stream: Transform, piece: Buffer): void {
    if (this.#failed) return;
    this.#made += piece.length;
    if (!this.#growth.allows(this.#made)) {
      this.#fail(new Malformed("a body that becomes far more than was sent"));
      return;
    }
    try {
      const room = this.#next.write([piece]);
      if (room === undefined) return;
      stream.pause();
      room.then(
        () => stream.resume(),
        (error: unknown) => this.#fail(error),
      );
    } catch (error) {
      this.#fail(error);
    }
  }

  #wait(): Promise<void> {
    this.#waiting = Promise.withResolvers<void>();
    return this.#waiting.promise;
  }

  #go(): void {
    this.#waiting?.resolve();
    this.#waiting = undefined;
  }

  /** Whoever waits is told, or who comes next. */
  #fail(error: unknown): void {
    this.#failed ??= { error };
    this.#stream?.destroy();
    this.#waiting?.reject(this.#failed.error);
    this.#waiting = undefined;
  }

  #check(): void {
    if (this.#failed) throw this.#failed.error;
  }
}
