import type { IssuedUser } from "./target-users.ts";

interface Shared {
  readonly issued: Promise<IssuedUser>;
  sessions: number;
}

/** Users that several sessions have together, each until the last of them has ended. */
export class SharedUsers {
  readonly #users = new Map<string, Shared>();

  /**
   * @param key the same for those that may have one together
   * @param issue makes one where there is none
   */
  async acquire(key: string, issue: () => Promise<IssuedUser>): Promise<IssuedUser> {
    const shared = this.#users.get(key) ?? { issued: issue(), sessions: 0 };
    this.#users.set(key, shared);
    // Counted before it is waited for: else its first session could end it under the others.
    shared.sessions++;
    try {
      const issued = await shared.issued;
      return { user: issued.user, giveBack: () => this.#giveBack(key, shared, issued) };
    } catch (error) {
      this.#forget(key, shared);
      throw error;
    }
  }

  /** Has nobody join those that there are: what they may do is not what new ones may. */
  part(): void {
    this.#users.clear();
  }

  #giveBack(key: string, shared: Shared, issued: IssuedUser): void {
    shared.sessions--;
    if (shared.sessions > 0) return;
    this.#forget(key, shared);
    issued.giveBack();
  }

  #forget(key: string, shared: Shared): void {
    if (this.#users.get(key) === shared) this.#users.delete(key);
  }
}
