import { createHmac, createSecretKey, type KeyObject } from "node:crypto";
import { GatehouseError, Secret, type Transform } from "@gatehouse/core";
import { partial } from "./partial.ts";
import { HASH_DIGITS, REDACTED } from "./redacted.ts";
import type { Found } from "./spans.ts";

export { REDACTED } from "./redacted.ts";

/** Below this a key could be found by trial, and then every value that can be guessed. */
const MIN_KEY = 32;

/**
 * A value's text -> what is shown of it, or null for SQL's NULL. A value that is NULL is never handed in: it stays so.
 * The result says nothing of the value's length but where a partial transform keeps its shape.
 *
 * @param found where it is a part of a text: by what it was found
 */
export type TextTransform = (value: string, found?: Found) => string | null;

/**
 * The key of `hash`: at least 32 bytes that only the gateway has, the same after a restart. Two gateways that have the
 * same key give the same hashes.
 *
 * @throws {GatehouseError} CONFIG_INVALID where it is too short
 */
export function maskingKey(material: Secret | Uint8Array): KeyObject {
  const bytes = material instanceof Secret ? Buffer.from(material.reveal(), "utf8") : material;
  if (bytes.length < MIN_KEY) {
    throw new GatehouseError("CONFIG_INVALID", `the key of masks is shorter than ${MIN_KEY} bytes`, {
      hint: "make one with: openssl rand -hex 32",
    });
  }
  return createSecretKey(bytes);
}

export function compileTransform(transform: Transform, key: KeyObject): TextTransform {
  switch (transform.kind) {
    case "redact":
      return () => REDACTED;
    case "null":
      return () => null;
    case "constant": {
      const { value } = transform;
      return () => value;
    }
    case "hash":
      return (value) => hash(value, key);
    case "partial": {
      const { of } = transform;
      return (value, found) => {
        // `hunter2@db.internal` of a connection string looks like an address, and begins with a password.
        const severalKinds = found !== undefined && found.detectors.length > 1;
        // Of a card the last digits stay: with the first ones, that would be all.
        return severalKinds || found?.begunShown ? REDACTED : (partial(value, of) ?? REDACTED);
      };
    }
  }
}

/**
 * `[hash:` and 32 hexadecimal digits: HMAC-SHA-256 (RFC 2104, cut as its section 5 allows). Without the key, values
 * can't be tried one after the other. The brackets keep it apart from what stands beside it in a text.
 */
function hash(value: string, key: KeyObject): string {
  const digest = createHmac("sha256", key).update(value, "utf8").digest("hex");
  return `[hash:${digest.slice(0, HASH_DIGITS)}]`;
}
