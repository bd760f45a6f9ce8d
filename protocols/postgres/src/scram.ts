import { randomBytes, timingSafeEqual } from "node:crypto";
import { GatehouseError, type Secret } from "@gatehouse/core";
import { hmac, ScramKeyring } from "./scram-keys.ts";

export const SCRAM = "SCRAM-SHA-256";
export const SCRAM_PLUS = "SCRAM-SHA-256-PLUS";

/** A server that asks for more keeps the gateway busy on purpose. PostgreSQL's default is 4,096. */
const MAX_ITERATIONS = 1_000_000;
/** Bytes. PostgreSQL's salts have 16. */
const MAX_SALT = 1024;

/** `server-first-message`; an extension that is mandatory (`m=`) would stand in front, and none is known here. */
const SERVER_FIRST = /^r=([!-+\--~]+),s=([A-Za-z0-9+/]+={0,2}),i=([1-9][0-9]{0,9})$/;
const SERVER_FINAL = /^v=([A-Za-z0-9+/]+={0,2})$/;

/**
 * The gs2-cbind-flag of RFC 5802 section 6. Saying `unoffered` to a server that did offer it ends the log-in: so it
 * finds out that somebody in between took the offer away.
 */
export type ChannelBinding =
  /** `n`: this side does not do it. */
  | { readonly kind: "none" }
  /** `y`: this side would, and the server has not offered it. */
  | { readonly kind: "unoffered" }
  /** `p`: done, with the data of `tls-server-end-point`. */
  | { readonly kind: "bound"; readonly data: Buffer };

/** Shared by all connections: they log in with few passwords, but for those of minted users, which take no time. */
const keyring = new ScramKeyring();

/** The client's side of one exchange of SCRAM-SHA-256 or SCRAM-SHA-256-PLUS (RFC 5802, RFC 7677). */
export class ScramClient {
  readonly #password: Secret;
  readonly #binding: ChannelBinding;
  readonly #nonce: string;
  #serverSignature: Buffer | undefined;

  constructor(password: Secret, binding: ChannelBinding, nonce: string = randomBytes(18).toString("base64")) {
    this.#password = password;
    this.#binding = binding;
    this.#nonce = nonce;
  }

  /** `client-first-message`. PostgreSQL takes the user from the start-up packet and ignores the one here. */
  first(): string {
    return `${gs2Header(this.#binding)}${this.#firstBare()}`;
  }

  /**
   * Answers `server-first-message` with `client-final-message`.
   * @throws GatehouseError TARGET_AUTHENTICATION when the server does not keep to the exchange.
   */
  async final(serverFirst: string): Promise<string> {
    const [, nonce = "", salt64 = "", count] = SERVER_FIRST.exec(serverFirst) ?? [];
    const salt = Buffer.from(salt64, "base64");
    const iterations = Number(count);
    // The nonce must go on from ours: another one is an answer to somebody else's exchange.
    if (!nonce.startsWith(this.#nonce) || nonce.length === this.#nonce.length) throw broken();
    if (salt.length === 0 || salt.length > MAX_SALT || !(iterations <= MAX_ITERATIONS)) throw broken();
    const { clientKey, storedKey, serverKey } = await keyring.keys(this.#password, salt, iterations);
    const data = this.#binding.kind === "bound" ? this.#binding.data : Buffer.alloc(0);
    const bound = Buffer.concat([Buffer.from(gs2Header(this.#binding)), data]).toString("base64");
    const withoutProof = `c=${bound},r=${nonce}`;
    const authMessage = `${this.#firstBare()},${serverFirst},${withoutProof}`;
    const signature = hmac(storedKey, authMessage);
    const proof = Buffer.from(clientKey.map((byte, index) => byte ^ (signature[index] ?? 0)));
    this.#serverSignature = hmac(serverKey, authMessage);
    return `${withoutProof},p=${proof.toString("base64")}`;
  }

  /**
   * Checks `server-final-message`: only who has the verifier can have made it.
   * @throws GatehouseError TARGET_AUTHENTICATION
   */
  verify(serverFinal: string): void {
    const given = Buffer.from(SERVER_FINAL.exec(serverFinal)?.[1] ?? "", "base64");
    const expected = this.#serverSignature;
    if (expected === undefined || given.length !== expected.length || !timingSafeEqual(given, expected)) {
      throw broken();
    }
  }

  #firstBare(): string {
    return `n=,r=${this.#nonce}`;
  }
}

function gs2Header({ kind }: ChannelBinding): string {
  switch (kind) {
    case "none":
      return "n,,";
    case "unoffered":
      return "y,,";
    case "bound":
      return "p=tls-server-end-point,,";
  }
}

function broken(): GatehouseError {
  return new GatehouseError("TARGET_AUTHENTICATION", "The target's SCRAM exchange is not right.");
}
