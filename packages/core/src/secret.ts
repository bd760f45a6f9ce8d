import { inspect } from "node:util";

/**
 * A value that must not be printed. `String()`, JSON, `util.inspect` and template literals all give
 * `[secret]`; only `reveal()` gives the value, so every place that uses one can be found by that name.
 */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return "[secret]";
  }

  toJSON(): string {
    return "[secret]";
  }

  [inspect.custom](): string {
    return "[secret]";
  }
}

/** Where a secret is to be found. A literal is possible only in a config that calls itself one for development. */
export type SecretReference =
  | { readonly from: "env"; readonly name: string }
  | { readonly from: "file"; readonly path: string }
  /** What a program prints: its absolute path and arguments, run without a shell. */
  | { readonly from: "exec"; readonly command: readonly [string, ...string[]] }
  /** One field of a secret in a Vault-style engine (KV v2): `secret/data/orders`, `password`. */
  | { readonly from: "vault"; readonly path: string; readonly field: string }
  | { readonly from: "literal"; readonly secret: Secret };
