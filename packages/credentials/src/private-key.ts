import { GatehouseError, messageOf, type SecretReference } from "@gatehouse/core";
import { type PrivateKey, readPrivateKey } from "@gatehouse/openssh";
import type { Secrets } from "./secrets.ts";
import { placeOf } from "./signing-key.ts";

/**
 * The SSH key that a reference leads to. Its text is wiped.
 * @throws GatehouseError SECRET_UNAVAILABLE where there is none, KEY_INVALID where it is no key that can be used; with the
 * reference's name, and nothing of the key
 */
export async function resolvePrivateKey(
  secrets: Pick<Secrets, "resolve">,
  reference: SecretReference,
): Promise<PrivateKey> {
  const text = await secrets.resolve(reference);
  try {
    return readPrivateKey(text);
  } catch (cause) {
    throw new GatehouseError("KEY_INVALID", `${placeOf(reference)} can't be used. ${messageOf(cause)}`, {
      hint: "Put a private key there, in OpenSSH's form or PEM, without a passphrase.",
      cause,
    });
  } finally {
    text.wipe();
  }
}
