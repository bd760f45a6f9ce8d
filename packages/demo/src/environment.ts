import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ControlPlane, startControlPlane } from "@gatehouse/api";
import { createAuthority, type PemPair, writePair } from "@gatehouse/certs";
import { createLogger, Gateway } from "@gatehouse/gateway";
import { generatePrivateKey, type PrivateKey, writePrivateKey } from "@gatehouse/openssh";
import { type RunningOidcProvider, startOidcProvider } from "@gatehouse/testkit";
import { pino } from "pino";
import { type DemoApi, startApi } from "./api.ts";
import { type DemoModel, startModel } from "./model.ts";
import { type DemoDatabase, startDatabase } from "./database.ts";
import { agents, audience, people } from "./people.ts";
import { type DemoWeb, LOGIN, startWeb } from "./web.ts";

const TOKEN_LIFETIME = 12 * 60 * 60 * 1000;
const HOST = "localhost";

/** Where the demo listens: the ports of the documentation, or free ones. */
export type Ports = "fixed" | "auto";
const FIXED_PORTS = { postgres: 15_432, ssh: 2222, http: 8443, control: 8444 } as const;

/** A whole Gatehouse with everything around it, in a folder of its own. */
export interface Demo {
  readonly gateway: Gateway;
  readonly database: DemoDatabase;
  readonly web: DemoWeb;
  readonly api: DemoApi;
  readonly model: DemoModel;
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

    progress("an SSH server");
    const web = await startWeb(join(folder, "web"));
    cleanups.push(() => web.server.stop());

    progress("an HTTP API, and a model");
    const api = await startApi(pem(certificates.api));
    cleanups.push(() => api.stop());
    const model = await startModel(pem(certificates.model));
    cleanups.push(() => model.stop());

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
    const person = generatePrivateKey("ssh-ed25519");
    const configFile = await writeConfig(folder, {
      ports,
      database,
      web,
      api,
      model,
      person,
      issuer: provider.issuer,
    });
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
      person,
      ca: certificates.ca.path,
    });
    signal?.throwIfAborted();
    return { gateway, database, web, api, model, provider, folder, variables, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

interface Certificates {
  readonly ca: { readonly pem: string; readonly path: string };
  readonly database: PemPair;
  readonly api: PemPair;
  readonly model: PemPair;
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
    api: await server("api"),
    model: await server("model"),
    provider: await server("provider"),
  };
}

function pem({ certificatePem, key }: PemPair) {
  return { certificatePem, keyPem: key.reveal() };
}

/** The demo's gatehouse.yaml: one that a reader can take as the beginning of their own. */
async function writeConfig(
  folder: string,
  parts: {
    ports: Ports;
    database: DemoDatabase;
    web: DemoWeb;
    api: DemoApi;
    model: DemoModel;
    person: PrivateKey;
    issuer: string;
  },
): Promise<string> {
  const { ports, database, web, api, model, person, issuer } = parts;
  const secrets = join(folder, "secrets");
  await mkdir(secrets, { mode: 0o700 });
  const { administrator } = database;
  await writeFile(join(secrets, "orders-admin"), administrator.password, { mode: 0o600 });
  await writeFile(join(secrets, "web-key"), web.key, { mode: 0o600 });
  await writeFile(join(secrets, "api-secret"), api.secret, { mode: 0o600 });
  await writeFile(join(secrets, "model-secret"), model.secret, { mode: 0o600 });
  await cp(new URL("../policies", import.meta.url), join(folder, "policies"), { recursive: true });
  const port = (listener: keyof typeof FIXED_PORTS) => (ports === "auto" ? 0 : FIXED_PORTS[listener]);
  const file = join(folder, "gatehouse.yaml");
  await writeFile(
    file,
    `state: file:state
tls: { cert: file:certs/gateway.crt, key: file:certs/gateway.key }
listeners:
  postgres: { address: 127.0.0.1:${port("postgres")} }
  ssh: { address: 127.0.0.1:${port("ssh")} }
  http: { address: 127.0.0.1:${port("http")} }
  control: { address: 127.0.0.1:${port("control")} }
identity:
  oidc:
    - { name: demo, issuer: "${issuer}", audience: ${audience}, ca: file:ca.crt }
  ssh:
    keys:
      - { subject: dana, provider: demo, groups: [dba, sre], keys: ["${person.publicKey.toString()}"] }
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
  web:
    protocol: ssh
    address: 127.0.0.1:${web.server.port}
    hostKeys: ["${web.hostKey.toString()}"]
    credential: { key: file:secrets/web-key }
    levels:
      ${LOGIN}: {}
  api:
    protocol: http
    address: localhost:${api.port}
    tls: { mode: verify-full, ca: file:ca.crt }
    inject: bearer
    credential: { password: file:secrets/api-secret }
    routes: [/v1/orders, "/v1/orders/{id}", /v1/refunds]
    levels:
      default: {}
  model:
    protocol: http
    api: openai
    address: localhost:${model.port}
    tls: { mode: verify-full, ca: file:ca.crt }
    credential: { password: file:secrets/model-secret }
    budget: { requests: 600/1m, tokens: 100000/1h }
    levels:
      default: {}
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
  person: PrivateKey;
  ca: string;
}): Promise<Record<string, string>> {
  const { folder, gateway, control, database, provider, person, ca } = parts;
  const sshKey = join(folder, "dana_key");
  await writeFile(sshKey, writePrivateKey(person, "dana").reveal(), { mode: 0o600 });
  const sshPort = String(gateway.port("ssh"));
  const knownHosts = join(folder, "known_hosts");
  const hostKey = await readFile(join(folder, "state", "ssh", "host_key_ed25519.pub"), "utf8");
  await writeFile(knownHosts, `[${HOST}]:${sshPort} ${hostKey}`);
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
    GATEHOUSE_HTTP_URL: `https://${HOST}:${gateway.port("http")}`,
    GATEHOUSE_SSH_HOST: HOST,
    GATEHOUSE_SSH_PORT: sshPort,
    GATEHOUSE_SSH_KEY: sshKey,
    GATEHOUSE_KNOWN_HOSTS: knownHosts,
    GATEHOUSE_STATE: join(folder, "state"),
    GATEHOUSE_CONFIG: join(folder, "gatehouse.yaml"),
    ORDERS_ADMIN_URL: database.adminUrl,
  };
}
