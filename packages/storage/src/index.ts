export { type Durability, openApprovalStore } from "./approval-store.ts";
export { openGrantStore } from "./grant-store.ts";
export { openLeaseStore } from "./lease-store.ts";
