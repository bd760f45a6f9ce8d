import { createHash, type KeyObject, type X509Certificate } from "node:crypto";
import {
  bits,
  content,
  type Der,
  decode,
  encode,
  integer,
  items,
  octets,
  oid,
  sequence,
  tagged,
  trueValue,
} from "./der.ts";
import type { SubjectName } from "./names.ts";

/** What a leaf certificate may be used for: at most one side of a TLS connection. */
export type CertificateUse = "server" | "client";

/** The extended key usages of RFC 5280 section 4.2.1.12. */
const usageOids: Readonly<Record<CertificateUse, string>> = {
  server: "1.3.6.1.5.5.7.3.1",
  client: "1.3.6.1.5.5.7.3.2",
};

/** Every use that a certificate is marked for; none for an authority's. */
export function usesOf(certificate: X509Certificate): CertificateUse[] {
  const usages = certificate.toLegacyObject().ext_key_usage ?? [];
  return (["server", "client"] as const).filter((use) => usages.includes(usageOids[use]));
}

const SUBJECT_KEY_IDENTIFIER = "2.5.29.14";
const KEY_USAGE = "2.5.29.15";
const SUBJECT_ALT_NAME = "2.5.29.17";
const BASIC_CONSTRAINTS = "2.5.29.19";
const AUTHORITY_KEY_IDENTIFIER = "2.5.29.35";
const EXTENDED_KEY_USAGE = "2.5.29.37";

/** The extensions of an authority that may sign leaves and no further authority. */
export function authorityExtensions(publicKey: KeyObject): Der[] {
  const identifier = keyIdentifier(publicKey);
  return [
    // cA TRUE, pathLenConstraint 0
    critical(BASIC_CONSTRAINTS, sequence(trueValue(), integer(Uint8Array.of(0)))),
    // keyCertSign (bit 5) and cRLSign (bit 6)
    critical(KEY_USAGE, bits(Uint8Array.of(0b0000_0110), 1)),
    extension(SUBJECT_KEY_IDENTIFIER, octets(identifier)),
    extension(AUTHORITY_KEY_IDENTIFIER, sequence(tagged(0, identifier))),
  ];
}

/** The extensions of a leaf for one use. */
export function leafExtensions(leaf: {
  readonly use: CertificateUse;
  readonly names: readonly SubjectName[];
  readonly publicKey: KeyObject;
  readonly authority: X509Certificate;
}): Der[] {
  const extensions = [
    critical(BASIC_CONSTRAINTS, sequence()),
    // digitalSignature (bit 0): all that ECDSA does in TLS
    critical(KEY_USAGE, bits(Uint8Array.of(0b1000_0000), 7)),
    extension(EXTENDED_KEY_USAGE, sequence(oid(usageOids[leaf.use]))),
    extension(SUBJECT_KEY_IDENTIFIER, octets(keyIdentifier(leaf.publicKey))),
    extension(AUTHORITY_KEY_IDENTIFIER, sequence(tagged(0, keyIdentifierOf(leaf.authority)))),
  ];
  if (leaf.names.length > 0) {
    extensions.push(extension(SUBJECT_ALT_NAME, sequence(...leaf.names.map(generalName))));
  }
  return extensions;
}

/** dNSName is `[2]`, iPAddress is `[7]` (RFC 5280 section 4.2.1.6). */
function generalName(name: SubjectName): Der {
  return name.type === "dns" ? tagged(2, Buffer.from(name.name, "ascii")) : tagged(7, name.bytes);
}

/** The first 160 bits of the SHA-256 of the key's point, uncompressed (RFC 7093 section 2, method 1). */
function keyIdentifier(publicKey: KeyObject): Buffer {
  const { x = "", y = "" } = publicKey.export({ format: "jwk" });
  const hash = createHash("sha256").update(Uint8Array.of(4));
  return hash.update(x, "base64url").update(y, "base64url").digest().subarray(0, 20);
}

/** The identifier that a certificate carries: it wins over any way of computing one (RFC 5280 section 4.2.1.1). */
function keyIdentifierOf(certificate: X509Certificate): Buffer {
  const wanted = content(oid(SUBJECT_KEY_IDENTIFIER));
  const [body] = items(decode(certificate.raw));
  const [extensions] = items(items(body).at(-1));
  const found = items(extensions).find((candidate) => content(items(candidate)[0]).equals(wanted));
  return found === undefined
    ? keyIdentifier(certificate.publicKey)
    : content(decode(content(items(found).at(-1))));
}

function extension(id: string, value: Der): Der {
  return sequence(oid(id), octets(encode(value)));
}

function critical(id: string, value: Der): Der {
  return sequence(oid(id), trueValue(), octets(encode(value)));
}
