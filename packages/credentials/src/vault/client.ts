import { GatehouseError, Secret, type SecretReference, type VaultSettings } from "@gatehouse/core";
import { z } from "zod";
import { askVault, failed, VaultRefusal, type VaultQuestion } from "./request.ts";

/** For one question and its answer, in milliseconds: less than a client waits for its log-in. */
const DEADLINE = 8_000;

/** A credential that the engine has issued. */
export interface IssuedCredential {
  /** By which the engine knows it. */
  readonly lease: string;
  /** Milliseconds that it lasts, unless it is renewed. */
  readonly lasts: number;
  readonly renewable: boolean;
  readonly user: string;
  readonly password: Secret;
}

/** The gateway's own token, as the engine sees it. */
export interface TokenState {
  /** Milliseconds that it lasts; Infinity for one without an end. */
  readonly lasts: number;
  readonly renewable: boolean;
}

export interface VaultClientOptions {
  /** As the config says now. */
  readonly settings: () => VaultSettings | undefined;
  /** Looks up the token, anew at each call: an agent may have put another in its place. */
  readonly token: (reference: SecretReference) => Promise<Secret>;
  /** In milliseconds; 8 seconds when left out. */
  readonly deadline?: number;
}

const seconds = z
  .number()
  .min(0)
  .transform((value) => value * 1000);

/** A lease that lasts 0 s has no end of its own. */
const lasting = seconds.transform((value) => (value === 0 ? Number.POSITIVE_INFINITY : value));

const keyValue = z.object({ data: z.object({ data: z.record(z.string(), z.unknown()) }) });
const issued = z.object({
  lease_id: z.string().min(1).max(1024),
  lease_duration: lasting,
  renewable: z.boolean(),
  data: z.object({ username: z.string().min(1).max(255), password: z.string().min(1) }),
});
const named = z.object({ lease_id: z.string().min(1).max(1024) });
const renewed = z.object({ lease_duration: seconds });
const token = z.object({ data: z.object({ ttl: lasting, renewable: z.boolean().default(false) }) });

/**
 * A Vault-style secrets engine by its HTTP API: KV of version 2, the database engine, leases and the token. Each method
 * rejects with GatehouseError: VAULT_FAILED, and SECRET_UNAVAILABLE where the token's own reference leads nowhere.
 */
export class VaultClient {
  readonly #options: VaultClientOptions;

  constructor(options: VaultClientOptions) {
    this.#options = options;
  }

  /** Where the engine is: what one has issued, another knows nothing of. undefined where the config has none. */
  get place(): string | undefined {
    const settings = this.#options.settings();
    return settings && [settings.address, settings.namespace ?? ""].join(" ").trim();
  }

  /**
   * One field of the latest version of a secret in KV 2.
   * @param path with the mount and its `data`: `secret/data/orders`
   */
  async read(path: string, field: string): Promise<Secret> {
    const answer = keyValue.safeParse(await this.#ask({ method: "GET", path }));
    if (!answer.success) throw failed(`has no secret of KV version 2 by ${path}`);
    const fields = answer.data.data.data;
    const value = Object.hasOwn(fields, field) ? fields[field] : undefined;
    if (typeof value === "string" && value !== "") return new Secret(value);
    throw failed(`has no text in the field ${field} of ${path}`);
  }

  /**
   * Has a credential made.
   * @param path with the mount: `database/creds/orders-reader`
   */
  async issue(path: string): Promise<IssuedCredential> {
    const json = await this.#ask({ method: "GET", path });
    const answer = issued.safeParse(json);
    if (answer.success) {
      const { lease_id, lease_duration, renewable, data } = answer.data;
      const password = new Secret(data.password);
      return { lease: lease_id, lasts: lease_duration, renewable, user: data.username, password };
    }
    // Something was issued that nobody can use: it does not stay.
    const lease = named.safeParse(json);
    if (lease.success) await this.revoke(lease.data.lease_id).catch(() => undefined);
    throw failed(`issued no user and password by ${path}`);
  }

  /** @returns milliseconds that it lasts from now on: none where the engine does not know it any more */
  async renew(lease: string): Promise<number> {
    try {
      const json = await this.#ask({ method: "PUT", path: "sys/leases/renew", body: { lease_id: lease } });
      const answer = renewed.safeParse(json);
      if (!answer.success) throw failed("did not say how long a lease lasts");
      return answer.data.lease_duration;
    } catch (error) {
      if (isUnknownLease(error)) return 0;
      throw error;
    }
  }

  /** Resolves once the credential is taken back, also where the engine does not know it any more. */
  async revoke(lease: string): Promise<void> {
    try {
      await this.#ask({
        method: "PUT",
        path: "sys/leases/revoke",
        // Without it the engine answers before it has done anything.
        body: { lease_id: lease, sync: true },
      });
    } catch (error) {
      if (!isUnknownLease(error)) throw error;
    }
  }

  /** What is left of the gateway's own token. */
  async lookUpToken(): Promise<TokenState> {
    const answer = token.safeParse(await this.#ask({ method: "GET", path: "auth/token/lookup-self" }));
    if (!answer.success) throw failed("did not say how long the token lasts");
    return { lasts: answer.data.data.ttl, renewable: answer.data.data.renewable };
  }

  /** @returns milliseconds that it lasts from now on */
  async renewToken(): Promise<number> {
    const json = await this.#ask({ method: "PUT", path: "auth/token/renew-self", body: {} });
    const answer = z.object({ auth: renewed }).safeParse(json);
    if (!answer.success) throw failed("did not say how long the token lasts");
    return answer.data.auth.lease_duration;
  }

  async #ask(question: VaultQuestion): Promise<unknown> {
    const settings = this.#options.settings();
    if (settings === undefined) {
      throw new GatehouseError(
        "VAULT_FAILED",
        "The config has no secrets engine; what needed it was not done.",
        {
          hint: "Write `vault: { address: https://..., token: file:PATH }` into the config.",
        },
      );
    }
    const secret = await this.#options.token(settings.token);
    try {
      return await askVault(settings, secret, question, this.#options.deadline ?? DEADLINE);
    } finally {
      secret.wipe();
    }
  }
}

/** What was revoked, or has ended, is known to the engine no more: nothing is left to be taken back. */
function isUnknownLease(error: unknown): boolean {
  return (
    error instanceof VaultRefusal &&
    (error.status === 400 || error.status === 404) &&
    error.says(/lease not found|invalid lease/i)
  );
}
