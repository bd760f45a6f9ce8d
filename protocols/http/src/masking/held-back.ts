import type { MaskingStream } from "@gatehouse/core";
import { Malformed } from "../codec/malformed.ts";
import type { Sink } from "./sink.ts";

/** Milliseconds for which a text is kept back, since what follows could make it something that is to be hidden. */
const DELAY = 200;

/** A text on its way through a step that keeps some of it back: for so long, and no longer. */
export class HeldBack implements Sink {
  readonly #text: MaskingStream;
  readonly #next: Sink;
  /** Runs while something is kept back. */
  #timer: NodeJS.Timeout | undefined;
  /** What the timer has let out is on its way. */
  #room: Promise<void> | undefined;
  #failed: { readonly error: unknown } | undefined;

  constructor(text: MaskingStream, next: Sink) {
    this.#text = text;
    this.#next = next;
  }

  write(content: readonly Buffer[]): Promise<void> | undefined {
    this.#check();
    return this.#room ? this.#room.then(() => this.#take(content)) : this.#take(content);
  }

  end(): Promise<void> | undefined {
    this.#check();
    this.#stopTimer();
    return this.#room ? this.#room.then(() => this.#end()) : this.#end();
  }

  abort(): void {
    this.#failed ??= { error: new Malformed("it was broken off") };
    this.#stopTimer();
    this.#next.abort();
  }

  #take(content: readonly Buffer[]): Promise<void> | undefined {
    this.#check();
    const out: Buffer[] = [];
    for (const piece of content) out.push(...this.#text.write(piece));
    // After a step forward the time begins anew: what is kept back is the end of what came just now.
    if (out.length > 0) this.#stopTimer();
    if (this.#text.pending) this.#timer ??= this.#flushLater();
    return out.length === 0 ? undefined : this.#next.write(out);
  }

  #end(): Promise<void> | undefined {
    this.#check();
    const rest = this.#text.flush();
    const room = rest.length === 0 ? undefined : this.#next.write(rest);
    return room ? room.then(() => this.#next.end()) : this.#next.end();
  }

  #flushLater(): NodeJS.Timeout {
    const timer = setTimeout(() => {
      // What has come meanwhile is read first: a gateway that is busy must not show half of what is all there.
      setImmediate(() => {
        if (this.#timer === timer) this.#flush();
      });
    }, DELAY);
    return timer;
  }

  #flush(): void {
    this.#stopTimer();
    const rest = this.#text.flush();
    if (rest.length === 0) return;
    try {
      const room = this.#next.write(rest);
      if (room === undefined) return;
      // Nobody may wait for it: whoever comes next is told.
      this.#room = room.then(
        () => {
          this.#room = undefined;
        },
        (error: unknown) => {
          this.#room = undefined;
          this.#failed ??= { error };
        },
      );
    } catch (error) {
      this.#failed ??= { error };
    }
  }

  #stopTimer(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #check(): void {
    if (this.#failed) throw this.#failed.error;
  }
}
