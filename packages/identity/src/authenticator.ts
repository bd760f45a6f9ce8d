import { createHash } from "node:crypto";
import {
  GatehouseError,
  type Authenticator,
  type Clock,
  type Identity,
  type Logger,
  type OidcProvider,
  type PresentedKey,
  type Secret,
  type SecretReference,
  type TiedKey,
} from "@gatehouse/core";
import type { PublicKey } from "@gatehouse/openssh";
import { LRUCache } from "lru-cache";
import { identityOf } from "./claims.ts";
import { DeviceSignIns } from "./device-sign-ins.ts";
import { discoverKeys, type KeySet } from "./discovery.ts";
import type { Fetch } from "./http.ts";
import { ProviderKeys, type ProviderStatus } from "./keys.ts";
import { SshCertificates } from "./ssh-certificate.ts";
import { nobodysKey, TiedKeys } from "./tied-keys.ts";
import { claimedIssuer, endOf, refusedCredential, refuseOversize, verifyToken } from "./token.ts";

const MAX_VERIFIED_TOKENS = 10_000;

export interface AuthenticatorOptions {
  readonly providers: readonly OidcProvider[];
  readonly clock: Clock;
  readonly log: Logger;
  /** The keys that are tied to somebody. */
  readonly keys: readonly TiedKey[];
  /** Of the gateway's own authority for users; rejects where it can't be had. */
  readonly authority: () => Promise<PublicKey>;
  /** Looks up the secret of a client by which people sign in. */
  readonly secret: (reference: SecretReference) => Promise<Secret>;
  /** undici's `fetch` when left out. */
  readonly fetch?: Fetch;
}

/** Proves identities by the access tokens of OpenID Connect providers, and by keys that are tied to those whom they know. */
export interface OidcAuthenticator extends Authenticator {
  /** Fetches each provider's keys once. Never rejects: a provider that is down is logged and tried again. */
  start(): Promise<void>;
  /** How each provider stands, in the order of the config. */
  status(): readonly ProviderStatus[];
  /** Ends every fetch and timer. */
  close(): void;
}

interface TrustedProvider {
  readonly provider: OidcProvider;
  readonly keys: ProviderKeys;
}

interface VerifiedToken {
  readonly trusted: TrustedProvider;
  /** The keys that verified it: when the provider has others, the token is to be verified again. */
  readonly by: KeySet;
  readonly identity: Identity;
}

/**
 * Builds the authenticator over the configured providers. A token is a compact JWT; its issuer, compared
 * character by character, says which provider is to verify it.
 * @throws GatehouseError CONFIG_INVALID when two providers have the same issuer.
 */
export function createAuthenticator(options: AuthenticatorOptions): OidcAuthenticator {
  const { providers, clock, log, authority, secret, fetch } = options;
  const byIssuer = new Map<string, TrustedProvider>();
  for (const provider of providers) {
    const { name, issuer } = provider;
    if (byIssuer.has(issuer)) throw sameIssuer(issuer);
    const load = (signal: AbortSignal) => discoverKeys(provider, { signal, fetch });
    byIssuer.set(issuer, { provider, keys: new ProviderKeys({ name, clock, log, load }) });
  }
  const tied = new TiedKeys(options.keys);
  const certificates = new SshCertificates({ providers, clock, authority });
  const signIns = new DeviceSignIns({ providers, clock, secret, fetch });
  const verified = new LRUCache<string, VerifiedToken>({ max: MAX_VERIFIED_TOKENS });

  const verify = async (credential: string): Promise<VerifiedToken> => {
    const trusted = byIssuer.get(claimedIssuer(credential));
    if (trusted === undefined) {
      const hint = "The issuers that are trusted are under `identity.oidc` in the config.";
      throw refusedCredential("IDENTITY_INVALID", "The token's issuer is none of the configured ones", hint);
    }
    const { provider, keys } = trusted;
    let by: KeySet | undefined = await keys.current();
    let payload = await verifyToken(credential, provider, by, clock.now());
    if (payload === undefined) {
      by = await keys.newerThan(by);
      payload = by && (await verifyToken(credential, provider, by, clock.now()));
    }
    if (by === undefined || payload === undefined) {
      throw refusedCredential(
        "IDENTITY_INVALID",
        `The token's key is none that provider ${provider.name} publishes`,
      );
    }
    return { trusted, by, identity: identityOf(payload, provider, endOf(payload, provider)) };
  };

  const recall = (digest: string): Identity | undefined => {
    const known = verified.get(digest);
    if (known === undefined) return undefined;
    const { trusted, by, identity } = known;
    if (trusted.keys.usable() === by && clock.now() < identity.expiresAt) return identity;
    verified.delete(digest);
    return undefined;
  };

  const byToken = async (credential: string): Promise<Identity> => {
    refuseOversize(credential);
    const digest = createHash("sha256").update(credential).digest("base64");
    const known = recall(digest);
    if (known !== undefined) return known;
    const token = await verify(credential);
    verified.set(digest, token);
    return token.identity;
  };

  const byKey = async ({ key, client }: PresentedKey): Promise<Identity> => {
    const known = tied.find(key);
    if (known !== undefined) return known;
    const refusal = nobodysKey(key);
    if (refusal) throw refusal;
    return certificates.identify(key, "host" in client ? client.host : undefined);
  };

  const all = [...byIssuer.values()];
  return {
    authenticate: (credential) => ("token" in credential ? byToken(credential.token) : byKey(credential)),
    signIn: (client, gone) => signIns.start(client, gone),
    async start() {
      await Promise.all(all.map(({ keys }) => keys.refresh()));
    },
    status: () => all.map(({ keys }) => keys.status()),
    close() {
      for (const { keys } of all) keys.close();
      signIns.close();
      verified.clear();
    },
  };
}

function sameIssuer(issuer: string): GatehouseError {
  return new GatehouseError(
    "CONFIG_INVALID",
    `Two identity providers have the issuer ${issuer}; no token could be told apart.`,
    { hint: "Keep one of them under `identity.oidc`." },
  );
}
