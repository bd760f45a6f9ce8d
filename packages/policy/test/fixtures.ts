import type {
  Access,
  Command,
  DecisionRequest,
  Facts,
  FactSchema,
  Identity,
  RuleReference,
} from "@gatehouse/core";
import { formatProblem, type Problem } from "@gatehouse/documents";
import { type LoadedPolicies, loadPolicies, type PolicyTarget } from "../src/index.ts";

const list = { type: "list<string>", description: "" } as const;
const text = { type: "string", description: "" } as const;
const varying = { description: "", varies: true } as const;

export const sqlFacts: FactSchema = {
  prefix: "sql",
  facts: {
    access: text,
    verbs: list,
    named: list,
    reads: list,
    writes: list,
    columns: list,
    functions: list,
    functionKinds: list,
    locks: list,
    statements: { type: "int", description: "" },
    unfiltered: { type: "bool", description: "" },
    unlimited: { type: "bool", description: "" },
    text: { type: "string", ...varying },
    params: { type: "list<string>", ...varying },
  },
};

const httpFacts: FactSchema = { prefix: "http", facts: { access: text, method: text, path: text } };
const sshFacts: FactSchema = { prefix: "ssh", facts: { command: text } };

export const facts: ReadonlyMap<string, FactSchema> = new Map([
  ["postgres", sqlFacts],
  ["http", httpFacts],
  ["ssh", sshFacts],
]);

/** No target speaks ssh, though the protocol is there. */
export const targets: ReadonlyMap<string, PolicyTarget> = new Map([
  [
    "orders",
    {
      protocol: "postgres",
      levels: ["reader", "writer"],
      tags: new Map([
        ["pii.email", ["public.customers.email", "public.suppliers.contact"]],
        ["pii.phone", ["public.customers.phone"]],
        ["secret", ["public.customers.note"]],
      ]),
    },
  ],
  [
    "billing",
    { protocol: "postgres", levels: ["auditor"], tags: new Map([["pii.email", ["public.payers.email"]]]) },
  ],
  ["api", { protocol: "http", levels: ["client"], tags: new Map() }],
]);

export const detectors = ["pii.email", "pii.card", "secret.jwt", "secret.aws_key"] as const;

export type RuleError = readonly [RuleReference, string];

/** Loads texts as a.yaml, b.yaml, ... and throws with all problems where there are any. */
export function load(texts: readonly string[], errors: RuleError[] = []): LoadedPolicies {
  const files = texts.map((text, index) => ({ path: `${String.fromCharCode(97 + index)}.yaml`, text }));
  const loaded = loadPolicies({
    files,
    targets,
    facts,
    detectors,
    onError: (rule, message) => errors.push([rule, message]),
  });
  if (loaded.ok) return loaded.engine;
  throw new Error(loaded.problems.map(formatProblem).join("\n"));
}

export function problemsOf(...texts: readonly string[]): readonly Problem[] {
  const files = texts.map((text, index) => ({ path: `${String.fromCharCode(97 + index)}.yaml`, text }));
  const loaded = loadPolicies({ files, targets, facts, detectors, onError: () => undefined });
  return loaded.ok ? [] : loaded.problems;
}

/** One policy for everyone on orders, with these lines as its rules. */
export function policy(rules: string, head = "who: { everyone: true }\ntargets: [orders]"): string {
  return `policy: sample\n${head}\nrules:\n${rules}\n`;
}

export function identity(changes: Partial<Identity> = {}): Identity {
  return {
    subject: "crew-analyst",
    kind: "workload",
    groups: ["analysts"],
    proof: { method: "oidc", provider: "corp", issuer: "https://idp.example.com" },
    expiresAt: 2_000_000_000_000,
    ...changes,
  };
}

export function command(access: Access = "read", changes: Facts = {}): Command {
  return {
    protocol: "postgres",
    kind: "query",
    verbs: ["SELECT"],
    access,
    resources: [],
    text: "select 1",
    parameters: [],
    facts: {
      access,
      verbs: ["SELECT"],
      named: ["public.orders"],
      reads: ["public.orders"],
      writes: [],
      columns: ["public.orders.id"],
      functions: [],
      functionKinds: [],
      locks: [],
      statements: 1,
      unfiltered: false,
      unlimited: true,
      text: "select 1",
      params: [],
      ...changes,
    },
  };
}

export function request(
  changes: Partial<Pick<DecisionRequest, "identity" | "command" | "now">> & {
    readonly target?: string;
    readonly level?: string;
  } = {},
): DecisionRequest {
  const { target = "orders", level = "reader", ...rest } = changes;
  const credential = { user: "gatehouse", password: { from: "env", name: "PASSWORD" } } as const;
  return {
    identity: identity(),
    target: {
      name: target,
      protocol: targets.get(target)?.protocol ?? "postgres",
      addresses: [{ host: "db.internal", port: 5432 }],
      tls: { mode: "verify-full" },
      levels: new Map(),
      credential,
      tags: new Map(),
      connectTimeout: 1000,
      settings: undefined,
    },
    level: { name: level, credential, settings: undefined },
    client: { host: "10.0.0.7" },
    command: command(),
    now: Date.UTC(2026, 0, 2, 3, 4, 5),
    ...rest,
  };
}
