import type { OidcProvider } from "@gatehouse/core";
import { createLocalJWKSet, type JSONWebKeySet, type LocalJWKSet } from "jose";
import { withDocuments, type ConnectionOptions } from "./http.ts";

/** The public keys that a provider published at one time. Two sets are the same set only if they are one object. */
export interface KeySet {
  /** Finds a token's key by its `kid` and `alg`. */
  readonly find: LocalJWKSet;
  /** Equal for equal documents. */
  readonly text: string;
}

/**
 * Fetches a provider's keys by way of its discovery document (OpenID Connect Discovery 1.0 section 4,
 * RFC 8414 section 3).
 * @throws Error that says in a few words why there are none.
 */
export function discoverKeys(
  provider: OidcProvider,
  options: Omit<ConnectionOptions, "ca">,
): Promise<KeySet> {
  return withDocuments({ ...options, ca: provider.ca }, async (read) => {
    const { issuer } = provider;
    const url = `${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`;
    const jwksUri = jwksUriOf(await read(url), issuer, url);
    const keys = await read(jwksUri);
    if (!isKeySet(keys)) throw new Error(`${jwksUri} did not answer with a JSON Web Key Set`);
    return { find: createLocalJWKSet(keys), text: JSON.stringify(keys) };
  });
}

function jwksUriOf(metadata: unknown, issuer: string, url: string): string {
  if (!isObject(metadata)) throw new Error(`${url} is not a discovery document`);
  // Discovery 4.3: without this, whoever controls one document could speak for another issuer.
  if (metadata["issuer"] !== issuer) throw new Error(`${url} is the discovery document of another issuer`);
  const jwksUri = metadata["jwks_uri"];
  if (typeof jwksUri !== "string" || !URL.canParse(jwksUri)) throw new Error(`${url} has no jwks_uri`);
  const allowed = issuer.startsWith("http:") ? ["http:", "https:"] : ["https:"];
  if (!allowed.includes(new URL(jwksUri).protocol)) throw new Error(`${url} has a jwks_uri without https`);
  return jwksUri;
}

function isKeySet(value: unknown): value is JSONWebKeySet {
  return isObject(value) && Array.isArray(value["keys"]) && value["keys"].every(isObject);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
