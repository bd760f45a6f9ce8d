import { isUnder } from "./places.ts";

/** What a request is about, as far as others have to keep their order with it. */
export interface Subject {
  readonly paths: readonly string[];
  readonly writes: boolean;
  /** It makes, moves or takes away names: what lies below one is another file then. */
  readonly structural: boolean;
}

interface Entry {
  subject: Subject;
  readonly start: () => void;
  readonly behind: Set<Entry>;
}

export interface Turn {
  /** It is about other paths than it seemed: who comes later goes by these as well. */
  widen(paths: readonly string[]): void;
  /** It was sent, or never will be. */
  leave(): void;
}

/**
 * Keeps what a client may rely on: effects on one file are as if its requests were done in their order
 * (draft-ietf-secsh-filexfer-02 section 6.1), while those that wait for people hold up no others.
 */
export class Order {
  readonly #entries = new Set<Entry>();

  get size(): number {
    return this.#entries.size;
  }

  /** Whether something has to be done before. */
  holds(subject: Subject): boolean {
    if (this.#entries.size === 0) return false;
    for (const entry of this.#entries) if (conflict(entry.subject, subject)) return true;
    return false;
  }

  /** @param start is called when nothing has to be done before: at once, or when the last of those has left */
  enter(subject: Subject, start: (turn: Turn) => void): void {
    const behind = new Set<Entry>();
    for (const entry of this.#entries) if (conflict(entry.subject, subject)) behind.add(entry);
    const turn: Turn = {
      widen: (paths) => {
        entry.subject = { ...entry.subject, paths: [...new Set([...entry.subject.paths, ...paths])] };
      },
      leave: () => this.#leave(entry),
    };
    const entry: Entry = { subject, behind, start: () => start(turn) };
    this.#entries.add(entry);
    if (behind.size === 0) entry.start();
  }

  #leave(gone: Entry): void {
    if (!this.#entries.delete(gone)) return;
    const free = [...this.#entries].filter((entry) => entry.behind.delete(gone) && entry.behind.size === 0);
    for (const entry of free) entry.start();
  }
}

function conflict(a: Subject, b: Subject): boolean {
  if (!a.writes && !b.writes) return false;
  return a.paths.some((one) =>
    b.paths.some(
      (other) =>
        one === other || (a.structural && isUnder(other, one)) || (b.structural && isUnder(one, other)),
    ),
  );
}
