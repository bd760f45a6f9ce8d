import type { Fields } from "./codec/fields.ts";

/** Where the gateway's own credential may stand, the first one first: the others are for targets that want them for themselves. */
const PLACES = ["x-gatehouse-authorization", "proxy-authorization", "authorization"] as const;

/** A token is a few kilobytes. */
const LONGEST = 16 * 1024;

/**
 * The access token that a request comes with (RFC 6750, section 2.1). Never one in a query, which logs and histories keep.
 * @returns undefined where there is none, or one that may be read in two ways
 * @throws Malformed where a field stands there twice
 */
export function presentedToken(fields: Fields): string | undefined {
  for (const name of PLACES) {
    const value = fields.only(name);
    if (value === undefined) continue;
    const [, token] = /^Bearer +([A-Za-z0-9._~+/-]+=*)$/i.exec(value) ?? [];
    return token !== undefined && token.length <= LONGEST ? token : undefined;
  }
  return undefined;
}
