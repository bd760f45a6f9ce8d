export { createAuthenticator, type AuthenticatorOptions, type OidcAuthenticator } from "./authenticator.ts";
export type { Fetch } from "./http.ts";
export type { ProviderStatus } from "./keys.ts";
export { issueSshCertificate, type SshCertificateTerms } from "./ssh-certificate.ts";
