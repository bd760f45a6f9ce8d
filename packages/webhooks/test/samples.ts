import type { Approval } from "@gatehouse/core";
import { sampleSession } from "@gatehouse/testkit";
import type { ApprovalEvent, BreakGlassEvent } from "../src/event.ts";

export const START = Date.UTC(2026, 10, 21, 12);

/** A value that stands in the command's text and parameters, and is nobody's to keep. */
export const VALUE = "ann@example.com";

/** An approval of a DELETE, as it is when it was just asked for. */
export function approval(changed: Partial<Approval> = {}): Approval {
  return {
    id: "apr_0123456789ABCDEF",
    state: "pending",
    requestedAt: START,
    expiresAt: START + 15 * 60_000,
    changedAt: START,
    requester: {
      subject: "ann",
      kind: "human",
      groups: ["engineers"],
      proof: { method: "oidc", provider: "corp", issuer: "https://idp.example.com", tokenId: "token-7" },
    },
    session: {
      id: "ses_0123456789ABCDEF",
      openedAt: START - 1000,
      client: { host: "10.1.2.3", port: 5 },
      application: "psql",
      commands: 3,
      refused: 0,
      recent: [],
    },
    protocol: "postgres",
    target: "orders",
    level: "writer",
    command: {
      kind: "query",
      verbs: ["DELETE"],
      access: "write",
      resources: ["public.customers"],
      functions: [],
      text: `DELETE FROM customers WHERE email = '${VALUE}'`,
      parameters: [VALUE],
      runs: [],
      outline: "DELETE FROM customers WHERE email = $1",
      touches: null,
    },
    digest: "0".repeat(64),
    policyVersion: "v",
    holds: [
      {
        rule: { policy: "orders", rule: "deletes", source: "policies/orders.yaml:12" },
        approvers: [{ groups: ["dba"], count: 1 }],
        expires: 15 * 60_000,
        reasons: [],
        scope: { same: "command", for: "once" },
        unanswered: "refuse",
      },
    ],
    answers: [],
    surroundings: {},
    reused: 0,
    ...changed,
  };
}

export function requested(changed: Partial<Approval> = {}): ApprovalEvent {
  return { event: "requested", approval: approval(changed) };
}

export const brokenGlass: BreakGlassEvent = {
  event: "break-glass",
  at: START,
  reference: "ref_0123456789ABCDEF",
  session: sampleSession,
  rules: [{ policy: "orders", rule: "deletes", source: "policies/orders.yaml:12" }],
  command: {
    protocol: "postgres",
    kind: "query",
    verbs: ["DELETE"],
    access: "write",
    resources: ["public.customers"],
    text: `DELETE FROM customers WHERE email = '${VALUE}'`,
    parameters: [VALUE],
    facts: {},
    outline: "DELETE FROM customers WHERE email = $1",
  },
};
