import type { Session } from "@gatehouse/core";

const level = {
  name: "reader",
  credential: { user: "r", password: { from: "env", name: "R" } },
  settings: {},
} as const;

/** A session that nobody has opened: for what only has to be told who, where and at which level. */
export const sampleSession: Session = {
  id: "ses_1",
  identity: {
    subject: "crew-analyst",
    kind: "workload",
    groups: ["crew-analyst"],
    proof: { method: "oidc", provider: "corp", issuer: "https://idp.example.com" },
    expiresAt: 0,
  },
  target: {
    name: "orders",
    protocol: "postgres",
    addresses: [{ host: "db.internal", port: 5432 }],
    tls: { mode: "verify-full" },
    levels: new Map([["reader", level]]),
    credential: level.credential,
    tags: new Map(),
    connectTimeout: 1000,
    settings: {},
  },
  level,
  client: { host: "127.0.0.1", port: 1 },
  application: "",
  openedAt: 0,
};
