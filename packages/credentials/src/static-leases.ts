import { GatehouseError, type Lease, type Level, type Secret } from "@gatehouse/core";
import { resolveSecret } from "./resolve-secret.ts";

/**
 * Leases on the credentials that the config refers to: they exist before the session and after it, so that
 * releasing one takes it back from the session only.
 * `acquire` rejects with GatehouseError SECRET_UNAVAILABLE where the level's reference leads nowhere.
 */
export function staticLeases(): { acquire(level: Level): Promise<Lease> } {
  return {
    acquire: async ({ credential }) =>
      new StaticLease(credential.user, await resolveSecret(credential.password)),
  };
}

class StaticLease implements Lease {
  readonly user: string;
  #password: Secret | undefined;

  constructor(user: string, password: Secret) {
    this.user = user;
    this.#password = password;
  }

  get password(): Secret {
    if (this.#password) return this.#password;
    throw new GatehouseError("SECRET_UNAVAILABLE", "The lease was released; its credential can't be used.", {
      hint: "Open a new session.",
    });
  }

  /** A string can't be overwritten in JavaScript: the last reference goes, and the collector does the rest. */
  release(): Promise<void> {
    this.#password = undefined;
    return Promise.resolve();
  }
}
