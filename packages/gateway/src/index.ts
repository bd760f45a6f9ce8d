export type * from "./approval-desk.ts";
export * from "./catalogs.ts";
export * from "./configuration.ts";
export * from "./gateway.ts";
export type { GrantDesk } from "./grant-desk.ts";
export * from "./protocols.ts";
export type { CertificateRequest, SshDesk, SshWay } from "./ssh-desk.ts";
export { createLogger } from "./logger.ts";
export { checkTargets, type WayCheck } from "./target-check.ts";
