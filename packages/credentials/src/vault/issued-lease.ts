import { GatehouseError, type Lease, type Secret } from "@gatehouse/core";

/** A lease on a credential that the engine has issued for the session. */
export class IssuedLease implements Lease {
  readonly user: string;
  #password: Secret | undefined;
  readonly #giveBack: () => void;

  /** @param giveBack has it taken back; called once */
  constructor(user: string, password: Secret, giveBack: () => void) {
    this.user = user;
    this.#password = password;
    this.#giveBack = giveBack;
  }

  get password(): Secret {
    if (this.#password) return this.#password;
    throw new GatehouseError("SECRET_UNAVAILABLE", "The lease was released; its credential can't be used.", {
      hint: "Open a new session.",
    });
  }

  release(): Promise<void> {
    if (this.#password) {
      this.#password.wipe();
      this.#password = undefined;
      this.#giveBack();
    }
    return Promise.resolve();
  }
}
