import type { Approval } from "@gatehouse/core";
import { z } from "zod";

const strings = z.array(z.string());
const time = z.number();
const identityKind = z.enum(["human", "workload"]);
const effect = z.enum(["allow", "block", "hold"]);

const rule = z.object({ policy: z.string(), rule: z.string(), source: z.string() });

const proof = z.object({
  method: z.enum(["oidc", "callback", "ssh-key", "ssh-certificate"]),
  provider: z.string(),
  issuer: z.string(),
  tokenId: z.string().exactOptional(),
  key: z.string().exactOptional(),
  serial: z.string().exactOptional(),
});

/** Who has asked, or answered. */
export const person = z.object({ subject: z.string(), kind: identityKind, groups: strings, proof });

const transform = z.discriminatedUnion("kind", [
  z.object({ kind: z.enum(["redact", "null", "hash"]) }),
  z.object({ kind: z.literal("constant"), value: z.string() }),
  z.object({ kind: z.literal("partial"), of: z.enum(["email", "card", "phone", "text"]) }),
]);

const mask = z.object({
  rule,
  columns: strings,
  fields: strings.exactOptional(),
  detect: strings,
  with: transform,
  predicates: z.enum(["refuse", "allow"]),
  requests: z.object({ restore: z.boolean() }).exactOptional(),
});

const approvers = z.object({
  groups: strings.exactOptional(),
  subjects: strings.exactOptional(),
  kinds: z.array(identityKind).exactOptional(),
  count: z.number(),
});

export const hold = z.object({
  rule,
  approvers: z.tuple([approvers], approvers),
  expires: z.number(),
  reasons: z.array(z.enum(["requester", "approver"])),
  scope: z.object({
    same: z.enum(["command", "shape"]),
    for: z.union([z.enum(["once", "session"]), z.number()]),
  }),
  unanswered: z.union([z.literal("refuse"), z.array(mask)]),
  message: z.string().exactOptional(),
});

const surroundings = z.object({
  transaction: z
    .object({
      since: time,
      failed: z.boolean(),
      locks: z.array(z.object({ on: z.string(), mode: z.string() })),
    })
    .exactOptional(),
  rows: z.number().exactOptional(),
});

const command = z.object({
  kind: z.string(),
  verbs: strings,
  access: z.enum(["read", "write", "ddl", "admin", "unknown"]),
  resources: strings,
  functions: strings,
  text: z.string(),
  parameters: z.array(z.string().nullable()),
  runs: strings,
  outline: z.string().exactOptional(),
  touches: strings.nullable(),
});

const session = z.object({
  id: z.string(),
  openedAt: time,
  client: z.union([z.object({ host: z.string(), port: z.number() }), z.object({ socket: z.string() })]),
  application: z.string(),
  commands: z.number(),
  refused: z.number(),
  recent: z.array(z.object({ at: time, effect, verbs: strings, resources: strings })),
});

/** An Approval as the store has it: what is read is held against it, since it may be of an older or a damaged file. */
export const approvalSchema: z.ZodType<Approval> = z.object({
  id: z.string(),
  state: z.enum(["pending", "approved", "denied", "expired", "void", "spent"]),
  requestedAt: time,
  expiresAt: time,
  changedAt: time,
  requester: person,
  session,
  protocol: z.string(),
  target: z.string(),
  level: z.string(),
  command,
  digest: z.string(),
  detached: z.literal(true).exactOptional(),
  policyVersion: z.string(),
  holds: z.tuple([hold], hold),
  reason: z.string().exactOptional(),
  answers: z.array(
    z.object({
      by: person,
      answer: z.enum(["approve", "deny"]),
      reason: z.string().exactOptional(),
      at: time,
    }),
  ),
  surroundings,
  why: z
    .enum([
      ...["client_gone", "canceled", "overtaken", "session_ended"],
      ...["changed", "policy_changed", "not_recorded", "unused", "gateway_restarted"],
    ] as const)
    .exactOptional(),
  outcome: z.enum(["done", "failed", "in_doubt"]).exactOptional(),
  reused: z.number(),
});
