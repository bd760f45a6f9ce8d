export { checkSecrets, type SecretProblem } from "./check-secrets.ts";
export type { Config, ConfigProtocol, ListenerConfig, ListenerTls } from "./config.ts";
export { configJsonSchema, writeConfigSchema } from "./json-schema.ts";
export { type ConfigResult, loadConfig } from "./load.ts";
export { findPolicyTests } from "./policy-files.ts";
