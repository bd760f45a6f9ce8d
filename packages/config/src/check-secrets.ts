import { type LevelCredential, messageOf } from "@gatehouse/core";
import { readClientCertificate, resolveSecret, resolveSigningKey } from "@gatehouse/credentials";
import { httpsComplaint } from "@gatehouse/documents";
import type { Config } from "./config.ts";

/** A secret or certificate that could not be used now, and what would miss it. */
export interface SecretProblem {
  /** `target orders, level reader`, `webhook pager`, `callback chatops`. */
  readonly of: string;
  /** What is missing, by the reference's name; never a value. */
  readonly message: string;
}

interface Look {
  readonly of: string;
  readonly look: () => Promise<unknown>;
}

/**
 * Looks up all secrets and certificates that sessions and webhooks would, keeps none, and says which can't be used. Not
 * part of loading: the machine that checks a config need not be the one that holds its secrets.
 */
export async function checkSecrets(config: Pick<Config, "targets" | "approvals">): Promise<SecretProblem[]> {
  const problems: SecretProblem[] = [];
  for (const { of, look } of [...atTargets(config), ...atWebhooks(config), ...atCallbacks(config)]) {
    try {
      await look();
    } catch (error) {
      problems.push({ of, message: messageOf(error) });
    }
  }
  return problems;
}

function atTargets({ targets }: Pick<Config, "targets">): Look[] {
  return [...targets.values()].flatMap((target) => {
    const levels = [...target.levels.values()];
    // Where a level has the target's own, it is named by its level.
    const own = levels.some(({ credential }) => credential === target.credential)
      ? []
      : looksAt(target.credential).map((look) => ({ of: `target ${target.name}`, look }));
    const theirs = levels.flatMap(({ name, credential }) =>
      looksAt(credential).map((look) => ({ of: `target ${target.name}, level ${name}`, look })),
    );
    return [...own, ...theirs];
  });
}

function looksAt(credential: LevelCredential): (() => Promise<unknown>)[] {
  if (!("user" in credential)) return [];
  const { password, certificate } = credential;
  return [
    ...(password ? [() => resolveSecret(password)] : []),
    ...(certificate ? [() => readClientCertificate(certificate)] : []),
  ];
}

function atWebhooks({ approvals }: Pick<Config, "approvals">): Look[] {
  return approvals.webhooks.flatMap(({ name, url, secret, plaintext }) => {
    const lookAtUrl = async () => {
      const complaint = httpsComplaint((await resolveSecret(url)).reveal(), { development: plaintext });
      if (complaint !== undefined) throw new Error(`its URL can't be used: ${complaint}`);
    };
    const looks = [lookAtUrl, ...(secret ? [() => resolveSigningKey(secret)] : [])];
    return looks.map((look) => ({ of: `webhook ${name}`, look }));
  });
}

function atCallbacks({ approvals }: Pick<Config, "approvals">): Look[] {
  return approvals.callbacks.map(({ name, secret }) => ({
    of: `callback ${name}`,
    look: () => resolveSigningKey(secret),
  }));
}
