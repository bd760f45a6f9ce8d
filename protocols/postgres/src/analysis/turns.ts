/** What waits, by who asked for it: one of each asker's after the other's, so that who asks for much waits for itself. */
export class Turns<T extends { readonly asker: string }> {
  /** In the order of whose turn is next. Who has the turn now stays here, in place, until it is over. */
  readonly #waiting = new Map<string, T[]>();

  add(item: T): void {
    const own = this.#waiting.get(item.asker);
    if (own) own.push(item);
    else this.#waiting.set(item.asker, [item]);
  }

  /**
   * Takes what has waited longest of the asker whose turn it is; `over` has to be called for it.
   * @param takes whether an asker's turn is to be taken now; who is passed over keeps it
   */
  next(takes: (asker: string) => boolean): T | undefined {
    for (const [asker, own] of this.#waiting) {
      if (own.length > 0 && takes(asker)) return own.shift();
    }
    return undefined;
  }

  /** The asker's turn is over: its next one comes behind all who are waiting by now. */
  over(asker: string): void {
    const own = this.#waiting.get(asker);
    this.#waiting.delete(asker);
    if (own && own.length > 0) this.#waiting.set(asker, own);
  }

  /** Takes out what is of no use any more. Whose turn it is stays as it was. */
  remove(useless: (item: T) => boolean): T[] {
    const removed: T[] = [];
    for (const [asker, own] of this.#waiting) {
      removed.push(...own.filter(useless));
      const left = own.filter((item) => !useless(item));
      if (left.length > 0) this.#waiting.set(asker, left);
      else this.#waiting.delete(asker);
    }
    return removed;
  }
}
