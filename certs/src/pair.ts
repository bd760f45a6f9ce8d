import { createPrivateKey, type KeyObject, type X509Certificate } from "node:crypto";
import { GatehouseError, messageOf, type Secret } from "@gatehouse/core";
import { parseCertificates } from "./pem.ts";

/** A certificate and its private key, both PEM. */
export interface PemPair {
  readonly certificatePem: string;
  readonly key: Secret;
}

/** What errors call the two halves of a pair: their files, where they have some. */
export interface PairNames {
  readonly cert: string;
  readonly key: string;
}

/**
 * Reads a pair and makes sure that the two halves belong together.
 * @throws GatehouseError CERTIFICATE_INVALID
 */
export function openPair(
  pair: PemPair,
  names: PairNames,
): { readonly certificate: X509Certificate; readonly key: KeyObject } {
  const [certificate] = parseCertificates(pair.certificatePem, names.cert);
  const key = parseKey(pair.key, names.key);
  if (!certificate.checkPrivateKey(key)) {
    throw new GatehouseError(
      "CERTIFICATE_INVALID",
      `${names.key} is not the private key of ${names.cert}. The pair is not used.`,
      {
        hint: "Put the key that the certificate was issued for beside it, or issue a new pair with `npm run certs -- issue`.",
      },
    );
  }
  return { certificate, key };
}

function parseKey(key: Secret, name: string): KeyObject {
  try {
    return createPrivateKey(key.reveal());
  } catch (cause) {
    throw new GatehouseError(
      "CERTIFICATE_INVALID",
      `${name} holds no private key that can be read: ${messageOf(cause)}. It is not used.`,
      { hint: "Give a whole private key in PEM form, without a passphrase.", cause },
    );
  }
}

/**
 * Makes sure that a certificate is valid at a moment (milliseconds since the epoch).
 * @throws GatehouseError CERTIFICATE_INVALID
 */
export function checkValidity(certificate: X509Certificate, name: string, now: number): void {
  const { validFromDate, validToDate } = certificate;
  if (now > validToDate.getTime()) {
    throw new GatehouseError(
      "CERTIFICATE_INVALID",
      `${name} expired on ${validToDate.toISOString()}. It is not used.`,
      { hint: "Renew the certificate, and check this machine's clock." },
    );
  }
  if (now < validFromDate.getTime()) {
    throw new GatehouseError(
      "CERTIFICATE_INVALID",
      `${name} is not valid before ${validFromDate.toISOString()}. It is not used.`,
      { hint: "Wait until then, and check this machine's clock." },
    );
  }
}
