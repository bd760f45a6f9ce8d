export { readClientCertificate } from "./client-certificate.ts";
export { resolveSecret } from "./resolve-secret.ts";
export { resolveSigningKey } from "./signing-key.ts";
export { staticLeases } from "./static-leases.ts";
