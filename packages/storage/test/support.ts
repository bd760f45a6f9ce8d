import type { Approval } from "@gatehouse/core";

const rule = { policy: "orders", rule: "deletes", source: "orders.yaml:7" };
const proof = { method: "oidc", provider: "corp", issuer: "https://idp.example.com", tokenId: "t1" } as const;

/** An approval that has every part that one can have. */
export function approval(id: string, changed: Partial<Approval> = {}): Approval {
  return {
    id,
    state: "pending",
    requestedAt: 1000,
    expiresAt: 2000,
    changedAt: 1000,
    requester: { subject: "crew-analyst", kind: "workload", groups: ["crew"], proof },
    session: {
      id: "ses_1",
      openedAt: 1,
      client: { socket: "/run/gatehouse.sock" },
      application: "psql",
      commands: 3,
      refused: 1,
      recent: [{ at: 2, effect: "block", verbs: ["DROP"], resources: ["public.orders"] }],
    },
    protocol: "postgres",
    target: "orders",
    level: "writer",
    command: {
      kind: "execute",
      verbs: ["DELETE"],
      access: "write",
      resources: ["public.orders"],
      functions: ["pg_catalog.now"],
      runs: ["DELETE FROM orders WHERE note = $1"],
      text: "DELETE FROM orders WHERE note = '\u0000\ud800' AND id = $1",
      parameters: ["7", null],
      outline: "DELETE FROM orders WHERE note = $1 AND id = $2",
      touches: ["public.orders.note"],
    },
    digest: "ab".repeat(32),
    policyVersion: "v1",
    holds: [
      {
        rule,
        approvers: [
          { groups: ["dba"], count: 2 },
          { subjects: ["eve"], kinds: ["human"], count: 1 },
        ],
        expires: 1000,
        reasons: ["requester"],
        scope: { same: "shape", for: 600_000 },
        unanswered: [
          {
            rule,
            columns: ["public.orders.email"],
            detect: ["email"],
            with: { kind: "partial", of: "email" },
            predicates: "refuse",
          },
          {
            rule,
            columns: [],
            detect: ["card"],
            with: { kind: "constant", value: "x" },
            predicates: "allow",
          },
          { rule, columns: [], detect: ["phone"], with: { kind: "null" }, predicates: "allow" },
          {
            rule,
            columns: [],
            fields: ["$..email"],
            detect: [],
            with: { kind: "redact" },
            predicates: "refuse",
            requests: { restore: true },
          },
        ],
        message: "Ask in #db first.",
      },
      {
        rule,
        approvers: [{ count: 1 }],
        expires: 1000,
        reasons: [],
        scope: { same: "command", for: "once" },
        unanswered: "refuse",
      },
    ],
    reason: "GDPR 17",
    answers: [
      {
        by: { subject: "dana", kind: "human", groups: ["dba"], proof },
        answer: "deny",
        reason: "no",
        at: 1500,
      },
    ],
    surroundings: {
      transaction: { since: 5, failed: false, locks: [{ on: "public.orders", mode: "ROW EXCLUSIVE" }] },
      rows: 12,
    },
    reused: 2,
    ...changed,
  };
}
