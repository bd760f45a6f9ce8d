/** Ends what was begun; once. */
export type Release = () => void;

/**
 * Keeps a client from moving names under the gateway's looks: while a request of its own that makes, moves or takes away
 * names is at the target, nobody looks where a path leads and acts on it.
 */
export class Names {
  #generation = 0;
  #looking = 0;
  #changing = false;
  #queue: { readonly changes: boolean; readonly start: (release: Release) => void }[] = [];

  /** Of a look that begins now: undefined while names change, as what is seen may be of before or after. */
  get generation(): number | undefined {
    return this.#changing ? undefined : this.#generation;
  }

  /**
   * Begins a change at once, where nothing has changed since the look, and nobody else is looking.
   * @returns undefined where it has to be looked again
   */
  changeNow(seen: number | undefined): Release | undefined {
    if (!this.unchanged(seen) || this.#looking > 0 || this.#queue.length > 0) return undefined;
    return this.#begin(true);
  }

  /** Whether what was seen then still holds. */
  unchanged(seen: number | undefined): boolean {
    return seen !== undefined && seen === this.generation;
  }

  /** Waits until nobody changes names, or, for one who will, until nobody looks either; first come, first served. */
  turn(changes: boolean): Promise<Release> {
    return new Promise((resolve) => {
      this.#queue.push({ changes, start: resolve });
      this.#next();
    });
  }

  #next(): void {
    for (;;) {
      const [first] = this.#queue;
      if (!first || this.#changing || (first.changes && this.#looking > 0)) return;
      this.#queue.shift();
      first.start(this.#begin(first.changes));
    }
  }

  #begin(changes: boolean): Release {
    if (changes) {
      this.#changing = true;
      this.#generation++;
    } else {
      this.#looking++;
    }
    let over = false;
    return () => {
      if (over) return;
      over = true;
      if (changes) this.#changing = false;
      else this.#looking--;
      this.#next();
    };
  }
}
