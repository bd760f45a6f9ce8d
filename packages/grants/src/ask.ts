import {
  type Command,
  type Held,
  type Hold,
  type Identity,
  identityKey,
  type Session,
} from "@gatehouse/core";
import type { Place } from "./access-command.ts";
import { sameTerms } from "./current.ts";
import type { Entry } from "./entrance.ts";

type Refused = Extract<Entry, { ok: false }>;

interface AskParts {
  /** Whose it was at first: a session that may come to be, or none. */
  readonly session: Session;
  readonly command: Command;
  readonly held: Held;
  readonly holds: readonly [Hold, ...Hold[]];
  /** Milliseconds. */
  readonly lasts: number;
  readonly settle: (ask: Ask) => Promise<Refused | undefined>;
}

/** An access that was asked for, once, and the log-ins that wait for it. */
export class Ask {
  readonly session: Session;
  readonly command: Command;
  readonly held: Held;
  readonly lasts: number;
  /** Resolves with why there is no grant; undefined where there is one. Never rejects. */
  readonly settled: Promise<Refused | undefined>;
  /** It was asked for beforehand too: it stands when all log-ins that waited have gone. */
  beforehand = false;
  readonly #holds: readonly [Hold, ...Hold[]];
  #waiting = 0;

  constructor({ session, command, held, holds, lasts, settle }: AskParts) {
    this.session = session;
    this.command = command;
    this.held = held;
    this.lasts = lasts;
    this.#holds = holds;
    this.settled = held.ended.then(() => settle(this));
  }

  /** Whether it is for the same identity at the same level, on these terms. */
  isFor({ identity, target, level }: Place, holds: readonly [Hold, ...Hold[]]): boolean {
    const own = this.session;
    return (
      own.target.name === target.name &&
      own.level.name === level.name &&
      identityKey(own.identity) === identityKey(identity) &&
      sameTerms(this.#holds, holds)
    );
  }

  /** How many log-ins of an identity wait for it. */
  waitingOf(identity: Identity): number {
    return identityKey(this.session.identity) === identityKey(identity) ? this.#waiting : 0;
  }

  /** Waits for its end, or until the client has gone; the last one that goes takes it along. @returns as `settled` */
  async wait(gone: AbortSignal | undefined): Promise<Refused | undefined | "gone"> {
    this.#waiting++;
    const left = Promise.withResolvers<"gone">();
    const leave = () => left.resolve("gone");
    gone?.addEventListener("abort", leave, { once: true });
    if (gone?.aborted === true) leave();
    try {
      return await Promise.race([this.settled, left.promise]);
    } finally {
      gone?.removeEventListener("abort", leave);
      this.#waiting--;
      // Where it has come to its end, this does nothing.
      if (this.#waiting === 0 && !this.beforehand) this.held.gone("client_gone");
    }
  }
}
