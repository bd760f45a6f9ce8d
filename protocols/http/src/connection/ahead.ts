/** Bytes of bodies that the requests of one connection may have read ahead together. */
const MOST = 8 * 1024 * 1024;

interface Waiting {
  readonly bytes: number;
  readonly taken: () => void;
}

/**
 * Room for bodies that are read before they are decided on: a connection of HTTP/2 has a hundred requests at once, whose bodies would be a hundred MB. Who
 * finds no room waits its turn. Each takes all that it may need at once, so that no two wait for each other.
 */
export class Ahead {
  readonly #waiting: Waiting[] = [];
  #left: number;

  constructor(most = MOST) {
    this.#left = most;
  }

  /**
   * Takes room.
   * @param bytes no more than there is in all
   * @param gone aborts when nobody needs it any more: it is given then at once, for nothing is read into it
   * @returns gives it back, but for what is still needed
   */
  async take(bytes: number, gone: AbortSignal): Promise<(needed?: number) => void> {
    if (bytes > this.#left || this.#waiting.length > 0) {
      const isGone = await this.#turn(bytes, gone);
      if (isGone) return () => undefined;
    } else {
      this.#left -= bytes;
    }
    let taken = bytes;
    return (needed = 0) => {
      if (needed >= taken) return;
      this.#left += taken - needed;
      taken = needed;
      this.#next();
    };
  }

  /** @returns whether it is not needed any more */
  #turn(bytes: number, gone: AbortSignal): Promise<boolean> {
    return new Promise((resolve) => {
      const left = () => {
        this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
        resolve(true);
        this.#next();
      };
      const waiting = {
        bytes,
        taken: () => {
          gone.removeEventListener("abort", left);
          resolve(false);
        },
      };
      this.#waiting.push(waiting);
      if (gone.aborted) left();
      else gone.addEventListener("abort", left, { once: true });
    });
  }

  #next(): void {
    for (let first = this.#waiting[0]; first && first.bytes <= this.#left; first = this.#waiting[0]) {
      this.#waiting.shift();
      this.#left -= first.bytes;
      first.taken();
    }
  }
}
