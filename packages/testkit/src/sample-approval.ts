import type { Approval } from "@gatehouse/core";

/** An approval with something of everything: a DELETE of an agent that waits for one of `crew-approver`. */
export function sampleApproval(changes: Partial<Approval> = {}): Approval {
  const now = Date.now();
  return {
    id: "apr_0123456789ABCDEF",
    state: "pending",
    requestedAt: now,
    expiresAt: now + 600_000,
    changedAt: now,
    requester: {
      subject: "agent-7",
      kind: "workload",
      groups: ["crew-agent"],
      proof: { method: "oidc", provider: "corp", issuer: "https://id.example", tokenId: "t-1" },
    },
    session: {
      id: "ses_0123456789ABCDEF",
      openedAt: now - 60_000,
      client: { host: "10.0.0.7", port: 5123 },
      application: "psql",
      commands: 12,
      refused: 1,
      recent: [{ at: now - 5_000, effect: "allow", verbs: ["SELECT"], resources: ["public.orders"] }],
    },
    protocol: "postgres",
    target: "orders",
    level: "writer",
    command: {
      kind: "execute",
      verbs: ["DELETE"],
      access: "write",
      resources: ["public.orders"],
      functions: ["now"],
      text: "DELETE FROM orders\n WHERE placed < now() - $1::interval",
      parameters: ["1 year", null],
      runs: [],
      outline: "DELETE FROM orders WHERE placed < now() - $1::interval",
      touches: ["public.orders.placed"],
    },
    digest: "d".repeat(64),
    policyVersion: "p".repeat(12),
    holds: [
      {
        rule: { policy: "careful", rule: "deletes", source: "careful.yaml:7" },
        approvers: [{ groups: ["crew-approver"], count: 1 }],
        expires: 600_000,
        reasons: [],
        scope: { same: "command", for: "once" },
        unanswered: "refuse",
      },
    ],
    reason: "ticket 4711",
    answers: [],
    surroundings: {
      transaction: {
        since: now - 30_000,
        failed: false,
        locks: [{ on: "public.orders", mode: "ROW EXCLUSIVE" }],
      },
      rows: 1200,
    },
    reused: 0,
    ...changes,
  };
}
