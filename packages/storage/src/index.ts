export { type Durability, openApprovalStore } from "./approval-store.ts";
export { openGrantStore } from "./grant-store.ts";
