import { GatehouseError, Secret, type SecretReference } from "@gatehouse/core";
import { readSecretFile } from "./secret-file.ts";

/**
 * The secret that a reference leads to, looked up anew at each call: a rotated file is used by the next
 * session without a restart.
 * @throws GatehouseError SECRET_UNAVAILABLE, with the reference's name and never anything of its content.
 */
export async function resolveSecret(reference: SecretReference): Promise<Secret> {
  switch (reference.from) {
    case "env":
      return environmentSecret(reference.name);
    case "file":
      return new Secret(await readSecretFile(reference.path));
    case "literal":
      return reference.secret;
  }
}

function environmentSecret(name: string): Secret {
  const value = process.env[name];
  if (value === undefined || value === "") {
    throw new GatehouseError(
      "SECRET_UNAVAILABLE",
      `The environment variable ${name} is ${value === undefined ? "not set" : "empty"}; the credential that needs it was not used.`,
      { hint: `Set ${name} in the gateway's environment and start it again.` },
    );
  }
  return new Secret(value);
}
