import { createHash, createHmac, pbkdf2, randomBytes } from "node:crypto";
import { promisify } from "node:util";
import type { Secret } from "@gatehouse/core";
import { saslprep } from "@mongodb-js/saslprep";
import { LRUCache } from "lru-cache";

const derive = promisify(pbkdf2);
const KEY_LENGTH = 32;
const HASH = "sha256";

/** What both sides of a SCRAM exchange prove things with (RFC 5802 section 3). */
export interface ScramKeys {
  readonly clientKey: Buffer;
  readonly storedKey: Buffer;
  readonly serverKey: Buffer;
}

/** Fewer are done in no time: their keys are not kept. */
const WORTH_KEEPING = 100;

/**
 * Derives keys from passwords, and keeps those that were used last: a server gives a user's password the same salt at
 * each log-in, and PBKDF2 takes milliseconds on purpose. Who read these keys in the gateway's memory could log in to
 * that one server, until the password is changed; so could who read the password, which lies in the same memory.
 */
export class ScramKeyring {
  /** Passwords stand in here hashed under a key of this process alone: an entry's name says nothing elsewhere. */
  readonly #naming = randomBytes(KEY_LENGTH);
  readonly #keys: LRUCache<string, Promise<ScramKeys>>;

  /** @param most how many are kept */
  constructor(most = 64) {
    this.#keys = new LRUCache({ max: most });
  }

  /** Connections that begin at the same time wait for the same derivation. */
  async keys(password: Secret, salt: Buffer, iterations: number): Promise<ScramKeys> {
    if (iterations < WORTH_KEEPING) return deriveKeys(password, salt, iterations);
    const name = createHmac(HASH, this.#naming)
      .update(JSON.stringify([password.reveal(), salt.toString("base64"), iterations]))
      .digest("base64");
    const known = this.#keys.get(name);
    if (known !== undefined) return known;
    const keys = deriveKeys(password, salt, iterations);
    this.#keys.set(name, keys);
    try {
      return await keys;
    } catch (error) {
      this.#keys.delete(name);
      throw error;
    }
  }
}

async function deriveKeys(password: Secret, salt: Buffer, iterations: number): Promise<ScramKeys> {
  const salted = await derive(prepare(password.reveal()), salt, iterations, KEY_LENGTH, HASH);
  const clientKey = hmac(salted, "Client Key");
  const storedKey = createHash(HASH).update(clientKey).digest();
  return { clientKey, storedKey, serverKey: hmac(salted, "Server Key") };
}

/** RFC 4013. PostgreSQL takes a password that SASLprep can't prepare as it is, and so does this. */
function prepare(password: string): string {
  try {
    return saslprep(password, { allowUnassigned: true });
  } catch {
    return password;
  }
}

/** Bytes, as PostgreSQL's own. */
const SALT = 16;
/**
 * They slow down who guesses what a person has chosen. A random password of 32 bytes is not to be guessed, however quick a guess is;
 * and PostgreSQL itself goes through them at each CREATE ROLE, to see whether the password is empty.
 */
const ITERATIONS = 1;

/**
 * What a server keeps of a password (`pg_authid.rolpassword`), made here so that no server sees the password itself.
 * @param password a random one: a verifier of one that can be guessed would give it away
 */
export async function verifierOf(password: Secret): Promise<string> {
  const salt = randomBytes(SALT);
  const { storedKey, serverKey } = await deriveKeys(password, salt, ITERATIONS);
  const keys = `${storedKey.toString("base64")}:${serverKey.toString("base64")}`;
  return `SCRAM-SHA-256$${ITERATIONS}:${salt.toString("base64")}$${keys}`;
}

export function hmac(key: Buffer, text: string): Buffer {
  return createHmac(HASH, key).update(text, "utf8").digest();
}
