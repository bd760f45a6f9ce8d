/**
 * Which field a name is for those who read it as CGI does (RFC 3875, section 4.1.18), where `X_Api.Key` and `X-Api-Key` are the same
 * variable: what is removed by its name is removed in each way to write it.
 * @param lower in small letters
 */
export function canonicalName(lower: string): string {
  return /^[a-z0-9-]*$/.test(lower) ? lower : lower.replace(/[^a-z0-9]/g, "-");
}

/** Fields that are for one connection (RFC 9110, section 7.6.1), beside those that it names itself; all of `Proxy-` too. */
const HOP_BY_HOP = new Set([
  ...["connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "http2-settings"],
  // Not one of them, and taken by CGI programs for the proxy that they should use.
  "proxy",
]);

export function isHopByHop(canonical: string): boolean {
  return HOP_BY_HOP.has(canonical) || canonical.startsWith("proxy-");
}

const CREDENTIAL =
  /(?:^|-)(?:authorization|api-?key|auth-?key|(?:auth|access|security|session|private|vault)-?token)$/;

/**
 * Whether a field proves who comes, by the names that are in use. A target that takes a key in several places would else take the
 * client's own before the gateway's: what the rules let through would be done in somebody else's account.
 */
export function isCredential(canonical: string): boolean {
  return canonical.startsWith("x-gatehouse-") || CREDENTIAL.test(canonical);
}

const WHENCE = new Set([
  ...["forwarded", "x-real-ip", "x-client-ip", "client-ip", "true-client-ip", "cf-connecting-ip"],
  ...["fastly-client-ip", "x-cluster-client-ip", "x-originating-ip", "x-remote-ip", "x-remote-addr"],
  ...["x-remote-user", "remote-user", "client-cert", "client-cert-chain", "x-client-cert"],
  // By these some servers look up another path or host than those that were decided on.
  ...["x-original-url", "x-original-uri", "x-original-host", "x-rewrite-url", "x-host"],
]);

/** Whether a field is a proxy's to say: where a request came from, with which certificate, and what it was before. */
export function isProxysWord(canonical: string): boolean {
  return WHENCE.has(canonical) || /^(?:x-forwarded|x-ssl|ssl-client)(?:-|$)/.test(canonical);
}

const OVERRIDES = new Set(["x-http-method-override", "x-http-method", "x-method-override"]);

/** Whether a field says another method than the request line does: what is done would not be what was decided. */
export function isMethodOverride(canonical: string): boolean {
  return OVERRIDES.has(canonical);
}

const MEANINGFUL = new Set([
  // How the message is read, and by whom.
  ...["host", "content-length", "transfer-encoding", "content-encoding", "content-type", "content-range"],
  ...["content-language", "content-location", "expect", "range", "accept", "accept-encoding", "vary"],
  // On what it is done at all, and how often.
  ...["if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "if-range"],
  ...["idempotency-key", "prefer", "cache-control", "max-forwards", "age", "date", "etag", "expires"],
  // For whom.
  ...["cookie", "set-cookie", "www-authenticate", "location", "origin", "referer", "via", "user-agent"],
  ...["x-csrf-token", "x-xsrf-token", "content-security-policy", "x-content-type-options"],
]);

/**
 * Whether a field is for all recipients and has a meaning that the message lacks without it. A `Connection` that names one is an attack
 * on who stands behind: it has a proxy take away the length, the host, a condition or a check, and no honest client does that
 * (RFC 9110, section 7.6.1).
 */
export function isEndToEnd(canonical: string): boolean {
  return (
    MEANINGFUL.has(canonical) ||
    isCredential(canonical) ||
    isProxysWord(canonical) ||
    isMethodOverride(canonical) ||
    /^(?:sec-|access-control-)/.test(canonical)
  );
}
