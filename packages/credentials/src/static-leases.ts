import type { Lease, Secret, TargetCredential } from "@gatehouse/core";
import { type ClientCertificate, readClientCertificate } from "./client-certificate.ts";
import { released } from "./released.ts";
import type { Secrets } from "./secrets.ts";

/**
 * Leases on the credentials that the config refers to: they exist before the session and after it, so that
 * releasing one takes it back from the session only.
 * `acquire` takes a level, or a target for the gateway's own way in; it rejects with GatehouseError SECRET_UNAVAILABLE
 * where a reference leads nowhere, and CERTIFICATE_INVALID where the certificate can't be used.
 */
export function staticLeases(secrets: Pick<Secrets, "resolve">): {
  acquire(way: { readonly credential: TargetCredential }): Promise<Lease>;
} {
  return {
    async acquire({ credential: { user, password, certificate, key } }) {
      const held: Held = {};
      try {
        if (password) held.password = await secrets.resolve(password);
        if (key) held.key = await secrets.resolve(key);
        if (certificate) held.certificate = await readClientCertificate(certificate);
        return new StaticLease(user, held);
      } catch (error) {
        held.password?.wipe();
        held.key?.wipe();
        throw error;
      }
    },
  };
}

/** What was looked up for a lease. */
interface Held {
  password?: Secret;
  key?: Secret;
  certificate?: ClientCertificate;
}

class StaticLease implements Lease {
  readonly user: string;
  readonly certificate?: LeasedCertificate;
  readonly key?: LeasedKey;
  #password: Secret | undefined;
  #released = false;

  constructor(user: string, { password, key, certificate }: Held) {
    this.user = user;
    this.#password = password;
    if (key) this.key = new LeasedKey(key);
    if (certificate) this.certificate = new LeasedCertificate(certificate);
  }

  get password(): Secret | undefined {
    if (this.#released) throw released();
    return this.#password;
  }

  release(): Promise<void> {
    this.#released = true;
    this.#password?.wipe();
    this.#password = undefined;
    this.certificate?.release();
    this.key?.release();
    return Promise.resolve();
  }
}

class LeasedKey {
  #secret: Secret | undefined;

  constructor(secret: Secret) {
    this.#secret = secret;
  }

  get secret(): Secret {
    if (this.#secret) return this.#secret;
    throw released();
  }

  release(): void {
    this.#secret?.wipe();
    this.#secret = undefined;
  }
}

class LeasedCertificate implements ClientCertificate {
  readonly cert: string;
  readonly #key: LeasedKey;

  constructor({ cert, key }: ClientCertificate) {
    this.cert = cert;
    this.#key = new LeasedKey(key);
  }

  get key(): Secret {
    return this.#key.secret;
  }

  release(): void {
    this.#key.release();
  }
}
