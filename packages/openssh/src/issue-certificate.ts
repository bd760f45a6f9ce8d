import {
  type Certificate,
  type CertificateKind,
  KINDS,
  MAX_PRINCIPALS,
  readCertificate,
} from "./certificate.ts";
import { certificateType } from "./certificate-algorithms.ts";
import { type CertificateOptions, writeOptions } from "./certificate-options.ts";
import { string, uint32, uint64 } from "./fields.ts";
import { certificateInvalid } from "./invalid.ts";
import type { PrivateKey } from "./private-key.ts";
import type { PublicKey } from "./public-key.ts";
import { signatureAlgorithms } from "./signature.ts";

const NONCE = 32;
const SECOND = 1000;
const MAX_SERIAL = 2n ** 64n - 1n;

/** What to issue. */
export interface CertificateTerms {
  readonly type: CertificateKind;
  readonly publicKey: PublicKey;
  readonly serial: bigint;
  /** What the servers' logs show. */
  readonly keyId: string;
  /** One at least: there are places where OpenSSH takes a certificate without any for everybody's. */
  readonly principals: readonly string[];
  /** Milliseconds since the epoch; a certificate has whole seconds, and never more than these. */
  readonly validAfter: number;
  readonly validBefore: number;
  /** Their data as the format has it: `optionData` for one with a value, nothing for one without. */
  readonly criticalOptions?: CertificateOptions;
  readonly extensions?: CertificateOptions;
}

/**
 * Signs a certificate.
 * @param random gives as many random bytes as it is asked for
 * @throws GatehouseError CERTIFICATE_INVALID for terms that no certificate can have, or none should
 */
export function issueCertificate(
  authority: PrivateKey,
  terms: CertificateTerms,
  random: (size: number) => Uint8Array,
): Certificate {
  const { type, publicKey, serial, keyId, principals, criticalOptions, extensions } = terms;
  if (principals.length === 0 || principals.length > MAX_PRINCIPALS) {
    throw certificateInvalid(`it would have no principals, or more than ${MAX_PRINCIPALS}`);
  }
  if (serial < 0n || serial > MAX_SERIAL) throw certificateInvalid("its serial would not have 64 bits");
  const [validAfter, validBefore] = wholeSeconds(terms);
  const keyFields = publicKey.blob.subarray(string(publicKey.type).length);
  const body = Buffer.concat([
    ...[string(certificateType(publicKey.type)), string(random(NONCE)), keyFields],
    ...[uint64(serial), uint32(KINDS[type]), string(keyId), string(Buffer.concat(principals.map(string)))],
    ...[uint64(validAfter), uint64(validBefore)],
    ...[string(writeOptions(criticalOptions ?? new Map())), string(writeOptions(extensions ?? new Map()))],
    ...[string(""), string(authority.publicKey.blob)],
  ]);
  const [algorithm] = signatureAlgorithms(authority.publicKey.type);
  if (algorithm === undefined) throw certificateInvalid("its authority can't sign");
  // What the reader refuses is not issued.
  return readCertificate(Buffer.concat([body, string(authority.sign(algorithm, body))]));
}

function wholeSeconds({ validAfter, validBefore }: CertificateTerms): readonly [bigint, bigint] {
  const [first, last] = [Math.ceil(validAfter / SECOND), Math.floor(validBefore / SECOND)];
  if (!Number.isSafeInteger(first) || !Number.isSafeInteger(last) || first < 0 || first >= last) {
    throw certificateInvalid("it would be valid at no time, or for ever");
  }
  return [BigInt(first), BigInt(last)];
}
