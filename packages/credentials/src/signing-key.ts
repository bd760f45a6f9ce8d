import { GatehouseError, type Secret, type SecretReference } from "@gatehouse/core";
import type { Secrets } from "./secrets.ts";

/** A shorter key can be found from one signature by trying. */
const LEAST_BYTES = 16;

/**
 * The secret that a reference leads to, where it is one to sign with.
 * @throws GatehouseError SECRET_UNAVAILABLE where there is none, or where it is shorter than 16 bytes
 */
export async function resolveSigningKey(
  secrets: Pick<Secrets, "resolve">,
  reference: SecretReference,
): Promise<Secret> {
  const secret = await secrets.resolve(reference);
  if (secret.size >= LEAST_BYTES) return secret;
  secret.wipe();
  throw new GatehouseError(
    "SECRET_UNAVAILABLE",
    `${placeOf(reference)} has less than ${LEAST_BYTES} bytes; nothing was signed with it, and no signature was checked.`,
    { hint: "Make a key of random bytes: `openssl rand -hex 32`." },
  );
}

/** What an error calls the key that a reference leads to. */
export function placeOf(reference: SecretReference): string {
  switch (reference.from) {
    case "env":
      return `The key in the environment variable ${reference.name}`;
    case "file":
      return `The key in ${reference.path}`;
    case "exec":
      return `The key that ${reference.command[0]} prints`;
    case "vault":
      return `The key in the secrets engine's ${reference.path}#${reference.field}`;
    case "literal":
      return "The key that the config holds";
  }
}
