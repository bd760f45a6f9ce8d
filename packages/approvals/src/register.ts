import { type Approval, type ApprovalState, identityKey, type Logger, messageOf } from "@gatehouse/core";
import type { Entry } from "./entry.ts";
import type { Journal } from "./journal.ts";
import type { ApprovalStore } from "./store.ts";

interface RegisterOptions {
  readonly store: ApprovalStore;
  readonly journal: Journal;
  readonly log: Logger;
}

/** Which approvals to list: those asked for before the one of that id alone. */
interface Query {
  readonly states?: readonly ApprovalState[];
  readonly before?: string;
  readonly limit: number;
}

/** All approvals: the live ones as they are in memory, which is the truth about them, the others as the store has them. */
export class Register {
  readonly #options: RegisterOptions;
  /** In the order in which they were asked for. */
  readonly #live = new Map<string, Entry>();
  /** Commands that a yes has let through since its approval was saved last. */
  readonly #reuses = new Map<string, number>();

  constructor(options: RegisterOptions) {
    this.#options = options;
  }

  add(entry: Entry): void {
    this.#live.set(entry.approval.id, entry);
  }

  /** It is at its end: from here on it is read from the store. */
  remove({ approval }: Entry): void {
    this.#live.delete(approval.id);
  }

  live(id: string): Entry | undefined {
    return this.#live.get(id);
  }

  get entries(): readonly Entry[] {
    return [...this.#live.values()];
  }

  /** How many are undecided or not let through yet: of everybody, and of one requester. */
  open(requester: Approval["requester"]): { readonly all: number; readonly own: number } {
    const open = this.entries.filter(({ phase }) => phase === "pending" || phase === "approved");
    const key = identityKey(requester);
    return {
      all: open.length,
      own: open.filter(({ approval }) => identityKey(approval.requester) === key).length,
    };
  }

  /** Those that wait for the same yes, the oldest first. */
  alike(key: string): readonly Entry[] {
    return this.entries.filter((entry) => entry.key === key && entry.waits);
  }

  /** @throws GatehouseError STORE_FAILED */
  get(id: string): Approval | undefined {
    const approval = this.#current(id) ?? this.#options.store.get(id);
    return approval && this.#counted(approval);
  }

  /** The newest first. @throws GatehouseError STORE_FAILED */
  list({ states, before, limit }: Query): readonly Approval[] {
    const current = this.#allCurrent();
    const last = before === undefined ? undefined : this.get(before);
    if (before !== undefined && !last) return [];
    // What waits is in memory, all of it: to find no more, the store would go through all that has ended.
    const ended = states?.filter((state) => state !== "pending" && state !== "approved");
    const stored =
      ended?.length === 0
        ? []
        : this.#options.store.list({
            ...(ended ? { states: ended } : {}),
            ...(before === undefined ? {} : { before }),
            // Those that are current in memory are taken from there.
            limit: limit + current.size,
          });
    const wanted = (approval: Approval) =>
      (!states || states.includes(approval.state)) && (!last || newestFirst(last, approval) < 0);
    return [...current.values(), ...stored.filter(({ id }) => !current.has(id))]
      .filter(wanted)
      .sort(newestFirst)
      .slice(0, limit)
      .map((approval) => this.#counted(approval));
  }

  /** A yes has let one more command through. */
  reused(id: string): void {
    this.#reuses.set(id, (this.#reuses.get(id) ?? 0) + 1);
  }

  /** Writes what was left for later. What the store does not take is left again. */
  flush(): void {
    const { store, journal, log } = this.#options;
    journal.retry();
    try {
      for (const [id] of this.#reuses) {
        const entry = this.#live.get(id);
        const approval = this.get(id);
        if (approval) store.save(approval);
        if (approval && entry) entry.approval = approval;
        this.#reuses.delete(id);
      }
    } catch (error) {
      log.warn({ error: messageOf(error) }, "how often approvals were used again is not saved yet");
    }
  }

  #current(id: string): Approval | undefined {
    const entry = this.#live.get(id);
    return entry?.recorded ? entry.approval : this.#options.journal.unsaved(id);
  }

  #allCurrent(): Map<string, Approval> {
    const live = this.entries.flatMap(({ recorded, approval }) => (recorded ? [approval] : []));
    return new Map([...this.#options.journal.allUnsaved, ...live].map((approval) => [approval.id, approval]));
  }

  #counted(approval: Approval): Approval {
    const more = this.#reuses.get(approval.id);
    return more === undefined ? approval : { ...approval, reused: approval.reused + more };
  }
}

/** Of two that were asked for in the same millisecond, the id decides, as in the store. */
function newestFirst(one: Approval, other: Approval): number {
  if (one.requestedAt !== other.requestedAt) return other.requestedAt - one.requestedAt;
  return one.id < other.id ? 1 : one.id > other.id ? -1 : 0;
}
