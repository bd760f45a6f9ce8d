import type { MaskingOutcome, Mask } from "./masking.ts";

/** What a Command does to its target, at the most. `unknown` is refused unless a rule allows it by name. */
export type Access = "read" | "write" | "ddl" | "admin" | "unknown";

/** A value that `when` can compute with. Of an object, its own properties count. */
export type FactValue =
  | string
  | number
  | boolean
  | null
  | readonly FactValue[]
  | { readonly [name: string]: FactValue };

/** What a protocol knows of a Command, under the protocol's own prefix (`sql.verbs`, `http.method`). */
export type Facts = Readonly<Record<string, FactValue>>;

/**
 * What is known of the facts of commands that nobody has sent yet; of those that it does not name nothing is. Of a list, some of what
 * is in it; of anything else, all that it may be.
 */
export type PartialFacts = Readonly<
  Record<string, { readonly includes: readonly string[] } | { readonly among: readonly FactValue[] }>
>;

/** The type of one fact, in CEL's words. `dyn` is any JSON value: what a condition does with it is checked when it is asked. */
export type FactType =
  | "string"
  | "bool"
  | "int"
  | "list<string>"
  | "map<string, string>"
  | "map<string, list<string>>"
  | "list<map<string, string>>"
  | "dyn";

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
  /**
   * Where `access` is unknown since it calls functions that users of the target have made: all of those, by every
   * name that each may have, and what the access is but for them. A policy may hold them to read.
   */
  readonly userFunctions?: { readonly names: readonly string[]; readonly otherwise: Access } | undefined;
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
  /** It only makes ready what a later command runs: what would be held is held then. */
  readonly prepares?: boolean;
  /**
   * It asks for more of an answer, of a command that was let through before; its protocol sees to it that nothing of that
   * is run again.
   */
  readonly continues?: boolean;
  /**
   * Its client does not wait for people on its connection. Where a rule holds it, it is to be sent again, unchanged, once it
   * is approved (`OpenSession.recall`).
   */
  readonly detached?: boolean;
  /** The texts of what it runs by a name that the session gave them before; absent where that is nothing. */
  readonly runs?: readonly string[] | undefined;
  /** Why, in the words of whoever asks; undefined where they have not said. */
  readonly reason?: string | undefined;
  /** How one says why, in words for the client. */
  readonly reasonHint?: string;
  /** The text without the values that stand in it, bounded like the text; undefined where they can't be told apart. */
  readonly outline?: string | undefined;
  /** What is stored on the target that its values may be about, as masks name it; undefined where that can't be told. */
  readonly touches?: readonly string[] | undefined;
  /**
   * SHA-256 in hex over all that makes it this command: every byte of its text and parameters, how they are read, and
   * what they were understood to do; of its shape, the same without the values. Absent where a protocol can't hold
   * commands: one that a rule holds is then refused.
   */
  readonly fingerprint?: ((of: "command" | "shape") => string) | undefined;
  /**
   * Prepares the command's answer to be masked. Absent where the protocol can't: a decision with masks is then refused.
   * @param masks of the decision, at least one
   */
  mask?(masks: readonly Mask[]): MaskingOutcome;
}
