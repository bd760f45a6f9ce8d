import { createHash } from "node:crypto";
import {
  GatehouseError,
  type Authenticator,
  type Clock,
  type Identity,
  type Logger,
  type OidcProvider,
} from "@gatehouse/core";
import { LRUCache } from "lru-cache";
import { identityOf } from "./claims.ts";
import { discoverKeys, type KeySet } from "./discovery.ts";
import type { Fetch } from "./http.ts";
import { ProviderKeys, type ProviderStatus } from "./keys.ts";
import { claimedIssuer, endOf, refusedToken, refuseOversize, verifyToken } from "./token.ts";

const MAX_VERIFIED_TOKENS = 10_000;

export interface AuthenticatorOptions {
  readonly providers: readonly OidcProvider[];
  readonly clock: Clock;
  readonly log: Logger;
  /** undici's `fetch` when left out. */
  readonly fetch?: Fetch;
}

/** Proves identities by the access tokens of OpenID Connect providers. */
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
 * Builds the authenticator over the configured providers. A credential is a compact JWT; its issuer, compared
 * character by character, says which provider is to verify it.
 * @throws GatehouseError CONFIG_INVALID when two providers have the same issuer.
 */
export function createAuthenticator(options: AuthenticatorOptions): OidcAuthenticator {
  const { clock, log, fetch } = options;
  const byIssuer = new Map<string, TrustedProvider>();
  for (const provider of options.providers) {
    const { name, issuer } = provider;
    if (byIssuer.has(issuer)) throw sameIssuer(issuer);
    const load = (signal: AbortSignal) => discoverKeys(provider, { signal, fetch });
    byIssuer.set(issuer, { provider, keys: new ProviderKeys({ name, clock, log, load }) });
  }
  const verified = new LRUCache<string, VerifiedToken>({ max: MAX_VERIFIED_TOKENS });

  const verify = async (credential: string): Promise<VerifiedToken> => {
    const trusted = byIssuer.get(claimedIssuer(credential));
    if (trusted === undefined) {
      const hint = "The issuers that are trusted are under `identity.oidc` in the config.";
      throw refusedToken("IDENTITY_INVALID", "The token's issuer is none of the configured ones", hint);
    }
    const { provider, keys } = trusted;
    let by: KeySet | undefined = await keys.current();
    let payload = await verifyToken(credential, provider, by, clock.now());
    if (payload === undefined) {
      by = await keys.newerThan(by);
      payload = by && (await verifyToken(credential, provider, by, clock.now()));
    }
    if (by === undefined || payload === undefined) {
      throw refusedToken(
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

  const all = [...byIssuer.values()];
  return {
    async authenticate(credential) {
      refuseOversize(credential);
      const digest = createHash("sha256").update(credential).digest("base64");
      const known = recall(digest);
      if (known !== undefined) return known;
      const token = await verify(credential);
      verified.set(digest, token);
      return token.identity;
    },
    async start() {
      await Promise.all(all.map(({ keys }) => keys.refresh()));
    },
    status: () => all.map(({ keys }) => keys.status()),
    close() {
      for (const { keys } of all) keys.close();
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
