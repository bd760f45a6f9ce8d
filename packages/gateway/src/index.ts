export * from "./configuration.ts";
export * from "./gateway.ts";
export * from "./protocols.ts";
export { version } from "./version.ts";
export { createLogger } from "./logger.ts";
