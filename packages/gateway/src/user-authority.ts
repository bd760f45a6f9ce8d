import { access } from "node:fs/promises";
import { join } from "node:path";
import { makeSshKey } from "@gatehouse/certs";
import type { SecretReference } from "@gatehouse/core";
import type { Secrets } from "@gatehouse/credentials";
import { type PrivateKey, type PublicKey, readPrivateKey } from "@gatehouse/openssh";

/** In the state folder. */
const FILE = join("ssh", "user-authority");

export interface UserAuthorityOptions {
  /** Where the config says it is; undefined where it leaves that to the gateway. */
  readonly reference: () => SecretReference | undefined;
  readonly stateFolder: string;
  readonly secrets: Secrets;
}

/**
 * The gateway's authority for users' keys: what it certifies proves somebody to gateways that have the same one. Targets must not
 * trust it (`ssh-certificate.ts` of `identity` says why).
 */
export class UserAuthority {
  readonly #options: UserAuthorityOptions;
  #publicKey: Promise<PublicKey> | undefined;
  /** Which config it is by, counted from the first. */
  #config = 0;
  #making: Promise<unknown> | undefined;

  constructor(options: UserAuthorityOptions) {
    this.#options = options;
  }

  /**
   * Its private key, looked up anew, to be forgotten after its use. One that the gateway keeps itself is made at the first need.
   * @throws GatehouseError SECRET_UNAVAILABLE, VAULT_FAILED, KEY_INVALID
   */
  async privateKey(): Promise<PrivateKey> {
    const { reference, secrets } = this.#options;
    const config = this.#config;
    const text = await secrets.resolve(reference() ?? (await this.#own()));
    try {
      const key = readPrivateKey(text);
      // Another one from now on, where it was replaced; not the one before, when the config has led elsewhere meanwhile.
      if (config === this.#config) this.#publicKey = Promise.resolve(key.publicKey);
      return key;
    } finally {
      text.wipe();
    }
  }

  /** Its public key, which is looked up once, and again after `forget`. @throws as `privateKey` does */
  publicKey(): Promise<PublicKey> {
    const config = this.#config;
    this.#publicKey ??= this.privateKey().then(
      ({ publicKey }) => publicKey,
      (error: unknown) => {
        if (config === this.#config) this.#publicKey = undefined;
        throw error;
      },
    );
    return this.#publicKey;
  }

  /** The config may lead to another one. */
  forget(): void {
    this.#config++;
    this.#publicKey = undefined;
  }

  async #own(): Promise<SecretReference> {
    const path = join(this.#options.stateFolder, FILE);
    this.#making ??= makeKey(path).catch((error: unknown) => {
      this.#making = undefined;
      throw error;
    });
    await this.#making;
    return { from: "file", path };
  }
}

/** Makes the file where there is none. */
async function makeKey(path: string): Promise<void> {
  try {
    await access(path);
  } catch {
    await makeSshKey(path, "gatehouse user authority");
  }
}
