import { messageOf, type TargetCredential } from "@gatehouse/core";
import { readClientCertificate, resolveSecret } from "@gatehouse/credentials";
import type { Config } from "./config.ts";

/** A credential that could not be used now, and which sessions would miss it. */
export interface SecretProblem {
  readonly target: string;
  readonly level: string;
  /** What is missing, by the reference's name; never a value. */
  readonly message: string;
}

/**
 * Looks up every target's secrets and certificates as a session would, keeps none, and says which can't be used. Not
 * part of loading: the machine that checks a config need not be the one that holds its secrets.
 */
export async function checkSecrets(config: Pick<Config, "targets">): Promise<SecretProblem[]> {
  const problems: SecretProblem[] = [];
  for (const target of config.targets.values()) {
    for (const level of target.levels.values()) {
      for (const look of looksAt(level.credential)) {
        try {
          await look();
        } catch (error) {
          problems.push({ target: target.name, level: level.name, message: messageOf(error) });
        }
      }
    }
  }
  return problems;
}

function looksAt({ password, certificate }: TargetCredential): (() => Promise<unknown>)[] {
  return [
    ...(password ? [() => resolveSecret(password)] : []),
    ...(certificate ? [() => readClientCertificate(certificate)] : []),
  ];
}
