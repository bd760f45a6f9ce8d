import {
  type LevelCredential,
  messageOf,
  type SecretReference,
  type TargetCredential,
} from "@gatehouse/core";
import {
  createSecrets,
  readClientCertificate,
  resolvePrivateKey,
  resolveSigningKey,
  type Secrets,
} from "@gatehouse/credentials";
import { httpsComplaint } from "@gatehouse/documents";
import type { Config } from "./config.ts";
import { PROOFS } from "./credential-schema.ts";

/** A secret or certificate that could not be used now, and what would miss it. */
export interface SecretProblem {
  /** `target orders, level reader`, `webhook pager`, `callback chatops`, `vault`, `identity ssh`, `provider corp`. */
  readonly of: string;
  /** What is missing, by the reference's name; never a value. */
  readonly message: string;
}

interface Look {
  readonly of: string;
  readonly look: () => Promise<unknown>;
}

type Checked = Pick<Config, "targets" | "approvals" | "vault" | "identity">;

/**
 * Looks up all secrets and certificates that sessions and webhooks would, keeps none, and says which can't be used. Of a
 * secrets engine it asks what is left of the gateway's token, and has it issue nothing. Not part of loading: the machine
 * that checks a config need not be the one that holds its secrets.
 */
export async function checkSecrets(config: Checked): Promise<SecretProblem[]> {
  const problems: SecretProblem[] = [];
  const secrets = createSecrets({ vault: () => config.vault });
  const looks = [
    ...atEngine(config, secrets),
    ...atIdentity(config, secrets),
    ...atTargets(config, secrets),
    ...atWebhooks(config, secrets),
    ...atCallbacks(config, secrets),
  ];
  for (const { of, look } of looks) {
    try {
      await look();
    } catch (error) {
      problems.push({ of, message: messageOf(error) });
    }
  }
  return problems;
}

function atEngine({ vault }: Checked, secrets: Secrets): Look[] {
  return vault ? [{ of: "vault", look: () => secrets.vault.lookUpToken() }] : [];
}

async function lookAt(secrets: Secrets, reference: SecretReference): Promise<void> {
  (await secrets.resolve(reference)).wipe();
}

async function lookAtSshKey(secrets: Secrets, reference: SecretReference): Promise<void> {
  await resolvePrivateKey(secrets, reference);
}

async function lookAtKey(secrets: Secrets, reference: SecretReference): Promise<void> {
  (await resolveSigningKey(secrets, reference)).wipe();
}

/** An authority that can't be read lets nobody in by a certificate. */
function atIdentity({ identity }: Checked, secrets: Secrets): Look[] {
  const { authority } = identity.ssh;
  const clients = identity.oidc.flatMap(({ name, device }) => {
    const secret = device?.clientSecret;
    return secret ? [{ of: `provider ${name}`, look: () => lookAt(secrets, secret) }] : [];
  });
  return [
    ...(authority ? [{ of: "identity ssh", look: () => lookAtSshKey(secrets, authority) }] : []),
    ...clients,
  ];
}

function atTargets({ targets }: Checked, secrets: Secrets): Look[] {
  return [...targets.values()].flatMap((target) => {
    const levels = [...target.levels.values()];
    // Where a level has the target's own, it is named by its level.
    const own = levels.some(({ credential }) => areOne(credential, target.credential))
      ? []
      : looksAt(target.credential, secrets).map((look) => ({ of: `target ${target.name}`, look }));
    const theirs = levels.flatMap(({ name, credential }) =>
      looksAt(credential, secrets).map((look) => ({ of: `target ${target.name}, level ${name}`, look })),
    );
    return [...own, ...theirs];
  });
}

/** Whether the two were written once: whom they are for is another matter. */
function areOne(level: LevelCredential, own: TargetCredential): boolean {
  return "user" in level && PROOFS.every((proof) => level[proof] === own[proof]);
}

function looksAt(credential: LevelCredential, secrets: Secrets): (() => Promise<unknown>)[] {
  if (!("user" in credential)) return [];
  const { password, certificate, key, authority } = credential;
  return [
    ...(password ? [() => lookAt(secrets, password)] : []),
    ...(certificate ? [async () => (await readClientCertificate(certificate)).key.wipe()] : []),
    ...[key, authority].flatMap((one) => (one ? [() => lookAtSshKey(secrets, one)] : [])),
  ];
}

function atWebhooks({ approvals }: Checked, secrets: Secrets): Look[] {
  return approvals.webhooks.flatMap(({ name, url, secret, plaintext }) => {
    const lookAtUrl = async () => {
      const address = await secrets.resolve(url);
      const complaint = httpsComplaint(address.reveal(), { development: plaintext });
      address.wipe();
      if (complaint !== undefined) throw new Error(`its URL can't be used: ${complaint}`);
    };
    const looks = [lookAtUrl, ...(secret ? [() => lookAtKey(secrets, secret)] : [])];
    return looks.map((look) => ({ of: `webhook ${name}`, look }));
  });
}

function atCallbacks({ approvals }: Checked, secrets: Secrets): Look[] {
  return approvals.callbacks.map(({ name, secret }) => ({
    of: `callback ${name}`,
    look: () => lookAtKey(secrets, secret),
  }));
}
