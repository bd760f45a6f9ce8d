export type { ApprovalStore } from "./store.ts";
