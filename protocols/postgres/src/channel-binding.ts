import { createHash } from "node:crypto";
import type { TLSSocket } from "node:tls";
import { GatehouseError } from "@gatehouse/core";

/*
 * Certificate ::= SEQUENCE { tbsCertificate, signatureAlgorithm AlgorithmIdentifier, signatureValue }   RFC 5280 4.1
 * AlgorithmIdentifier ::= SEQUENCE { algorithm OBJECT IDENTIFIER, parameters ANY OPTIONAL }
 * RSASSA-PSS-params ::= SEQUENCE { hashAlgorithm [0] AlgorithmIdentifier DEFAULT sha1, ... }           RFC 8017 A.2.3
 */
const EXPLICIT_0 = 0xa0;

/** The hash of each signature's algorithm, by its object identifier. MD5 and SHA-1 become SHA-256 (RFC 5929). */
const HASHES: ReadonlyMap<string, string> = new Map([
  ["1.2.840.113549.1.1.4", "sha256"], // md5WithRSAEncryption
  ["1.2.840.113549.1.1.5", "sha256"], // sha1WithRSAEncryption
  ["1.2.840.113549.1.1.11", "sha256"], // sha256WithRSAEncryption
  ["1.2.840.113549.1.1.12", "sha384"],
  ["1.2.840.113549.1.1.13", "sha512"],
  ["1.2.840.113549.1.1.14", "sha224"],
  ["1.2.840.10045.4.1", "sha256"], // ecdsa-with-SHA1
  ["1.2.840.10045.4.3.1", "sha224"], // ecdsa-with-SHA224
  ["1.2.840.10045.4.3.2", "sha256"],
  ["1.2.840.10045.4.3.3", "sha384"],
  ["1.2.840.10045.4.3.4", "sha512"],
  ["1.3.14.3.2.26", "sha256"], // SHA-1 and the others by themselves: parameters of RSASSA-PSS
  ["2.16.840.1.101.3.4.2.1", "sha256"],
  ["2.16.840.1.101.3.4.2.2", "sha384"],
  ["2.16.840.1.101.3.4.2.3", "sha512"],
  ["2.16.840.1.101.3.4.2.4", "sha224"],
]);
const RSASSA_PSS = "1.2.840.113549.1.1.10";
const SHA1 = "1.3.14.3.2.26";

/**
 * What ties a log-in to the TLS connection that it runs over: `tls-server-end-point` of RFC 5929 section 4, the hash
 * of the certificate that the target has shown. Who relays the log-in over another connection has another one.
 * @throws GatehouseError TARGET_UNVERIFIED where the certificate has none. Going on without would be for an attacker
 * to choose; libpq fails here too.
 */
export function channelBinding(socket: TLSSocket): Buffer {
  const certificate = socket.getPeerX509Certificate()?.raw;
  const hash = certificate && signatureHash(certificate);
  if (certificate === undefined || hash === undefined) {
    throw new GatehouseError(
      "TARGET_UNVERIFIED",
      "The signature of the target's certificate has no hash to bind the log-in to its TLS connection by.",
      { hint: "Give the target an RSA or ECDSA certificate, or write `channelBinding: disable` for it." },
    );
  }
  return createHash(hash).update(certificate).digest();
}

/** The hash that binds to this certificate (DER); undefined where RFC 5929 has none (Ed25519) or it is not known. */
export function signatureHash(certificate: Buffer): string | undefined {
  const [whole] = elements(certificate);
  const [, algorithm] = elements(whole?.content);
  const { name, parameters } = algorithmIdentifier(algorithm);
  if (name !== RSASSA_PSS) return HASHES.get(name);
  const hash = elements(parameters?.content).find(({ tag }) => tag === EXPLICIT_0);
  return HASHES.get(hash === undefined ? SHA1 : algorithmIdentifier(elements(hash.content)[0]).name);
}

interface Element {
  readonly tag: number;
  readonly content: Buffer;
}

function algorithmIdentifier(sequence: Element | undefined): { name: string; parameters?: Element } {
  const [identifier, parameters] = elements(sequence?.content);
  return { name: dotted(identifier?.content ?? Buffer.alloc(0)), ...(parameters ? { parameters } : {}) };
}

/** The values that stand one after the other in DER; those up to the first that is none. */
function elements(bytes: Buffer = Buffer.alloc(0)): readonly Element[] {
  const found: Element[] = [];
  for (let at = 0; at + 2 <= bytes.length; ) {
    const first = bytes.readUInt8(at + 1);
    const more = first < 0x80 ? 0 : first - 0x80;
    const start = at + 2 + more;
    if (more > 4 || start > bytes.length) break;
    const length = more === 0 ? first : bytes.readUIntBE(at + 2, more);
    if (start + length > bytes.length) break;
    found.push({ tag: bytes.readUInt8(at), content: bytes.subarray(start, start + length) });
    at = start + length;
  }
  return found;
}

/** An object identifier as people write it (X.690 section 8.19); of seven bits in each byte, the first two are one. */
function dotted(content: Buffer): string {
  const numbers: number[] = [];
  let number = 0;
  for (const byte of content) {
    number = number * 128 + (byte & 0x7f);
    if (byte >= 0x80) continue;
    numbers.push(number);
    number = 0;
  }
  const [first = 0, ...others] = numbers;
  const root = Math.min(Math.floor(first / 40), 2);
  return [root, first - root * 40, ...others].join(".");
}
