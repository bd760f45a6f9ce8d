export { readClientCertificate } from "./client-certificate.ts";
export { createSecrets, type Secrets, type SecretsOptions } from "./secrets.ts";
export { resolveSigningKey } from "./signing-key.ts";
export { staticLeases } from "./static-leases.ts";
export { VaultClient } from "./vault/client.ts";
