import type { MaskingStream } from "@gatehouse/core";
import { Malformed } from "../codec/malformed.ts";
import type { Sink } from "./sink.ts";

/** Milliseconds for which a text is kept back, since what follows could make it something that is to be hidden. */
const DELAY = 200;

/**
 * A text on its way through a step that keeps some of it back: for so long, and no longer. While the client takes nothing, nothing is taken from the target:
 * what follows may be there, and time does not count. Else a client could choose by its pauses where a value is cut in two.
 */
export class HeldBack implements Sink {
  readonly #text: MaskingStream;
  readonly #next: Sink;
  /** Runs while something is kept back. */
  #timer: NodeJS.Timeout | undefined;
  /** Pending while the next step has no room. */
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
    const room = out.length === 0 ? undefined : this.#send(out);
    this.#flushLater();
    return room;
  }

  #end(): Promise<void> | undefined {
    this.#check();
    this.#stopTimer();
    const rest = this.#text.flush();
    const room = rest.length === 0 ? undefined : this.#next.write(rest);
    return room ? room.then(() => this.#next.end()) : this.#next.end();
  }

  #send(out: readonly Buffer[]): Promise<void> | undefined {
    const room = this.#next.write(out);
    this.#room = room;
    room?.then(
      () => {
        if (this.#room !== room) return;
        this.#room = undefined;
        this.#flushLater();
      },
      // Nobody may wait for it: whoever comes next is told.
      (error: unknown) => {
        if (this.#room === room) this.#room = undefined;
        this.#failed ??= { error };
        this.#stopTimer();
      },
    );
    return room;
  }

  #flushLater(): void {
    if (this.#timer || this.#room || this.#failed || !this.#text.pending) return;
    const timer = setTimeout(() => {
      // What has come meanwhile is read first: a gateway that is busy must not show half of what is all there.
      setImmediate(() => {
        if (this.#timer === timer) this.#flush();
      });
    }, DELAY);
    this.#timer = timer;
  }

  #flush(): void {
    this.#stopTimer();
    const rest = this.#text.flush();
    if (rest.length === 0) return;
    try {
      void this.#send(rest);
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
