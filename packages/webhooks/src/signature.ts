import { createHmac, timingSafeEqual } from "node:crypto";
import type { Secret } from "@gatehouse/core";

/** `v1` is Gatehouse's own, both ways; `v0` is Slack's. They differ in nothing else. */
export type SignatureVersion = "v0" | "v1";

/**
 * HMAC-SHA256 over `VERSION:TIMESTAMP:BODY`. The timestamp is signed with the body, so that neither is good without
 * the other, and the version, so that a signature of one kind is none of the other.
 * @param timestamp seconds since the epoch, in digits as they are sent
 */
export function signatureOf(
  key: Secret,
  version: SignatureVersion,
  timestamp: string,
  body: string | Buffer,
): Buffer {
  return createHmac("sha256", key.reveal()).update(`${version}:${timestamp}:`).update(body).digest();
}

/** Whether a header, `VERSION=HEX`, has this signature. Takes as long whichever of its digits are wrong. */
export function matches(header: string, version: SignatureVersion, signature: Buffer): boolean {
  const [, hex] = new RegExp(`^${version}=([0-9a-f]{64})$`).exec(header) ?? [];
  return timingSafeEqual(Buffer.from(hex ?? "0".repeat(64), "hex"), signature) && hex !== undefined;
}

export function headerOf(version: SignatureVersion, signature: Buffer): string {
  return `${version}=${signature.toString("hex")}`;
}
