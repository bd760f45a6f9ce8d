import { GatehouseError, type Lease, type Secret } from "@gatehouse/core";
import type { IssuedUser } from "./target-users.ts";

/** A lease on a user that was made for the session, or for one of its identity's. */
export class MintedLease implements Lease {
  readonly user: string;
  #issued: IssuedUser | undefined;

  constructor(issued: IssuedUser) {
    this.user = issued.user.name;
    this.#issued = issued;
  }

  get password(): Secret {
    if (this.#issued) return this.#issued.user.password;
    throw new GatehouseError("SECRET_UNAVAILABLE", "The lease was released; its credential can't be used.", {
      hint: "Open a new session.",
    });
  }

  release(): Promise<void> {
    this.#issued?.giveBack();
    this.#issued = undefined;
    return Promise.resolve();
  }
}
