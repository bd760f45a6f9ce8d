import type { Command } from "./command.ts";
import { GatehouseError } from "./error.ts";

let construct: (command: Command) => Permit;
/** Known to this file alone: TypeScript's `private` ends where JavaScript begins. */
const key = Symbol("permit");

/**
 * Proof that one Command was decided and put on the audit log. A target's side asks for one with every
 * command that it sends (promise 1). Only enforcement can make one: the constructor is private, and the
 * function below is exported from `@gatehouse/core/permit` alone, which nothing but `gateway` may import.
 */
export class Permit {
  readonly #command: Command;
  #spent = false;

  static {
    construct = (command) => new Permit(command, key);
  }

  private constructor(command: Command, given: symbol) {
    if (given !== key) throw new GatehouseError("PERMIT_INVALID", "Only enforcement issues permits.");
    this.#command = command;
  }

  /**
   * Spends the permit on the command it was issued for.
   * @throws GatehouseError PERMIT_INVALID when it was spent before, or issued for another command.
   */
  redeem(command: Command): void {
    if (this.#spent || command !== this.#command) {
      throw new GatehouseError("PERMIT_INVALID", "A permit was presented twice, or for another command.");
    }
    this.#spent = true;
  }
}

/** Issues the permit for a command that was allowed and audited. For enforcement only. */
export function issuePermit(command: Command): Permit {
  return construct(command);
}
