import { createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";
import { GatehouseError, type Secret } from "@gatehouse/core";
import { saslprep } from "@mongodb-js/saslprep";

const derive = promisify(pbkdf2);
const KEY_LENGTH = 32;
/** A server that asks for more keeps the gateway busy on purpose. PostgreSQL's default is 4,096. */
const MAX_ITERATIONS = 1_000_000;

/** The client's side of SCRAM-SHA-256 (RFC 5802, RFC 7677), without channel binding. */
export class ScramClient {
  static readonly mechanism = "SCRAM-SHA-256";
  readonly #password: Secret;
  readonly #nonce: string;
  #serverSignature: Buffer | undefined;

  constructor(password: Secret, nonce: string = randomBytes(18).toString("base64")) {
    this.#password = password;
    this.#nonce = nonce;
  }

  /** `client-first-message`. PostgreSQL takes the user from the start-up packet and ignores the one here. */
  first(): string {
    return `n,,${this.#firstBare()}`;
  }

  /**
   * Answers `server-first-message` with `client-final-message`.
   * @throws GatehouseError TARGET_AUTHENTICATION when the server does not keep to the exchange.
   */
  async final(serverFirst: string): Promise<string> {
    const fields = readFields(serverFirst);
    const nonce = fields.get("r") ?? "";
    const salt = Buffer.from(fields.get("s") ?? "", "base64");
    const iterations = Number(fields.get("i"));
    // The nonce must go on from ours: another one is an answer to somebody else's exchange.
    if (!nonce.startsWith(this.#nonce) || nonce.length === this.#nonce.length || salt.length === 0)
      throw broken();
    if (!Number.isInteger(iterations) || iterations < 1 || iterations > MAX_ITERATIONS) throw broken();
    const salted = await derive(prepare(this.#password.reveal()), salt, iterations, KEY_LENGTH, "sha256");
    const clientKey = hmac(salted, "Client Key");
    const storedKey = createHash("sha256").update(clientKey).digest();
    const withoutProof = `c=biws,r=${nonce}`;
    const authMessage = `${this.#firstBare()},${serverFirst},${withoutProof}`;
    const signature = hmac(storedKey, authMessage);
    const proof = Buffer.from(clientKey.map((byte, index) => byte ^ (signature[index] ?? 0)));
    this.#serverSignature = hmac(hmac(salted, "Server Key"), authMessage);
    return `${withoutProof},p=${proof.toString("base64")}`;
  }

  /**
   * Checks `server-final-message`: only who has the verifier can have made it.
   * @throws GatehouseError TARGET_AUTHENTICATION
   */
  verify(serverFinal: string): void {
    const given = Buffer.from(readFields(serverFinal).get("v") ?? "", "base64");
    const expected = this.#serverSignature;
    if (expected === undefined || given.length !== expected.length || !timingSafeEqual(given, expected)) {
      throw broken();
    }
  }

  #firstBare(): string {
    return `n=,r=${this.#nonce}`;
  }
}

/** RFC 4013. PostgreSQL takes a password that SASLprep can't prepare as it is, and so does this. */
function prepare(password: string): string {
  try {
    return saslprep(password, { allowUnassigned: true });
  } catch {
    return password;
  }
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac("sha256", key).update(text, "utf8").digest();
}

function readFields(message: string): ReadonlyMap<string, string> {
  return new Map(message.split(",").map((field) => [field.slice(0, 1), field.slice(2)]));
}

function broken(): GatehouseError {
  return new GatehouseError("TARGET_AUTHENTICATION", "The target's SCRAM exchange is not right.");
}
