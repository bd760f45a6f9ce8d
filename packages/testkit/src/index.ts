export * from "./clock.ts";
export * from "./fake-gate.ts";
export * from "./log.ts";
export * from "./oidc-provider.ts";
export * from "./free-port.ts";
export * from "./postgres-server.ts";
export * from "./sample-session.ts";
