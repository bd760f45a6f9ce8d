import {
  type Command,
  type Lease,
  type Level,
  Secret,
  systemClock,
  type Target,
  type Understanding,
} from "@gatehouse/core";
import { formatProblem } from "@gatehouse/documents";
import { type LoadedPolicies, loadPolicies } from "@gatehouse/policy";
import { createMemoryLog, type PostgresServer } from "@gatehouse/testkit";
import type { Test } from "tap";
import { sqlFacts } from "../../../src/commands.ts";
import { postgres } from "../../../src/index.ts";
import { PostgresProvisioner } from "../../../src/provisioner/provisioner.ts";
import { levelSettingsOf, type PostgresSettings } from "../../../src/settings.ts";
import { leaseOf, targetAt } from "../../support/target.ts";
import { PASSWORD } from "./minting.ts";

/** Policies for everyone on the target `orders`, whose levels are reader and writer. */
export function policiesOf(...texts: readonly string[]): LoadedPolicies {
  const loaded = loadPolicies({
    files: texts.map((text, index) => ({ path: `${index}.yaml`, text: headed(text, index) })),
    targets: new Map([["orders", { protocol: "postgres", levels: ["reader", "writer"], tags: new Map() }]]),
    facts: new Map([["postgres", sqlFacts]]),
    detectors: [],
    onError: () => undefined,
  });
  if (loaded.ok) return loaded.engine;
  throw new Error(loaded.problems.map(formatProblem).join("\n"));
}

function headed(text: string, index: number): string {
  if (text.startsWith("policy:") || text.startsWith("#")) return text;
  return `policy: number ${index}\nwho: { everyone: true }\ntargets: [orders]\n${text}\n`;
}

/** A level by its name, with what the policies could allow. */
export function levelBy(name: string): Level {
  return {
    name,
    credential: { mint: { ttl: 900_000, ready: 2, share: "session" } },
    settings: levelSettingsOf({ settings: { grants: "policy" } }),
  };
}

/** A gateway's provisioner by policies that can be changed, and its target in this database. */
export function provisioning(
  t: Pick<Test, "teardown">,
  server: Pick<PostgresServer, "host" | "port">,
  policies: LoadedPolicies,
  { database = "postgres", epoch = "0k3y2b9z", clock = systemClock } = {},
) {
  const held = { policies };
  const log = createMemoryLog();
  const provisioner = new PostgresProvisioner({
    epoch,
    lease: (): Promise<Lease> => Promise.resolve(leaseOf("gatehouse_admin", new Secret(PASSWORD))),
    policies: () => held.policies,
    clock,
    log,
  });
  t.teardown(() => provisioner.close());
  const { host, port } = server;
  const at = targetAt([{ host, port }]);
  const target: Target<PostgresSettings> = { ...at, settings: { ...at.settings, database } };
  return { provisioner, target, held, log };
}

export interface Judge {
  /** What the policies say of a text at a level, for whoever is in these groups. */
  readonly effect: (
    policies: LoadedPolicies,
    text: string,
    level: Level,
    groups?: readonly string[],
  ) => Promise<{ readonly effect: "allow" | "hold" | "block" | "unreadable"; readonly command?: Command }>;
}

/** Understands texts by what the target has at this moment. */
export async function judgeOf(
  t: Pick<Test, "teardown">,
  target: Target<PostgresSettings>,
  user: { readonly user: string; readonly password: string },
): Promise<Judge> {
  const protocol = postgres();
  t.teardown(() => protocol.dispose());
  const lease = () => Promise.resolve(leaseOf(user.user, new Secret(user.password)));
  const taken = await protocol.catalogs?.take(target, { lease, log: createMemoryLog() });
  const understood = new Map<string, Understanding>();
  const catalog = protocol.catalogs?.read(JSON.parse(taken ?? "null"));
  if (!catalog?.ok) throw new Error("The catalog can't be read.");
  return {
    effect: async (policies, text, level, groups = []) => {
      const found = understood.get(text) ?? (await catalog.value.understand(text, target));
      understood.set(text, found);
      if (!found.ok) return { effect: "unreadable" };
      const { command } = found;
      const { effect } = policies.decide({
        identity: {
          subject: "ana",
          kind: "human",
          groups,
          proof: { method: "oidc", provider: "corp", issuer: "https://idp.example.com" },
          expiresAt: Number.MAX_SAFE_INTEGER,
        },
        target,
        level,
        client: { host: "127.0.0.1" },
        command,
        now: 0,
      });
      return { effect, command };
    },
  };
}
