import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ControlPlane, startControlPlane } from "@gatehouse/api";
import { createAuthority, type PemPair, writePair } from "@gatehouse/certs";
import { createLogger, Gateway } from "@gatehouse/gateway";
import { type RunningOidcProvider, startOidcProvider } from "@gatehouse/testkit";
import { pino } from "pino";
import { type DemoDatabase, startDatabase } from "./database.ts";
import { agents, audience, people } from "./people.ts";

const TOKEN_LIFETIME = 12 * 60 * 60 * 1000;
const HOST = "localhost";

/** Where the demo listens: the ports of the documentation, or free ones. */
export type Ports = "fixed" | "auto";
const FIXED_PORTS = { postgres: 15_432, control: 8444 } as const;

/** A whole Gatehouse with everything around it, in a folder of its own. */
export interface Demo {
  readonly gateway: Gateway;
  readonly database: DemoDatabase;
  readonly provider: RunningOidcProvider;
  readonly folder: string;
  /** What a client needs, by the names that clients look for. */
  readonly variables: Readonly<Record<string, string>>;
  /** Stops it all, and removes the folder. */
  stop(): Promise<void>;
}

/** Told of each step, before it begins. */
export type Progress = (step: string) => void;

/**
 * Sets up and starts all of it. When a step fails, what the steps before it made is taken down again.
 * @param signal when it aborts, no further step is begun
 * @throws GatehouseError ADDRESS_IN_USE where a fixed port is taken; the signal's reason when it has aborted
 */
export async function startDemo(ports: Ports, announce: Progress, signal?: AbortSignal): Promise<Demo> {
  const progress: Progress = (step) => {
    signal?.throwIfAborted();
    announce(step);
  };
  const cleanups: (() => Promise<unknown>)[] = [];
  const stop = async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  };
  try {
    const folder = await mkdtemp(join(tmpdir(), "gatehouse-demo-"));
    cleanups.push(() => rm(folder, { recursive: true, force: true }));
    progress("certificates, from a certificate authority of its own");
    const certificates = await makeCertificates(folder);

    progress("PostgreSQL, with 10,000 customers and 50,000 orders");
    const database = await startDatabase(pem(certificates.database), certificates.ca);
    cleanups.push(() => database.server.stop());

    progress("OpenID Connect provider");
    const { certificatePem, keyPem } = pem(certificates.provider);
    const provider = await startOidcProvider({
      tls: { cert: certificatePem, key: keyPem },
      audience,
      clients: agents,
      people,
      tokenLifetime: TOKEN_LIFETIME,
    });
    cleanups.push(() => provider.stop());

    progress("gateway");
    const configFile = await writeConfig(folder, { ports, database, issuer: provider.issuer });
    const log = createLogger(pino.destination({ dest: join(folder, "gateway.log"), sync: true }));
    const gateway = await Gateway.start({ configFile, log });
    cleanups.push(() => gateway.stop("demo ended"));
    const control = await startControlPlane({ gateway, log });
    if (!control) throw new Error("The demo's config has a control listener.");
    cleanups.push(() => control.close());

    const variables = await clientVariables({
      folder,
      gateway,
      control,
      database,
      provider,
      ca: certificates.ca.path,
    });
    signal?.throwIfAborted();
    return { gateway, database, provider, folder, variables, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

interface Certificates {
  readonly ca: { readonly pem: string; readonly path: string };
  readonly database: PemPair;
  readonly provider: PemPair;
}

async function makeCertificates(folder: string): Promise<Certificates> {
  const now = Date.now();
  const authority = await createAuthority({ name: "Gatehouse demo", now });
  const server = (commonName: string) =>
    authority.issue({ use: "server", commonName, names: ["localhost", "127.0.0.1"], now });
  const path = join(folder, "ca.crt");
  await writeFile(path, authority.certificatePem);
  await writePair(join(folder, "certs"), "gateway", await server("gateway"));
  return {
    ca: { pem: authority.certificatePem, path },
    database: await server("database"),
    provider: await server("provider"),
  };
}

function pem({ certificatePem, key }: PemPair) {
  return { certificatePem, keyPem: key.reveal() };
}

/** The demo's gatehouse.yaml: one that a reader can take as the beginning of their own. */
async function writeConfig(
  folder: string,
  { ports, database, issuer }: { ports: Ports; database: DemoDatabase; issuer: string },
): Promise<string> {
  const secrets = join(folder, "secrets");
  await mkdir(secrets, { mode: 0o700 });
  const { administrator } = database;
  await writeFile(join(secrets, "orders-admin"), administrator.password, { mode: 0o600 });
  await cp(new URL("../policies", import.meta.url), join(folder, "policies"), { recursive: true });
  const port = (listener: keyof typeof FIXED_PORTS) => (ports === "auto" ? 0 : FIXED_PORTS[listener]);
  const file = join(folder, "gatehouse.yaml");
  await writeFile(
    file,
    `state: file:state
tls: { cert: file:certs/gateway.crt, key: file:certs/gateway.key }
listeners:
  postgres: { address: 127.0.0.1:${port("postgres")} }
  control: { address: 127.0.0.1:${port("control")} }
identity:
  oidc:
    - { name: demo, issuer: "${issuer}", audience: ${audience}, ca: file:ca.crt }
targets:
  orders:
    protocol: postgres
    address: localhost:${database.server.port}
    tls: { mode: verify-full, ca: file:ca.crt }
    database: orders
    credential: { user: ${administrator.user}, password: file:secrets/orders-admin }
    levels:
      reader: { grants: policy, settings: { statement_timeout: 5m } }
      writer: { memberOf: [orders_writer], settings: { idle_in_transaction_session_timeout: 30m } }
policies: [file:policies/*.yaml]
drain: 2s
`,
  );
  return file;
}

async function clientVariables(parts: {
  folder: string;
  gateway: Gateway;
  control: ControlPlane;
  database: DemoDatabase;
  provider: RunningOidcProvider;
  ca: string;
}): Promise<Record<string, string>> {
  const { folder, gateway, control, database, provider, ca } = parts;
  const agent = await provider.token("crew-analyst");
  return {
    PGHOST: HOST,
    PGPORT: String(gateway.port("postgres")),
    PGDATABASE: "orders",
    PGUSER: "reader",
    PGPASSWORD: agent,
    PGSSLMODE: "verify-full",
    PGSSLROOTCERT: ca,
    GATEHOUSE_URL: `https://${HOST}:${control.address.port}`,
    GATEHOUSE_CA: ca,
    GATEHOUSE_TOKEN: await provider.token("dana"),
    AGENT_TOKEN: agent,
    WRITER_TOKEN: await provider.token("crew-ops"),
    GATEHOUSE_STATE: join(folder, "state"),
    GATEHOUSE_CONFIG: join(folder, "gatehouse.yaml"),
    ORDERS_ADMIN_URL: database.adminUrl,
  };
}
