import { createHash } from "node:crypto";
import { GatehouseError, type Identity } from "@gatehouse/core";
import type { Buckets } from "./buckets.ts";
import { Limited } from "./failure.ts";

/** Of how many tokens it is remembered that they were good. */
const KNOWN = 1_000;

export interface DoorkeeperOptions {
  readonly authenticate: (token: string) => Promise<Identity>;
  readonly failures: Buckets;
}

/** Somebody who has proved who they are. */
export interface Caller {
  readonly identity: Identity;
  /** Proves it again. Rejects once the token is one no longer. */
  readonly again: () => Promise<Identity>;
}

/** Proves who asks by the bearer token of the request (RFC 6750), each time anew. */
export class Doorkeeper {
  readonly #authenticate: DoorkeeperOptions["authenticate"];
  readonly #failures: Buckets;
  /**
   * Digests of tokens that were good before. Such a one is looked at in any case: whoever guesses tokens must not keep
   * an approver out who comes from the same address.
   */
  readonly #known = new Set<string>();

  constructor({ authenticate, failures }: DoorkeeperOptions) {
    this.#authenticate = authenticate;
    this.#failures = failures;
  }

  /** @throws GatehouseError of the IDENTITY_ family; Limited after too many of those from the client's address */
  async identify(authorization: string | undefined, address: string): Promise<Caller> {
    const token = tokenOf(authorization);
    const digest = token === undefined ? "" : createHash("sha256").update(token).digest("base64");
    if (!this.#known.has(digest)) this.pass(address);
    try {
      if (token === undefined)
        throw new GatehouseError("IDENTITY_INVALID", "No bearer token came with the request.");
      const identity = await this.#authenticate(token);
      this.#remember(digest);
      return { identity, again: () => this.#authenticate(token) };
    } catch (error) {
      this.#known.delete(digest);
      this.failed(error, address);
      throw error;
    }
  }

  /** @throws Limited */
  pass(address: string): void {
    const wait = this.#failures.wait(address);
    if (wait > 0) throw new Limited(wait, "Too many attempts from this address have failed.");
  }

  /** Counts a proof that did not hold against its address. That the gateway can't look at one is not the client's doing. */
  failed(error: unknown, address: string): void {
    if (!(error instanceof GatehouseError) || error.code === "IDENTITY_UNAVAILABLE") return;
    if (/^(?:IDENTITY|CALLBACK)_/.test(error.code)) this.#failures.take(address);
  }

  #remember(digest: string): void {
    this.#known.delete(digest);
    this.#known.add(digest);
    const [oldest] = this.#known;
    if (this.#known.size > KNOWN && oldest !== undefined) this.#known.delete(oldest);
  }
}

function tokenOf(authorization: string | undefined): string | undefined {
  return /^Bearer +([A-Za-z0-9._~+/=-]+) *$/i.exec(authorization ?? "")?.[1];
}
