export { readClientCertificate } from "./client-certificate.ts";
export { resolveSecret } from "./resolve-secret.ts";
export { resolveSigningKey } from "./signing-key.ts";
export { staticLeases } from "./static-leases.ts";
export type { LeaseKind } from "./lease-kind.ts";
export type { LeaseKey, LeaseRecord, LeaseStore } from "./lease-store.ts";
export { newEpoch } from "./names.ts";
