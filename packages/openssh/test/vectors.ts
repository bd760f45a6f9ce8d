import { readFileSync } from "node:fs";
import { join } from "node:path";
import { GatehouseError, Secret } from "@gatehouse/core";
import { parsePublicKeyLine, type PrivateKey, type PublicKey, readPrivateKey } from "../src/index.ts";

/** A moment at which the certificates among the vectors are valid. */
export const NOW = Date.UTC(2026, 5, 1);

export const passphrase = (): Secret => new Secret("correct horse");

/** A file that ssh-keygen made. */
export function vector(name: string): string {
  return readFileSync(join(import.meta.dirname, "vectors", name), "utf8");
}

export function publicKey(name: string): PublicKey {
  return parsePublicKeyLine(vector(`${name}.pub`)).key;
}

export function privateKey(name: string): PrivateKey {
  return readPrivateKey(vector(name), name.endsWith("-encrypted") ? passphrase() : undefined);
}

/** The blob of a certificate. */
export function certificateBlob(name: string): Buffer {
  return Buffer.from(vector(`${name}-cert.pub`).split(" ")[1] ?? "", "base64");
}

/** What comes of running this: its value, or the code of its error. Any other error is the test's. */
export function outcomeOf<T>(run: () => T): T | string {
  try {
    return run();
  } catch (thrown) {
    if (thrown instanceof GatehouseError) return thrown.code;
    throw thrown;
  }
}

/** All that is left of these bytes when they are cut, and when one bit is another. */
export function* damaged(bytes: Buffer, step = 1): Generator<Buffer> {
  for (let length = 0; length < bytes.length; length += step) yield bytes.subarray(0, length);
  for (let index = 0; index < bytes.length; index += step) {
    const copy = Buffer.from(bytes);
    copy[index] = (copy[index] ?? 0) ^ (1 << (index % 8));
    yield copy;
  }
  yield Buffer.concat([bytes, Buffer.of(0)]);
}
