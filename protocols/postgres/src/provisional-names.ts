import { Pending } from "./pending.ts";

/** A name given or taken back by a message that the server may still refuse. */
export interface ProvisionalEntry<T> {
  readonly name: string;
  /** undefined where the message takes the name back. */
  readonly value: T | undefined;
  readonly segment: number;
  readonly size: number;
  state: "pending" | "settled" | "dead";
  previous: ProvisionalEntry<T> | undefined;
  /** Whoever waits for that. */
  waiting: (() => void)[] | undefined;
}

/**
 * What each name means at the server, followed ahead of its answers. Clients pipeline: a Bind is sent before
 * the Parse that it rests on is known to have worked. Inside one segment (up to a Sync) that is safe, since
 * the server skips the rest after a failure. Across segments the older message's outcome must be known
 * first; otherwise a decision could be made on a text that the server does not have under that name.
 */
export class ProvisionalNames<T> {
  readonly #entries = new Map<string, ProvisionalEntry<T>>();
  /** Of the unnamed one: given and gone with each statement, it would have the map made anew each time. */
  #unnamed: ProvisionalEntry<T> | undefined;
  #size = 0;

  /** Bytes that are kept for the names' values, by the sizes they were given with. */
  get size(): number {
    return this.#size;
  }

  get count(): number {
    return this.#entries.size + (this.#unnamed === undefined ? 0 : 1);
  }

  /** Gives a name a value, or takes it back (undefined). The caller settles the entry when the server has answered. */
  assign(name: string, value: T | undefined, segment: number, size = 0): ProvisionalEntry<T> {
    const previous = this.#newest(name);
    const entry: ProvisionalEntry<T> = {
      name,
      value,
      segment,
      size,
      state: "pending",
      previous,
      waiting: undefined,
    };
    this.#becomes(name, entry);
    this.#size += size;
    return entry;
  }

  /** What the name means for a message of this segment; undefined when it means nothing. */
  lookUp(name: string, segment: number): T | Pending | undefined {
    const entry = this.#newest(name);
    if (entry?.state !== "pending" || entry.segment === segment) return entry?.value;
    entry.waiting ??= [];
    const { waiting } = entry;
    return new Pending(new Promise<void>((resolve) => waiting.push(resolve)));
  }

  /** As assign. @returns settles it */
  give(name: string, value: T | undefined, segment: number, size: number): (done: boolean) => void {
    const entry = this.assign(name, value, segment, size);
    return (done) => this.settle(entry, done);
  }

  /**
   * Takes one name back. One that means nothing costs nothing; one whose fate is open in an older segment is waited
   * for, so that undoing never crosses segments.
   * @returns settles it
   */
  takeBack(name: string, segment: number): ((done: boolean) => void) | Pending | undefined {
    const known = this.lookUp(name, segment);
    if (known === undefined) return undefined;
    if (known instanceof Pending) return known;
    return this.give(name, undefined, segment, 0);
  }

  /** When an older segment has settled the name; undefined where none has it open. The unnamed one is nobody's. */
  open(name: string, segment: number): Promise<unknown> | undefined {
    const known = name === "" ? undefined : this.lookUp(name, segment);
    return known instanceof Pending ? known.known : undefined;
  }

  /** Takes every name back that means something now. The caller settles the entries. */
  assignNothing(segment: number): ProvisionalEntry<T>[] {
    return [this.#unnamed, ...this.#entries.values()]
      .filter((entry) => entry !== undefined)
      .filter(({ value }) => value !== undefined)
      .map(({ name }) => this.assign(name, undefined, segment));
  }

  /** The server has done what the entry's message asked, or has not. */
  settle(entry: ProvisionalEntry<T>, done: boolean): void {
    if (entry.state !== "pending") return;
    entry.state = done ? "settled" : "dead";
    const current = this.#newest(entry.name) === entry;
    if (done) {
      this.#release(entry.previous);
      entry.previous = undefined;
      if (current && entry.value === undefined) this.#becomes(entry.name, undefined);
    } else {
      this.#size -= entry.size;
      if (current) this.#restore(entry);
    }
    const { waiting } = entry;
    entry.waiting = undefined;
    for (const resume of waiting ?? []) resume();
  }

  /** Forgets every settled name whose value is not to be kept: what the end of a transaction does to portals. */
  forgetSettled(kept: (value: T) => boolean): void {
    const forget = (entry: ProvisionalEntry<T>) => {
      const { name, state, value, size } = entry;
      if (state !== "settled" || (value !== undefined && kept(value))) return;
      this.#becomes(name, undefined);
      this.#size -= size;
    };
    if (this.#unnamed) forget(this.#unnamed);
    for (const entry of this.#entries.values()) forget(entry);
  }

  #newest(name: string): ProvisionalEntry<T> | undefined {
    return name === "" ? this.#unnamed : this.#entries.get(name);
  }

  #becomes(name: string, entry: ProvisionalEntry<T> | undefined): void {
    if (name === "") this.#unnamed = entry;
    else if (entry) this.#entries.set(name, entry);
    else this.#entries.delete(name);
  }

  #restore(entry: ProvisionalEntry<T>): void {
    let older = entry.previous;
    while (older?.state === "dead") older = older.previous;
    const gone = older?.state === "settled" && older.value === undefined;
    this.#becomes(entry.name, gone ? undefined : older);
  }

  /** Takes an older value, and those before it, out of the account. */
  #release(entry: ProvisionalEntry<T> | undefined): void {
    for (let older = entry; older !== undefined; older = older.previous) {
      if (older.state !== "dead") this.#size -= older.size;
      if (older.state === "pending") older.state = "dead";
    }
  }
}
