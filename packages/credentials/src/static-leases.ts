import { GatehouseError, type Lease, type Secret, type TargetCredential } from "@gatehouse/core";
import { type ClientCertificate, readClientCertificate } from "./client-certificate.ts";
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
    async acquire({ credential: { user, password, certificate } }) {
      const secret = password && (await secrets.resolve(password));
      try {
        return new StaticLease(user, secret, certificate && (await readClientCertificate(certificate)));
      } catch (error) {
        secret?.wipe();
        throw error;
      }
    },
  };
}

class StaticLease implements Lease {
  readonly user: string;
  readonly certificate?: LeasedCertificate;
  #password: Secret | undefined;
  #released = false;

  constructor(user: string, password: Secret | undefined, certificate: ClientCertificate | undefined) {
    this.user = user;
    this.#password = password;
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
    return Promise.resolve();
  }
}

class LeasedCertificate implements ClientCertificate {
  readonly cert: string;
  #key: Secret | undefined;

  constructor({ cert, key }: ClientCertificate) {
    this.cert = cert;
    this.#key = key;
  }

  get key(): Secret {
    if (this.#key) return this.#key;
    throw released();
  }

  release(): void {
    this.#key?.wipe();
    this.#key = undefined;
  }
}

function released(): GatehouseError {
  return new GatehouseError("SECRET_UNAVAILABLE", "The lease was released; its credential can't be used.", {
    hint: "Open a new session.",
  });
}
