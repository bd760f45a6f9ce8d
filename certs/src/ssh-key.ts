import { rm } from "node:fs/promises";
import { dirname } from "node:path";
import { GatehouseError, messageOf } from "@gatehouse/core";
import { generatePrivateKey, type PublicKey, writePrivateKey } from "@gatehouse/openssh";
import { keep, makeFolder, PRIVATE_MODE, PUBLIC_MODE, writeWhole } from "./files.ts";

/**
 * Makes an ed25519 key in OpenSSH's own format, without a passphrase: FILE (mode 0600) and FILE.pub (mode 0644), in a folder
 * that is made with mode 0700 if it is missing.
 * @param comment what stands behind the public key
 * @throws GatehouseError KEY_INVALID when one of them is there already, or can't be written
 */
export async function makeSshKey(path: string, comment: string): Promise<PublicKey> {
  const key = generatePrivateKey("ssh-ed25519");
  const text = writePrivateKey(key, comment);
  try {
    await makeFolder(dirname(path));
    await writeWhole(path, text.reveal(), PRIVATE_MODE, keep);
    try {
      await writeWhole(`${path}.pub`, `${key.publicKey.toString()} ${comment}\n`, PUBLIC_MODE, keep);
    } catch (thrown) {
      // The key that was just put there would stand beside the public half of another one.
      await rm(path, { force: true });
      throw thrown;
    }
  } catch (cause) {
    throw new GatehouseError(
      "KEY_INVALID",
      `${path} and ${path}.pub were not both written: ${messageOf(cause)}.`,
      {
        hint: "A key is never overwritten: choose another name for a new one.",
        cause,
      },
    );
  } finally {
    text.wipe();
  }
  return key.publicKey;
}
