import type { Identity, OidcProvider } from "@gatehouse/core";
import type { JWTPayload } from "jose";
import { refusedCredential } from "./token.ts";

/** In UTF-16 units: for the subject, each group and the token's id. */
export const MAX_NAME_LENGTH = 256;
export const MAX_GROUPS = 500;

/** Characters that can't be seen, or that move others: with them two names can look like one on the audit log. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

/** What `nameOf` lets through. */
export const namePattern = new RegExp(`^(?!.*${UNSEEN.source})(?![^]{${MAX_NAME_LENGTH + 1}})[^]+$`, "u");

/**
 * Makes the Identity out of verified claims.
 * @param expiresAt milliseconds since the epoch.
 * @throws GatehouseError IDENTITY_INVALID when a claim has not the shape that its use needs.
 */
export function identityOf(payload: JWTPayload, provider: OidcProvider, expiresAt: number): Identity {
  const { claims, issuer } = provider;
  const tokenId = readClaim(payload, "jti");
  return {
    subject: nameOf(readClaim(payload, claims.subject), claims.subject),
    kind: kindOf(payload, claims.kind),
    groups: groupsOf(readClaim(payload, claims.groups), claims.groups),
    proof: {
      method: "oidc",
      provider: provider.name,
      issuer,
      ...(tokenId === undefined ? {} : { tokenId: nameOf(tokenId, "jti") }),
    },
    expiresAt,
  };
}

/**
 * The value of a claim; undefined when there is none. A name with dots is first tried as it stands
 * (`https://example.com/groups`), and then as a way into nested objects (`realm_access.roles`). Own
 * properties only, so that no name reaches what every object inherits.
 */
export function readClaim(claims: object, name: string): unknown {
  if (Object.hasOwn(claims, name)) return ownValue(claims, name);
  let value: unknown = claims;
  for (const part of name.split(".")) value = ownValue(value, part);
  return value;
}

function ownValue(holder: unknown, name: string): unknown {
  if (typeof holder !== "object" || holder === null || Array.isArray(holder)) return undefined;
  return Object.getOwnPropertyDescriptor(holder, name)?.value;
}

/** RFC 9068 section 5: a token that a client got for itself has the client as its subject. */
function kindOf(payload: JWTPayload, claim: string | undefined): Identity["kind"] {
  if (claim !== undefined) {
    const kind = readClaim(payload, claim);
    if (kind === "human" || kind === "workload") return kind;
    throw wrongClaim(claim, 'is neither "human" nor "workload"');
  }
  const subject = readClaim(payload, "sub");
  const clients = [readClaim(payload, "client_id"), readClaim(payload, "azp")];
  return subject !== undefined && clients.includes(subject) ? "workload" : "human";
}

function groupsOf(value: unknown, claim: string): readonly string[] {
  if (value === undefined) return [];
  const groups: unknown =
    typeof value === "string" ? value.split(" ").filter((group) => group !== "") : value;
  if (!Array.isArray(groups)) throw wrongClaim(claim, "is neither an array nor a string");
  if (groups.length > MAX_GROUPS) throw wrongClaim(claim, `has more than ${MAX_GROUPS} entries`);
  return groups.map((group: unknown) => nameOf(group, claim));
}

function nameOf(value: unknown, claim: string): string {
  if (typeof value !== "string" || value === "") throw wrongClaim(claim, "is missing, empty or not text");
  if (value.length > MAX_NAME_LENGTH) throw wrongClaim(claim, `is longer than ${MAX_NAME_LENGTH} characters`);
  if (UNSEEN.test(value)) throw wrongClaim(claim, "has characters that can't be seen");
  return value;
}

function wrongClaim(claim: string, what: string) {
  const hint = "The names of the claims are under `claims` of the provider in the config.";
  return refusedCredential("IDENTITY_INVALID", `The token's claim ${claim} ${what}`, hint);
}
