export { type Durability, openApprovalStore } from "./approval-store.ts";
