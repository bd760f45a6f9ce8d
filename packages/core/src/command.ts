import type { MaskingOutcome, Mask } from "./masking.ts";

/** What a Command does to its target, at the most. `unknown` is refused unless a rule allows it by name. */
export type Access = "read" | "write" | "ddl" | "admin" | "unknown";

/** A value that `when` can compute with. */
export type FactValue = string | number | boolean | null | readonly FactValue[];

/** What a protocol knows of a Command, under the protocol's own prefix (`sql.verbs`, `http.method`). */
export type Facts = Readonly<Record<string, FactValue>>;

/** The type of one fact, in CEL's words. */
export type FactType = "string" | "bool" | "int" | "list<string>";

/** One fact that a protocol offers to `when`. */
export interface FactDeclaration {
  readonly type: FactType;
  readonly description: string;
  /** It differs between commands of one shape. */
  readonly varies?: true;
}

/** The facts of one protocol: `when` is type-checked against them at load. */
export interface FactSchema {
  /** The variable that holds them: `sql`, `ssh`, `http`. */
  readonly prefix: string;
  readonly facts: Readonly<Record<string, FactDeclaration>>;
}

/** One decoded thing that a client wants done. Made by a protocol's `commands.ts`. */
export interface Command {
  readonly protocol: string;
  /** How it was asked for in the protocol's own terms: `query`, `prepare`, `execute`. */
  readonly kind: string;
  /** The field's word for what it does: `SELECT`, `DROP`, `GET`. Several for several statements. */
  readonly verbs: readonly string[];
  readonly access: Access;
  /** What it names on the target: `public.orders`, `/v1/keys`. */
  readonly resources: readonly string[];
  /** The command as sent, for the audit log: bounded, and without the secrets that its grammar can hold. */
  readonly text: string;
  /** Its parameters, in order; `null` is SQL's NULL. Bounded like the text. */
  readonly parameters: readonly (string | null)[];
  readonly facts: Facts;
  /**
   * The same object for all commands that differ only in facts that vary: a Decision that rests on none of those
   * holds for them all. Absent where the protocol can't tell.
   */
  readonly shape?: object;
  /**
   * Prepares the command's answer to be masked. Absent where the protocol can't: a decision with masks is then refused.
   * @param masks of the decision, at least one
   */
  mask?(masks: readonly Mask[]): MaskingOutcome;
}
