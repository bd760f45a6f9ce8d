/** What the API can be asked for: the routes are made of this, and so is the OpenAPI document. */
import type { ErrorCode } from "@gatehouse/core";
import { z } from "zod";
import {
  approvalSchema,
  callbackSchema,
  certificateSchema,
  grantSchema,
  grantsSchema,
  pageSchema,
  sshSchema,
  stateSchema,
} from "./bodies.ts";

/** Where a request has something: each is an object of strings, but for the body, which is JSON. */
export interface Asked<Path, Query, Headers, Body> {
  readonly path: z.ZodType<Path>;
  readonly query: z.ZodType<Query>;
  readonly headers: z.ZodType<Headers>;
  readonly body: z.ZodType<Body>;
}

export interface Operation<Path = unknown, Query = unknown, Headers = unknown, Body = unknown>
  extends Asked<Path, Query, Headers, Body> {
  readonly id: string;
  readonly method: "GET" | "POST";
  /** In OpenAPI's form: `/v1/approvals/{approval}`. */
  readonly url: string;
  readonly summary: string;
  /** By a bearer token, or by a signature that the callback's own configuration knows. */
  readonly proof: "token" | "signature";
  readonly answer: { readonly description: string; readonly type: string; readonly schema: z.ZodType };
  /** Beside those that any request can meet. */
  readonly errors: readonly ErrorCode[];
}

const none = z.object({});
const approval = z
  .string()
  .regex(/^apr_[0-9A-HJKMNP-TV-Z]{16}$/, "an approval's id is apr_ and 16 letters and digits");
const states = z.preprocess(
  (value) => (typeof value === "string" ? [value] : value),
  z.array(stateSchema).max(6).describe("Those in any of these states. May be given several times."),
);
const path = z.object({ approval: approval.describe("The approval's id.") });
const body = z.strictObject({
  reason: z.string().exactOptional().describe("Why. Shown to whoever asked; some rules want one."),
});
const wrongAnswers = [
  "APPROVAL_ANSWERED",
  "APPROVAL_ENDED",
  "APPROVAL_NOT_YOURS",
  "APPROVAL_OWN",
  "APPROVAL_REASON",
  "APPROVAL_UNKNOWN",
  "AUDIT_FAILED",
  "STORE_FAILED",
] as const;

export const listApprovals = {
  id: "listApprovals",
  method: "GET",
  url: "/v1/approvals",
  summary: "The approvals that whoever asks may see, the newest first. Long commands are cut.",
  proof: "token",
  path: none,
  query: z.strictObject({
    state: states.exactOptional(),
    limit: z.coerce.number().int().min(1).max(100).default(50),
    before: approval.exactOptional().describe("The id of the last one of the page before."),
  }),
  headers: none,
  body: z.undefined(),
  answer: { description: "A page of approvals.", type: "application/json", schema: pageSchema },
  errors: ["STORE_FAILED"],
} as const satisfies Operation;

export const showApproval = {
  id: "showApproval",
  method: "GET",
  url: "/v1/approvals/{approval}",
  summary: "One approval, with all of its command.",
  proof: "token",
  path,
  query: none,
  headers: none,
  body: z.undefined(),
  answer: { description: "The approval.", type: "application/json", schema: approvalSchema },
  errors: ["APPROVAL_UNKNOWN", "STORE_FAILED"],
} as const satisfies Operation;

export const approve = {
  id: "approve",
  method: "POST",
  url: "/v1/approvals/{approval}/approve",
  summary: "Says yes. With the last one that is needed, the command goes on.",
  proof: "token",
  path,
  query: none,
  headers: none,
  body,
  answer: { description: "The approval after it.", type: "application/json", schema: approvalSchema },
  errors: wrongAnswers,
} as const satisfies Operation;

export const deny = {
  ...approve,
  id: "deny",
  url: "/v1/approvals/{approval}/deny",
  summary: "Says no. The command is refused, with the reason as the client's error.",
} as const satisfies Operation;

export const watchApprovals = {
  id: "watchApprovals",
  method: "GET",
  url: "/v1/approvals/events",
  summary: "The changes of the approvals that whoever asks may see, until the token expires.",
  proof: "token",
  path: none,
  query: none,
  headers: z.object({
    "last-event-id": z
      .string()
      .max(100)
      .exactOptional()
      .describe("The id of the last event that is known: what came after it is sent first."),
  }),
  body: z.undefined(),
  answer: {
    description:
      "Server-sent events. `event` is one of requested, answered, approved, denied, expired, void, spent and outcome; `data` is " +
      "the approval after it, as in the list. `event: missed`, which has no data, comes first where changes are lost: read the " +
      "list anew. A comment comes every 15 seconds. Who reads too slowly is cut off.",
    type: "text/event-stream",
    schema: z.string(),
  },
  errors: ["STORE_FAILED"],
} as const satisfies Operation;

const grantPath = z.object({
  grant: z
    .string()
    .regex(/^grt_[0-9A-HJKMNP-TV-Z]{16}$/, "a grant's id is grt_ and 16 letters and digits")
    .describe("The grant's id."),
});
/** As that of an answer: it is shown on other people's terminals. */
const reason = z
  .string()
  .trim()
  .max(500)
  .regex(/^[^\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]*$/u, "one line of plain text")
  .exactOptional();

export const requestAccess = {
  id: "requestAccess",
  method: "POST",
  url: "/v1/requests",
  summary: "Asks for a grant: to get in, for a time, where the policies want somebody's yes for that.",
  proof: "token",
  path: none,
  query: none,
  headers: none,
  body: z.strictObject({
    target: z.string().min(1).max(63),
    level: z.string().min(1).max(63),
    for: z
      .int()
      .min(60)
      .max(86_400)
      .exactOptional()
      .describe("Seconds; as long as the policies let a grant last where it is left out."),
    reason: reason.describe("Why. Shown to whoever may say yes; some policies want one."),
  }),
  answer: {
    description: "The approval that it waits for; the same request again has the same one.",
    type: "application/json",
    schema: approvalSchema,
  },
  errors: ["APPROVAL_REASON", "AUDIT_FAILED", "GRANT_NOT_NEEDED", "STORE_FAILED"],
} as const satisfies Operation;

export const listGrants = {
  id: "listGrants",
  method: "GET",
  url: "/v1/grants",
  summary: "The grants that let somebody in now: those of whoever asks, and those that they may take back.",
  proof: "token",
  path: none,
  query: none,
  headers: none,
  body: z.undefined(),
  answer: { description: "The newest first.", type: "application/json", schema: grantsSchema },
  errors: [],
} as const satisfies Operation;

export const showGrant = {
  id: "showGrant",
  method: "GET",
  url: "/v1/grants/{grant}",
  summary: "One grant, also one that has ended.",
  proof: "token",
  path: grantPath,
  query: none,
  headers: none,
  body: z.undefined(),
  answer: { description: "The grant.", type: "application/json", schema: grantSchema },
  errors: ["GRANT_UNKNOWN", "STORE_FAILED"],
} as const satisfies Operation;

export const revokeGrant = {
  id: "revokeGrant",
  method: "POST",
  url: "/v1/grants/{grant}/revoke",
  summary: "Takes a grant back. It lets nobody in from here on, and its sessions end.",
  proof: "token",
  path: grantPath,
  query: none,
  headers: none,
  body: z.strictObject({ reason: reason.describe("Why. Its sessions are told.") }),
  answer: { description: "The grant after it.", type: "application/json", schema: grantSchema },
  errors: ["GRANT_ENDED", "GRANT_UNKNOWN", "STORE_FAILED"],
} as const satisfies Operation;

export const showSsh = {
  id: "showSsh",
  method: "GET",
  url: "/v1/ssh",
  summary: "What whoever comes by SSH needs to know of the gateway.",
  proof: "token",
  path: none,
  query: none,
  headers: none,
  body: z.undefined(),
  answer: { description: "Keys, and the port.", type: "application/json", schema: sshSchema },
  errors: [],
} as const satisfies Operation;

export const issueCertificate = {
  id: "issueCertificate",
  method: "POST",
  url: "/v1/ssh/certificates",
  summary:
    "Certifies that a key is that of whoever asks, so that SSH clients can log in by it without the token.",
  proof: "token",
  path: none,
  query: none,
  headers: none,
  body: z.strictObject({
    publicKey: z.string().min(1).max(8192).describe("As a `.pub` file has it. Never the private key."),
    lifetime: z
      .int()
      .min(60)
      .max(86_400)
      .exactOptional()
      .describe("Seconds, where it is to last for less than it may."),
  }),
  answer: { description: "The certificate.", type: "application/json", schema: certificateSchema },
  errors: ["AUDIT_FAILED"],
} as const satisfies Operation;

export const takeCallback = {
  id: "takeCallback",
  method: "POST",
  url: "/v1/callbacks/{callback}",
  summary: "An answer that another system brings, signed with the callback's key. See docs/webhooks.md.",
  proof: "signature",
  path: z.object({ callback: z.string().min(1).max(100).describe("The callback's name in the config.") }),
  query: none,
  headers: none,
  body: z.instanceof(Buffer),
  answer: {
    description: "What became of the approval.",
    type: "application/json",
    schema: callbackSchema,
  },
  errors: [...wrongAnswers, "CALLBACK_REFUSED", "CALLBACK_REPLAYED", "CALLBACK_STALE"],
} as const satisfies Operation;

export const describeApi = {
  id: "describeApi",
  method: "GET",
  url: "/v1/openapi.json",
  summary: "This document.",
  proof: "token",
  path: none,
  query: none,
  headers: none,
  body: z.undefined(),
  answer: { description: "OpenAPI 3.1.", type: "application/json", schema: z.looseObject({}) },
  errors: [],
} as const satisfies Operation;

export const operations: readonly Operation[] = [
  listApprovals,
  watchApprovals,
  showApproval,
  approve,
  deny,
  requestAccess,
  listGrants,
  showGrant,
  revokeGrant,
  showSsh,
  issueCertificate,
  takeCallback,
  describeApi,
];
