import { inspect } from "node:util";
import { GatehouseError } from "./error.ts";

/**
 * A value that must not be printed. `String()`, JSON, `util.inspect` and template literals all give
 * `[secret]`; only `reveal()` gives the value, so every place that uses one can be found by that name.
 * It lies in memory of its own as long as it is needed: whoever knows a secret's last use wipes it then.
 */
export class Secret {
  #bytes: Buffer | undefined;

  /** @param value text, or its UTF-8: copied, so that whoever brings bytes wipes theirs */
  constructor(value: string | Uint8Array) {
    // Not from Node's pool, which others' buffers share, and whose old content they may see.
    const bytes = Buffer.allocUnsafeSlow(Buffer.byteLength(value));
    if (typeof value === "string") bytes.write(value, "utf8");
    else bytes.set(value);
    this.#bytes = bytes;
  }

  /**
   * The value, as a string that nobody can wipe: it is in memory until it is collected. So it is revealed where it is
   * used, and kept by nobody.
   * @throws GatehouseError SECRET_UNAVAILABLE once it is wiped
   */
  reveal(): string {
    if (this.#bytes) return this.#bytes.toString("utf8");
    throw new GatehouseError(
      "SECRET_UNAVAILABLE",
      "The secret was wiped after its last use; nothing was done.",
      {
        hint: "Open a new session.",
      },
    );
  }

  /** In bytes of its UTF-8; 0 once it is wiped. */
  get size(): number {
    return this.#bytes?.length ?? 0;
  }

  /** Another with the same value, which the wiping of this one leaves alone. @throws as `reveal` does */
  copy(): Secret {
    return new Secret(this.#bytes ?? this.reveal());
  }

  /** Overwrites the value in memory. Doing so again does nothing. */
  wipe(): void {
    this.#bytes?.fill(0);
    this.#bytes = undefined;
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
