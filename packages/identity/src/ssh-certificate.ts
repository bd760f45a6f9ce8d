import { type Clock, GatehouseError, type Identity, messageOf, type OidcProvider } from "@gatehouse/core";
import {
  type Certificate,
  checkCertificate,
  issueCertificate,
  optionData,
  optionValue,
  type PrivateKey,
  type PublicKey,
  readCertificate,
} from "@gatehouse/openssh";
import { z } from "zod";
import { MAX_GROUPS, namePattern } from "./claims.ts";
import { refusedCredential } from "./token.ts";

/*
 * What the gateway's authority for users certifies: a key, and who has it. The identity stands in an extension, as JSON, so that
 * the authority's signature is over all of it.
 *
 * Such a certificate proves somebody to a gateway, and nothing to a target: the authority that targets trust is another key. Were it
 * the same, whoever the provider calls `root` would have a certificate for root at every target.
 */
const EXTENSION = "identity@gatehouse";

/** Bytes of JSON: with more, the certificate would be too long for a message that clients send. */
const MAX_IDENTITY = 16 * 1024;
/** Milliseconds by which the clocks of two gateways may differ. */
const EARLIER = 60_000;
/** Milliseconds that a certificate lasts at the most where it lasts as long as its token. */
const LONGEST = 12 * 3_600_000;

const name = z.string().regex(namePattern);
const certified = z.strictObject({
  subject: name,
  kind: z.enum(["human", "workload"]),
  groups: z.array(name).max(MAX_GROUPS),
  issuer: z.string().min(1),
  provider: z.string().min(1),
  tokenId: name.exactOptional(),
});

/** What to certify. */
export interface SshCertificateTerms {
  /** As a token has proved it. */
  readonly identity: Identity;
  readonly publicKey: PublicKey;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Milliseconds that the config lets it last; without it, as long as the token. */
  readonly ttl: number | undefined;
  /** Milliseconds, where less is asked for than it may last. */
  readonly lifetime: number | undefined;
  /** Gives as many random bytes as it is asked for. */
  readonly random: (size: number) => Buffer;
}

/**
 * Certifies that a key is somebody's.
 * @throws GatehouseError IDENTITY_INVALID for somebody who was not proved by a token; IDENTITY_EXPIRED where there is no time left;
 * REQUEST_INVALID where the groups are too many for a certificate
 */
export function issueSshCertificate(authority: PrivateKey, terms: SshCertificateTerms): Certificate {
  const { identity, publicKey, now, ttl, lifetime = Number.POSITIVE_INFINITY, random } = terms;
  const { subject, proof, expiresAt } = identity;
  // A certificate by which the next one is had would have no end.
  if (proof.method !== "oidc")
    throw refused("IDENTITY_INVALID", "Certificates are given for access tokens alone");
  const until = ttl === undefined ? Math.min(expiresAt, now + LONGEST) : now + ttl;
  const validBefore = Math.min(until, now + lifetime);
  // It has whole seconds.
  if (now >= expiresAt || validBefore < now + 1000)
    throw refused("IDENTITY_EXPIRED", "The token has expired");
  return issueCertificate(
    authority,
    {
      ...{
        type: "user",
        publicKey,
        serial: random(8).readBigUInt64BE(),
        keyId: subject,
        principals: [subject],
      },
      ...{ validAfter: now - EARLIER, validBefore },
      extensions: new Map([[EXTENSION, optionData(textOf(identity))]]),
    },
    random,
  );
}

function textOf({ subject, kind, groups, proof }: Identity): string {
  const { issuer, provider, tokenId } = proof;
  const text = JSON.stringify({ subject, kind, groups, issuer, provider, tokenId });
  if (Buffer.byteLength(text) <= MAX_IDENTITY) return text;
  throw new GatehouseError("REQUEST_INVALID", "The identity is in more groups than a certificate can name.", {
    hint: "Log in with an access token as the password.",
  });
}

export interface SshCertificatesOptions {
  readonly providers: readonly OidcProvider[];
  readonly clock: Clock;
  /** Of the gateway's own authority for users; rejects where it can't be had. */
  readonly authority: () => Promise<PublicKey>;
}

/** Certificates that the gateway's own authority has issued, when they come back. */
export class SshCertificates {
  readonly #options: SshCertificatesOptions;

  constructor(options: SshCertificatesOptions) {
    this.#options = options;
  }

  /**
   * @param blob a certificate; that the client has its key is for the adapter to prove
   * @param address from where it comes, where that is an IP address
   * @throws GatehouseError of the IDENTITY_ family
   */
  async identify(blob: Uint8Array, address: string | undefined): Promise<Identity> {
    const certificate = read(blob);
    const authority = await this.#authority();
    const now = this.#options.clock.now();
    const { subject, kind, groups, provider, issuer, tokenId } = certifiedBy(certificate);
    check(certificate, { authority, subject, now, address });
    // One that is no longer trusted vouches for nobody, also not by what it has vouched for before.
    if (!this.#options.providers.some((one) => one.name === provider && one.issuer === issuer)) {
      throw refused(
        "IDENTITY_INVALID",
        "The certificate rests on a provider that is none of the configured ones",
      );
    }
    return {
      ...{ subject, kind, groups },
      proof: {
        ...{ method: "ssh-certificate", provider, issuer, ...(tokenId === undefined ? {} : { tokenId }) },
        ...{ key: certificate.publicKey.fingerprint, serial: certificate.serial.toString() },
      },
      expiresAt: certificate.validBefore,
    };
  }

  async #authority(): Promise<PublicKey> {
    try {
      return await this.#options.authority();
    } catch (cause) {
      throw new GatehouseError(
        "IDENTITY_UNAVAILABLE",
        `The users' SSH authority can't be read (${messageOf(cause)}). The log-in was refused.`,
        {
          cause,
          hint: "`identity.ssh.authority` in the config says where it is; `gatehouse check` looks it up.",
        },
      );
    }
  }
}

function read(blob: Uint8Array): Certificate {
  try {
    return readCertificate(blob);
  } catch (cause) {
    throw refused("IDENTITY_INVALID", sentence(cause));
  }
}

/** What the certificate says of who it is: not to be believed before its authority is known. */
function certifiedBy({ extensions }: Certificate): z.infer<typeof certified> {
  const data = extensions.get(EXTENSION);
  if (data === undefined) throw refused("IDENTITY_INVALID", "The certificate names no identity");
  try {
    return certified.parse(JSON.parse(optionValue(data)));
  } catch {
    throw refused("IDENTITY_INVALID", "The identity in the certificate can't be read");
  }
}

interface Wanted {
  readonly authority: PublicKey;
  readonly subject: string;
  readonly now: number;
  readonly address: string | undefined;
}

function check(certificate: Certificate, { authority, subject, now, address }: Wanted): void {
  try {
    checkCertificate(certificate, {
      ...{ type: "user", authorities: [authority], principal: subject, now },
      ...(address === undefined ? {} : { address }),
    });
  } catch (cause) {
    const own = certificate.authority.equals(authority);
    if (own && now >= certificate.validBefore)
      throw refused("IDENTITY_EXPIRED", "The certificate has expired");
    if (own && now < certificate.validAfter)
      throw refused("IDENTITY_NOT_YET", "The certificate is not valid yet");
    throw refused("IDENTITY_INVALID", sentence(cause));
  }
}

function sentence(cause: unknown): string {
  return messageOf(cause).replace(/\.$/, "");
}

const refused: typeof refusedCredential = (code, what) =>
  refusedCredential(code, what, "`gatehouse ssh-cert` fetches a new certificate.");
