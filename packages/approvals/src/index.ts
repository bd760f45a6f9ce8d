export {
  type ApprovalEventName,
  type ApprovalLimits,
  Approvals,
  type ApprovalsOptions,
  type NotHeld,
} from "./approvals.ts";
export type { Claim, Claimed } from "./claim.ts";
export { termsOf } from "./digest.ts";
export type { HoldRequest } from "./record.ts";
export { couldApprove, type Missing, type Person } from "./requirements.ts";
export type { ApprovalStore } from "./store.ts";
