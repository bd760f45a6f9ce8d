import type { Clock, Lease, Secret, SecretReference, TargetCredential } from "@gatehouse/core";
import { type Certificate, generatePrivateKey, issueCertificate, writePrivateKey } from "@gatehouse/openssh";
import { resolvePrivateKey } from "./private-key.ts";
import { released } from "./released.ts";
import type { Secrets } from "./secrets.ts";

/** It is for the log-in alone: a connection that stands is not asked again. */
const VALID = 5 * 60_000;
/** By how much the target's clock may be behind. */
const BEHIND = 60_000;
/** Characters of a subject in a key id. */
const SUBJECT = 256;
/** What could end a line of the target's log, turn it around, or leave the quotes in which sshd writes a key id. */
const UNFIT = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}"]/gu;
/** Without them sshd refuses what they name. What of it is used, the policies say. */
const EXTENSIONS = [
  "permit-X11-forwarding",
  "permit-agent-forwarding",
  "permit-port-forwarding",
  "permit-pty",
];

/** For whom a certificate is issued: what the target's log has. */
export interface CertificateHolder {
  readonly subject: string;
  readonly session: string;
}

/** A credential whose sessions each have a certificate of their own. */
interface CertifiedCredential extends Pick<TargetCredential, "user" | "password"> {
  readonly authority: SecretReference;
}

export interface SessionCertificatesOptions {
  readonly secrets: Pick<Secrets, "resolve">;
  readonly clock: Clock;
  readonly randomBytes: (size: number) => Uint8Array;
}

/**
 * Leases on a key of the session's own, certified by an SSH authority that the target trusts. Nothing of it is on a disk, and nothing has
 * to be taken back at the target: the certificate is good for minutes. The authority's key is looked up for each signature.
 * `acquire` rejects with GatehouseError SECRET_UNAVAILABLE where a reference leads nowhere, KEY_INVALID where the
 * authority's key can't be used.
 */
export function sessionCertificates({ secrets, clock, randomBytes }: SessionCertificatesOptions): {
  acquire(credential: CertifiedCredential, holder: CertificateHolder): Promise<Lease>;
} {
  return {
    async acquire({ user, password, authority: reference }, holder) {
      const authority = await resolvePrivateKey(secrets, reference);
      const key = generatePrivateKey("ssh-ed25519");
      const now = clock.now();
      const keyId = keyIdOf(holder);
      const certificate = issueCertificate(
        authority,
        {
          type: "user",
          publicKey: key.publicKey,
          serial: Buffer.from(randomBytes(8)).readBigUInt64BE(),
          keyId,
          principals: [user],
          validAfter: now - BEHIND,
          validBefore: now + VALID,
          extensions: new Map(EXTENSIONS.map((name) => [name, Buffer.alloc(0)])),
        },
        randomBytes,
      );
      const secret = password && (await secrets.resolve(password));
      return new CertifiedLease(user, secret, writePrivateKey(key, keyId), certificate);
    },
  };
}

function keyIdOf({ subject, session }: CertificateHolder): string {
  return `${subject.slice(0, SUBJECT).replace(UNFIT, "")} ${session}`;
}

class CertifiedLease implements Lease {
  readonly user: string;
  readonly certified: NonNullable<Lease["certified"]>;
  readonly #certificate: Buffer;
  #password: Secret | undefined;
  #key: Secret | undefined;

  constructor(user: string, password: Secret | undefined, key: Secret, certificate: Certificate) {
    this.user = user;
    this.certified = { serial: String(certificate.serial), keyId: certificate.keyId };
    this.#certificate = certificate.blob;
    this.#password = password;
    this.#key = key;
  }

  get password(): Secret | undefined {
    if (this.#key) return this.#password;
    throw released();
  }

  get key(): NonNullable<Lease["key"]> {
    if (this.#key) return { secret: this.#key, certificate: this.#certificate };
    throw released();
  }

  release(): Promise<void> {
    this.#password?.wipe();
    this.#key?.wipe();
    this.#password = undefined;
    this.#key = undefined;
    return Promise.resolve();
  }
}
