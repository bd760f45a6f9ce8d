export * from "./clock.ts";
export * from "./collector.ts";
export * from "./fake-desk.ts";
export * from "./fake-gate.ts";
export * from "./fake-grant-desk.ts";
export * from "./fake-provisioner.ts";
export * from "./log.ts";
export {
  type ModelServerOptions,
  type ModelServerRequest,
  type RunningModelServer,
  startModelServer,
} from "./model-server/model-server.ts";
export type { ModelChoice, ModelScript, ModelToken, ModelUsage } from "./model-server/script.ts";
export * from "./oidc-provider.ts";
export * from "./free-port.ts";
export * from "./postgres-server.ts";
export * from "./random.ts";
export * from "./sample-approval.ts";
export * from "./sample-session.ts";
export * from "./shrink.ts";
export { type SshServer, type SshServerOptions, startSshServer } from "./ssh-server/ssh-server.ts";
export * from "./sshd.ts";
export * from "./vault-server.ts";
