import { generateKeyPair, type KeyObject, type X509Certificate } from "node:crypto";
import { promisify } from "node:util";
import { GatehouseError, Secret } from "@gatehouse/core";
import { distinguishedName, signCertificate, subjectOf } from "./certificate.ts";
import { authorityExtensions, type CertificateUse, leafExtensions } from "./extensions.ts";
import { checkCommonName, parseSubjectNames } from "./names.ts";
import { checkValidity, openPair, type PairNames, type PemPair } from "./pair.ts";

const SECOND = 1000;
const DAY = 24 * 60 * 60 * SECOND;
const AUTHORITY_LIFETIME = 3650 * DAY;
const LEAF_LIFETIME = 90 * DAY;

/** How far a certificate's start lies in the past, for clients whose clocks are behind. */
export const BACKDATE = 5 * 60 * SECOND;

/** What to issue. Times are in milliseconds, moments since the epoch. */
export interface IssueRequest {
  readonly use: CertificateUse;
  readonly commonName: string;
  /** The DNS names and IP addresses that it is for. A server needs one at least: clients ignore the common name. */
  readonly names: readonly string[];
  /** 90 days unless told otherwise. */
  readonly lifetime?: number;
  readonly now: number;
}

/** A certificate and its key, as issued. */
export interface IssuedPair extends PemPair {
  /** Milliseconds since the epoch. */
  readonly notAfter: number;
}

/** A certificate authority. As a PemPair it is its own certificate and key. */
export interface Authority extends PemPair {
  readonly certificate: X509Certificate;
  /**
   * Issues a leaf certificate over a new key. It never outlives the authority.
   * @throws GatehouseError CERTIFICATE_INVALID when a name can't stand in a certificate, or the authority is
   * not valid at that moment
   */
  issue(request: IssueRequest): Promise<IssuedPair>;
}

/**
 * Makes an authority with a new key, valid for ten years.
 * @param options.name its common name
 * @param options.now milliseconds since the epoch
 * @throws GatehouseError CERTIFICATE_INVALID when the name can't stand in a certificate
 */
export async function createAuthority(options: {
  readonly name: string;
  readonly now: number;
}): Promise<Authority> {
  checkCommonName(options.name);
  const { publicKey, privateKey } = await newKeyPair();
  const name = distinguishedName(options.name);
  const certificatePem = signCertificate(
    {
      issuer: name,
      subject: name,
      notBefore: options.now - BACKDATE,
      notAfter: options.now + AUTHORITY_LIFETIME,
      publicKey,
      extensions: authorityExtensions(publicKey),
    },
    privateKey,
  );
  return loadAuthority({ certificatePem, key: pemKey(privateKey) });
}

/**
 * Takes up an authority that exists.
 * @param names what errors call the two halves
 * @throws GatehouseError CERTIFICATE_INVALID when the pair can't be read or does not belong together, or the
 * certificate is no authority's, or its key is not ECDSA P-256
 */
export function loadAuthority(
  pair: PemPair,
  names: PairNames = { cert: "the authority's certificate", key: "the authority's key" },
): Authority {
  const { certificate, key: signingKey } = openPair(pair, names);
  if (!certificate.ca) {
    throw new GatehouseError(
      "CERTIFICATE_INVALID",
      `${names.cert} is not a certificate authority's. Nothing can be issued with it.`,
      { hint: "Make an authority with `npm run certs -- init --dir DIR`." },
    );
  }
  if (signingKey.asymmetricKeyDetails?.namedCurve !== "prime256v1") {
    throw new GatehouseError(
      "CERTIFICATE_INVALID",
      `${names.key} is not an ECDSA key on the curve P-256. Nothing can be issued with it.`,
      { hint: "Make an authority with `npm run certs -- init --dir DIR`." },
    );
  }

  async function issue(request: IssueRequest): Promise<IssuedPair> {
    const { use, commonName, lifetime = LEAF_LIFETIME, now } = request;
    checkCommonName(commonName);
    const subjectNames = parseSubjectNames(request.names);
    if (use === "server" && subjectNames.length === 0) {
      throw new GatehouseError(
        "CERTIFICATE_INVALID",
        "A server's certificate without a name would be refused by every client; none was issued.",
        { hint: "Give the DNS names or IP addresses that clients connect to." },
      );
    }
    if (!(lifetime >= SECOND)) {
      throw new GatehouseError(
        "CERTIFICATE_INVALID",
        `A lifetime of ${lifetime} milliseconds is too short for a certificate; none was issued.`,
        { hint: "Give one second at least." },
      );
    }
    checkValidity(certificate, names.cert, now);
    const notAfter = wholeSeconds(Math.min(now + lifetime, certificate.validToDate.getTime()));
    const { publicKey, privateKey } = await newKeyPair();
    const certificatePem = signCertificate(
      {
        issuer: subjectOf(certificate),
        subject: distinguishedName(commonName),
        notBefore: Math.max(now - BACKDATE, certificate.validFromDate.getTime()),
        notAfter,
        publicKey,
        extensions: leafExtensions({ use, names: subjectNames, publicKey, authority: certificate }),
      },
      signingKey,
    );
    return { certificatePem, key: pemKey(privateKey), notAfter };
  }

  return { certificatePem: pair.certificatePem, key: pair.key, certificate, issue };
}

const generate = promisify(generateKeyPair);

const newKeyPair = (): Promise<{ publicKey: KeyObject; privateKey: KeyObject }> =>
  generate("ec", { namedCurve: "P-256" });

function pemKey(key: KeyObject): Secret {
  return new Secret(key.export({ type: "pkcs8", format: "pem" }).toString());
}

const wholeSeconds = (moment: number): number => Math.floor(moment / SECOND) * SECOND;
