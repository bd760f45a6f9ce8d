export type { AccessRequest } from "./access-command.ts";
export type { Entrance, Entry, Waiting } from "./entrance.ts";
export { type GrantLimits, Grants, type GrantsOptions } from "./grants.ts";
export type { GrantStore } from "./store.ts";
