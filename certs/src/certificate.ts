import { type KeyObject, randomBytes, sign, type X509Certificate } from "node:crypto";
import {
  bits,
  type Der,
  decode,
  encode,
  explicit,
  integer,
  items,
  oid,
  sequence,
  set,
  time,
  utf8,
} from "./der.ts";

const COMMON_NAME = "2.5.4.3";
const ORGANIZATION = "2.5.4.10";
const ECDSA_WITH_SHA256 = "1.2.840.10045.4.3.2";
const VERSION_3 = Uint8Array.of(2);

/** What stands in a certificate's body, but for its serial number. Times are milliseconds since the epoch. */
export interface CertificateFields {
  readonly issuer: Der;
  readonly subject: Der;
  readonly notBefore: number;
  readonly notAfter: number;
  readonly publicKey: KeyObject;
  readonly extensions: readonly Der[];
}

/**
 * Signs an X.509 v3 certificate (RFC 5280 section 4.1) with an ECDSA key and SHA-256.
 * @returns PEM
 */
export function signCertificate(fields: CertificateFields, signingKey: KeyObject): string {
  const algorithm = sequence(oid(ECDSA_WITH_SHA256));
  const body = sequence(
    explicit(0, integer(VERSION_3)),
    integer(serialNumber()),
    algorithm,
    fields.issuer,
    sequence(time(fields.notBefore), time(fields.notAfter)),
    fields.subject,
    decode(fields.publicKey.export({ type: "spki", format: "der" })),
    explicit(3, sequence(...fields.extensions)),
  );
  const signature = sign("sha256", encode(body), { key: signingKey, dsaEncoding: "der" });
  return pemCertificate(encode(sequence(body, algorithm, bits(signature))));
}

/** A distinguished name of an organization and a common name, both UTF8String (RFC 5280 section 4.1.2.4). */
export function distinguishedName(commonName: string): Der {
  return sequence(
    set(sequence(oid(ORGANIZATION), utf8("Gatehouse"))),
    set(sequence(oid(COMMON_NAME), utf8(commonName))),
  );
}

/** A v3 certificate's subject as it is encoded there: an issuer must repeat it byte for byte. */
export function subjectOf(certificate: X509Certificate): Der {
  const [body] = items(decode(certificate.raw));
  const subject = items(body)[5];
  if (subject === undefined) throw new TypeError("An X.509 v3 certificate has a subject.");
  return subject;
}

/**
 * Random and 20 bytes long, the most that RFC 5280 section 4.1.2.2 allows. The top bit is off to keep it
 * positive; the next one is on, so that no leading zero makes it longer than DER has it.
 */
function serialNumber(): Uint8Array {
  const bytes = randomBytes(20);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes;
}

function pemCertificate(der: Buffer): string {
  const lines = der.toString("base64").replace(/.{64}(?!$)/g, "$&\n");
  return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`;
}
