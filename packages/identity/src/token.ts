import { GatehouseError, messageOf, type OidcProvider } from "@gatehouse/core";
import { decodeJwt, errors, jwtVerify, type JWTPayload } from "jose";
import type { KeySet } from "./discovery.ts";

/** In characters, which in a compact JWT are bytes. */
export const MAX_TOKEN_LENGTH = 16 * 1024;

/** Three parts of base64url (RFC 7515 section 3.1). The last is empty in an unsigned token, which `alg` then refuses. */
const COMPACT_FORM = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*$/;

/** RFC 9068 section 4 and plain JWTs, as media types without their `application/`. */
const tokenTypes: readonly unknown[] = ["at+jwt", "jwt"];

/** A refusal of a credential, for the operator. */
export function refusedCredential(
  code:
    | "IDENTITY_ALGORITHM"
    | "IDENTITY_AUDIENCE"
    | "IDENTITY_EXPIRED"
    | "IDENTITY_INVALID"
    | "IDENTITY_NOT_YET",
  what: string,
  hint?: string,
): GatehouseError {
  return new GatehouseError(code, `${what}. The log-in was refused.`, hint === undefined ? {} : { hint });
}

/** @throws GatehouseError IDENTITY_INVALID; to be called before anything is done whose cost grows with the length. */
export function refuseOversize(credential: string): void {
  if (credential.length > MAX_TOKEN_LENGTH) {
    throw refusedCredential(
      "IDENTITY_INVALID",
      `The credential is longer than ${MAX_TOKEN_LENGTH} characters`,
    );
  }
}

/**
 * The issuer that a credential claims to have: good for choosing who is to verify it, and for nothing else.
 * @throws GatehouseError IDENTITY_INVALID when the credential has not the form of a token.
 */
export function claimedIssuer(credential: string): string {
  if (!COMPACT_FORM.test(credential)) throw notAToken();
  const issuer = claimsOf(credential).iss;
  if (typeof issuer !== "string") throw refusedCredential("IDENTITY_INVALID", "The token names no issuer");
  return issuer;
}

function claimsOf(credential: string): JWTPayload {
  try {
    return decodeJwt(credential);
  } catch {
    throw notAToken();
  }
}

function notAToken(): GatehouseError {
  const hint =
    "The password or bearer credential is an access token of the identity provider, and nothing else.";
  return refusedCredential("IDENTITY_INVALID", "The credential is not a token", hint);
}

/**
 * When a token stops being good: its `exp` and the clock skew, in milliseconds since the epoch.
 * @throws GatehouseError IDENTITY_INVALID when `exp` is no time.
 */
export function endOf(payload: JWTPayload, provider: OidcProvider): number {
  const end = Math.floor((payload.exp ?? Number.NaN) * 1000) + provider.clockSkew;
  if (!Number.isSafeInteger(end))
    throw refusedCredential("IDENTITY_INVALID", "The token's expiry is not a time");
  return end;
}

function refuseExpired(end: number, now: number): void {
  if (now >= end) {
    throw refusedCredential(
      "IDENTITY_EXPIRED",
      "The token has expired",
      "The client needs to get a new token.",
    );
  }
}

/**
 * Verifies a compact JWT: signature, algorithm, type, issuer, audience, not-before and expiry (RFC 7519
 * section 7.2, RFC 9068 section 4). Keys come from `keys` alone: `jwk`, `jku`, `x5c` and `x5u` in the header
 * are not looked at.
 * @param now milliseconds since the epoch.
 * @returns the claims; undefined when none of the keys is the one that the token names.
 * @throws GatehouseError of the IDENTITY_ family.
 */
export async function verifyToken(
  credential: string,
  provider: OidcProvider,
  keys: KeySet,
  now: number,
): Promise<JWTPayload | undefined> {
  try {
    const { payload, protectedHeader } = await jwtVerify(credential, keys.find, {
      algorithms: [...provider.algorithms],
      issuer: provider.issuer,
      audience: provider.audience,
      requiredClaims: ["exp"],
      clockTolerance: provider.clockSkew / 1000,
      currentDate: new Date(now),
    });
    refuseOtherTypes(protectedHeader.typ);
    // jose counts in whole seconds; this is the same line to the millisecond, and the one that a cached token meets.
    refuseExpired(endOf(payload, provider), now);
    return payload;
  } catch (error) {
    if (error instanceof errors.JWKSNoMatchingKey) return undefined;
    throw refusalOf(error, provider);
  }
}

/** Keeps out what the same issuer signs for other ends: log-out tokens, security events, proofs of possession. */
function refuseOtherTypes(typ: unknown): void {
  if (typ === undefined) return;
  const name = typeof typ === "string" ? typ.toLowerCase().replace(/^application\//, "") : typ;
  if (!tokenTypes.includes(name)) {
    throw refusedCredential("IDENTITY_INVALID", "The token is of a type that is not for access");
  }
}

function refusalOf(error: unknown, provider: OidcProvider): GatehouseError {
  const { name, audience, algorithms } = provider;
  if (error instanceof GatehouseError) return error;
  if (error instanceof errors.JWTExpired) {
    return refusedCredential(
      "IDENTITY_EXPIRED",
      "The token has expired",
      "The client needs to get a new token.",
    );
  }
  if (error instanceof errors.JOSEAlgNotAllowed) {
    const hint = `Provider ${name} allows ${algorithms.join(", ")}; its \`algorithms\` in the config say so.`;
    return refusedCredential(
      "IDENTITY_ALGORITHM",
      "The token is signed by an algorithm that is not allowed",
      hint,
    );
  }
  if (error instanceof errors.JWTClaimValidationFailed) {
    if (error.claim === "aud") {
      const hint = `Ask the provider for a token with the audience ${audience}.`;
      return refusedCredential("IDENTITY_AUDIENCE", "The token was issued for somebody else", hint);
    }
    if (error.claim === "nbf" && error.reason === "check_failed") {
      const hint = "Compare the clocks of the gateway and of the provider.";
      return refusedCredential("IDENTITY_NOT_YET", "The token is not valid yet", hint);
    }
    return refusedCredential("IDENTITY_INVALID", `The token's claim ${error.claim} is missing or wrong`);
  }
  if (error instanceof errors.JWKSMultipleMatchingKeys) {
    return refusedCredential(
      "IDENTITY_INVALID",
      `Several keys of provider ${name} fit the token, which names none`,
    );
  }
  if (error instanceof errors.JOSEError) {
    return refusedCredential(
      "IDENTITY_INVALID",
      `The token does not hold for provider ${name} (${error.code})`,
    );
  }
  // What is left is a published key that jose will not use, such as RSA of less than 2048 bits (RFC 7518 section 3.3).
  const hint = "The provider's key is at fault, not the token.";
  return refusedCredential(
    "IDENTITY_INVALID",
    `Provider ${name}'s key can't be used: ${messageOf(error)}`,
    hint,
  );
}
