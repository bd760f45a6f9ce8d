import { GatehouseError, Secret, type SecretReference } from "@gatehouse/core";
import { readSecretFile } from "./secret-file.ts";
import { SecretPrograms } from "./secret-program.ts";
import { VaultClient, type VaultClientOptions } from "./vault/client.ts";

/** Looks up what references lead to. */
export interface Secrets {
  /**
   * The secret that a reference leads to, looked up anew at each call: a rotated one is used by the next session without
   * a restart. It is the caller's own, to be wiped after its last use.
   * @throws GatehouseError SECRET_UNAVAILABLE, and VAULT_FAILED for what a secrets engine has, with the reference's name
   * and never anything of its content
   */
  resolve(reference: SecretReference): Promise<Secret>;
  /** The engine behind `vault:`. */
  readonly vault: VaultClient;
}

export interface SecretsOptions {
  /** As the config says now; undefined where it has no secrets engine. */
  readonly vault: VaultClientOptions["settings"];
  /** Milliseconds for one program, or one question to the engine; 10 seconds, and 8, when left out. */
  readonly deadline?: number;
}

export function createSecrets({ vault: settings, deadline }: SecretsOptions): Secrets {
  const programs = new SecretPrograms(deadline);
  const vault = new VaultClient({
    settings,
    token: resolveHere,
    ...(deadline === undefined ? {} : { deadline }),
  });

  /** All but what the engine has: its own token is looked up so. */
  async function resolveHere(reference: SecretReference): Promise<Secret> {
    switch (reference.from) {
      case "env":
        return environmentSecret(reference.name);
      case "file":
        return readSecretFile(reference.path);
      case "exec":
        return programs.run(reference.command);
      case "literal":
        // The config keeps its own, whatever becomes of this one.
        return reference.secret.copy();
      case "vault":
        throw new GatehouseError("SECRET_UNAVAILABLE", "The secrets engine's own token can't be in it.", {
          hint: "Give `vault.token` as env:NAME, file:PATH or exec:/PATH.",
        });
    }
  }

  return {
    vault,
    resolve: (reference) =>
      reference.from === "vault" ? vault.read(reference.path, reference.field) : resolveHere(reference),
  };
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
