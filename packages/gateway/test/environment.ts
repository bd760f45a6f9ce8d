import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { openAuditLog } from "@gatehouse/audit";
import { type Authority, createAuthority, type PemPair, writePair } from "@gatehouse/certs";
import type { AuditEvent } from "@gatehouse/core";
import {
  createFakeClock,
  createMemoryLog,
  type FakeClock,
  type MemoryLog,
  type RunningOidcProvider,
  startOidcProvider,
} from "@gatehouse/testkit";
import type { Test } from "tap";

/** Milliseconds. */
export const TOKEN_LIFETIME = 10 * 60_000;

/** A folder with all that a gateway's config names, and the identity provider that it trusts. */
export interface Environment {
  readonly folder: string;
  readonly configFile: string;
  readonly provider: RunningOidcProvider;
  readonly ca: string;
  readonly clock: FakeClock;
  readonly log: MemoryLog;
  /** Issues a server's certificate of the same authority. */
  issue(commonName: string): Promise<PemPair>;
}

export interface EnvironmentOptions {
  /** More lines of the config. */
  readonly config?: string;
  /** The listener for PostgreSQL, or a list of them; one on `127.0.0.1:0` when left out. */
  readonly listener?: string;
  /** More lines under `targets`. */
  readonly targets?: string;
  /** More lines under `identity.oidc`. */
  readonly providers?: string;
}

/** What analysts may do on `orders`, at the level `reader`. Nobody has a rule for `payroll`. */
const ANALYSTS = `policy: orders for analysts
who: { groups: [crew-analyst] }
targets: [orders]
levels: [reader]
rules:
  - allow: reads
    when: sql.access == "read"
  - block: schema changes
    when: sql.access == "ddl"
    message: Schema changes go through migrations.
`;

/** Nothing listens behind its targets: what is refused at the log-in never gets there. */
export async function environment(t: Test, options: EnvironmentOptions = {}): Promise<Environment> {
  const folder = t.testdir();
  const now = Date.now();
  const authority = await createAuthority({ name: "Test CA", now });
  const issue = (commonName: string) => issueServer(authority, commonName);
  await writeFile(join(folder, "ca.crt"), authority.certificatePem);
  await writePair(join(folder, "certs"), "gateway", await issue("gateway"));
  await mkdir(join(folder, "secrets"));
  for (const level of ["reader", "writer"]) {
    await writeFile(join(folder, "secrets", level), `the ${level}'s own`, { mode: 0o600 });
  }
  await mkdir(join(folder, "policies"));
  await writeFile(join(folder, "policies", "analysts.yaml"), ANALYSTS);
  const provider = await startProvider(t, await issue("provider"), "gatehouse");
  const configFile = join(folder, "gatehouse.yaml");
  await writeFile(configFile, configText(provider.issuer, options));
  return {
    folder,
    configFile,
    provider,
    ca: authority.certificatePem,
    clock: createFakeClock(),
    log: createMemoryLog(),
    issue,
  };
}

/** A real OpenID Connect provider. */
export async function startProvider(
  t: Test,
  { certificatePem, key }: PemPair,
  audience: string,
): Promise<RunningOidcProvider> {
  const provider = await startOidcProvider({
    tls: { cert: certificatePem, key: key.reveal() },
    audience,
    clients: [{ name: "crew-analyst", groups: ["crew-analyst"] }],
    people: [{ name: "dana", groups: ["dba"] }],
    tokenLifetime: TOKEN_LIFETIME,
  });
  // A test may have stopped it already.
  t.teardown(() => provider.stop().catch(() => undefined));
  return provider;
}

/** What the audit log has, in order. */
export async function auditEvents(folder: string): Promise<AuditEvent[]> {
  const text = await readFile(join(folder, "state", "audit", "audit.jsonl"), "utf8");
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as AuditEvent);
}

/** The audit log of the environment, for tests that put the gate together themselves. */
export async function auditLogOf(t: Test, { folder, clock, log }: Environment) {
  const audit = await openAuditLog({
    folder: join(folder, "state", "audit"),
    durability: "written",
    clock,
    log,
  });
  t.teardown(() => audit.close());
  return audit;
}

function issueServer(authority: Authority, commonName: string): Promise<PemPair> {
  return authority.issue({ use: "server", commonName, names: ["localhost", "127.0.0.1"], now: Date.now() });
}

function configText(issuer: string, options: EnvironmentOptions): string {
  const target = `
    protocol: postgres
    address: 127.0.0.1:1
    tls: { mode: verify-full, ca: file:ca.crt }
    database: orders
    levels:
      reader: { credential: { user: orders_reader, password: file:secrets/reader } }
      writer: { credential: { user: orders_writer, password: file:secrets/writer } }`;
  return `state: file:state
tls: { cert: file:certs/gateway.crt, key: file:certs/gateway.key }
listeners:
  postgres: ${options.listener ?? "{ address: 127.0.0.1:0 }"}
identity:
  oidc:
    - { name: corp, issuer: "${issuer}", audience: gatehouse, ca: file:ca.crt }
${options.providers ?? ""}
targets:
  orders:${target}
  payroll:${target}
${options.targets ?? ""}policies: [file:policies/*.yaml]
drain: 1s
${options.config ?? ""}
`;
}
