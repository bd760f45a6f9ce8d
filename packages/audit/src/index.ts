export type { AuditStatus, Durability } from "./chained-log.ts";
export { formatHead, parseHead, type Head } from "./head.ts";
export { AUDIT_FILE, openAuditLog, type AuditLogOptions, type OpenAuditLog } from "./open.ts";
export { verifyAuditLog, type AuditProblem, type AuditVerification } from "./verify.ts";
