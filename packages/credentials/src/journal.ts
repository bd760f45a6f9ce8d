import { type Logger, messageOf } from "@gatehouse/core";
import type { LeaseKey, LeaseRecord, LeaseStore } from "./lease-store.ts";

/**
 * What this process knows of its leases, in memory and in the store. What is about to be made has to be in the store first;
 * what becomes of it afterwards is so all the same where the store does not take it, and is written when it does.
 */
export class Journal {
  readonly #store: LeaseStore;
  readonly #log: Logger;
  readonly #records = new Map<string, LeaseRecord>();
  /** Of these the store has something else, or something that is there no more. */
  readonly #behind = new Map<string, LeaseKey>();
  #failing = false;
  #closed = false;

  constructor(store: LeaseStore, log: Logger) {
    this.#store = store;
    this.#log = log;
  }

  /**
   * @returns the epochs of earlier runs, and what those have left
   * @throws GatehouseError STORE_FAILED
   */
  begin(epoch: string): { readonly dead: ReadonlySet<string>; readonly left: readonly LeaseRecord[] } {
    const dead = new Set(this.#store.begin(epoch));
    const left = this.#store.all();
    for (const record of left) {
      this.#records.set(keyOf(record), record);
      dead.add(record.epoch);
    }
    dead.delete(epoch);
    return { dead, left };
  }

  /** @throws GatehouseError STORE_FAILED: it must not be made */
  intend(record: LeaseRecord): void {
    this.#store.write({ save: [record] });
    this.#records.set(keyOf(record), record);
    this.#behind.delete(keyOf(record));
  }

  /** What has become of some. Never throws. */
  note({ save = [], forget = [] }: Parameters<LeaseStore["write"]>[0]): void {
    for (const record of save) this.#records.set(keyOf(record), record);
    const known = forget.filter((key) => this.#records.delete(keyOf(key)));
    for (const key of [...save, ...known]) this.#behind.set(keyOf(key), key);
    this.retry();
  }

  /** Writes what the store has not taken before. */
  retry(): void {
    if (this.#closed || this.#behind.size === 0) return;
    const save: LeaseRecord[] = [];
    const forget: LeaseKey[] = [];
    for (const [name, key] of this.#behind) {
      const record = this.#records.get(name);
      if (record) save.push(record);
      else forget.push(key);
    }
    try {
      this.#store.write({ save, forget });
      this.#behind.clear();
      this.#failing = false;
    } catch (error) {
      if (this.#failing) return;
      this.#failing = true;
      const fields = { leases: this.#behind.size, error: messageOf(error) };
      this.#log.error(fields, "what has become of leases was not written; it is tried again");
    }
  }

  get(key: LeaseKey): LeaseRecord | undefined {
    return this.#records.get(keyOf(key));
  }

  /** The ids of all at one target that may be there. */
  ids({ kind, target }: Omit<LeaseKey, "id">): ReadonlySet<string> {
    const ids = new Set<string>();
    for (const record of this.#records.values()) {
      if (record.kind === kind && record.target === target) ids.add(record.id);
    }
    return ids;
  }

  /** Writes no more: what comes of calls that are still under way is for the next run to find. */
  close(): void {
    this.#closed = true;
  }
}

function keyOf({ kind, target, id }: LeaseKey): string {
  return JSON.stringify([kind, target, id]);
}
