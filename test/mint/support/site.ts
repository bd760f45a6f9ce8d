import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { createAuthority, writePair } from "@gatehouse/certs";
import { type PostgresServer, startOidcProvider, startPostgres } from "@gatehouse/testkit";
import pg from "pg";
import type { Test } from "tap";
import { GatewayProcess, type ProcessOptions } from "../../holds/gateway-process.ts";
import { TargetProxy } from "./proxy.ts";
import {
  type Ask,
  changes,
  leftovers,
  type MintState,
  type Roles,
  rolesWithoutMark,
  stateOf,
} from "./state.ts";

/* A server that users are made at, its administrator's account, and configs of gateways in front of it. */

/** Milliseconds in which nothing may be left, once the gateway and its target are back. */
export const RECOVERY = 60_000;
const HOURS = 60 * 60 * 1000;
/** Milliseconds between two looks at the server's state. */
const LOOK = 50;

export const ADMINISTRATOR = "mint_admin";
const KNOWN = ["postgres", "bystander", ADMINISTRATOR];
const AGENTS = [
  { name: "agent", groups: ["crew"] },
  { name: "other", groups: ["crew"] },
] as const;
export type Who = (typeof AGENTS)[number]["name"];

/** Everything is allowed: what is refused is refused by the database. */
const EVERYTHING = `policy: everything
who: { groups: [crew] }
targets: [orders]
rules:
  - allow: everything
    when: sql.access in ["read", "write", "ddl", "admin", "unknown"]
`;

/** What every level is here, unless a test says it otherwise. */
const LEVELS = `reader: { memberOf: [orders_read], ready: 0 }
      writer: { memberOf: [orders_write], ready: 2 }
      shared: { memberOf: [orders_read], ready: 0, share: identity }`;

export interface SiteOptions {
  /** Lines of postgresql.conf. */
  readonly settings?: Readonly<Record<string, string>>;
  /** What the superuser runs in the database `orders`, at the end. */
  readonly seed?: string;
}

export interface GatewayOptions {
  /** Its levels, as the config has them. */
  readonly levels?: string;
  /** More keys of its target, a line each. */
  readonly target?: string;
  /** More keys of the config, a line each. */
  readonly more?: string;
  readonly policy?: string;
  /** Straight to the server, not by the proxy. */
  readonly straight?: boolean;
}

export interface GatewayConfig {
  readonly configFile: string;
  readonly state: string;
  /** Starts it, or starts it again. @throws Error where it dies at its start */
  start(t: Test, options?: ProcessOptions): Promise<GatewayProcess>;
}

export interface MintSite {
  readonly server: PostgresServer;
  readonly proxy: TargetProxy;
  readonly folder: string;
  /** Its major version. */
  readonly version: number;
  /** As the superuser, past the gateway; in `orders` unless told otherwise. */
  readonly ask: Ask;
  /** The file that the gateways have the administrator's password from. */
  readonly passwordFile: string;
  config(name: string, options?: GatewayOptions): Promise<GatewayConfig>;
  /** A session through a gateway. */
  connect(t: Test, gateway: GatewayProcess, level?: string, as?: Who): Promise<pg.Client>;
  state(): Promise<MintState>;
  /** Polls until the state is like that. @throws Error with what is in the way, after the time of recovery; `over`'s reason */
  until(what: string, holds: (state: MintState) => boolean, over?: AbortSignal): Promise<MintState>;
  /** Nothing is left but what belongs to living sessions, and no role without the mark is another than it was. */
  clean(living?: readonly string[]): Promise<void>;
}

export async function mintSite(t: Test, { settings = {}, seed = "" }: SiteOptions = {}): Promise<MintSite> {
  const folder = await mkdtemp(join(tmpdir(), "gatehouse-mint-"));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const programs = process.env["GATEHOUSE_TEST_POSTGRES"];
  const server = await startPostgres({ settings, ...(programs === undefined ? {} : { programs }) });
  t.teardown(() => server.stop());
  const ask: Ask = (sql, options) => asSuperuser(server, sql, options);
  const password = randomBytes(18).toString("base64url");
  await prepare(ask, password, seed);
  const proxy = await TargetProxy.start(t, server.port);
  const { ca, provider } = await surroundings(t, folder);
  const passwordFile = join(folder, "administrator");
  await writeFile(passwordFile, password, { mode: 0o600 });
  const [about] = await ask<{ version: number }>(
    "select current_setting('server_version_num')::int / 10000 as version",
  );
  const before = await rolesWithoutMark(ask);

  const site: MintSite = {
    server,
    proxy,
    folder,
    version: about?.version ?? 0,
    ask,
    passwordFile,
    async config(name, options = {}) {
      const configFile = join(folder, `${name}.yaml`);
      const policyFile = join(folder, `${name}-policy.yaml`);
      await writeFile(policyFile, options.policy ?? EVERYTHING);
      await writeFile(
        configFile,
        `state: file:state-${name}
tls: { cert: file:certs/gateway.crt, key: file:certs/gateway.key }
listeners:
  postgres: { address: "127.0.0.1:0" }
identity:
  oidc:
    - { name: test, issuer: "${provider.issuer}", audience: gatehouse, ca: file:ca.crt }
targets:
  orders:
    protocol: postgres
    address: 127.0.0.1:${options.straight === true ? server.port : proxy.port}
    tls: off
    database: orders
    credential: { user: ${ADMINISTRATOR}, password: file:administrator }
    ${options.target ?? "catalog: off"}
    levels:
      ${options.levels ?? LEVELS}
policies: [file:${name}-policy.yaml]
drain: 1s
${options.more ?? ""}
`,
      );
      return {
        configFile,
        state: join(folder, `state-${name}`),
        async start(t, options) {
          const gateway = await GatewayProcess.start(t, configFile, options);
          if (!gateway) throw new Error("The gateway has died at its start.");
          return gateway;
        },
      };
    },
    async connect(t, gateway, level = "reader", as = "agent") {
      const client = new pg.Client({
        host: "localhost",
        port: gateway.port,
        user: level,
        password: await provider.token(as),
        database: "orders",
        ssl: { ca },
      });
      client.on("error", () => undefined);
      await client.connect();
      let open = true;
      client.once("end", () => {
        open = false;
      });
      t.teardown(() => (open ? client.end().catch(() => undefined) : undefined));
      return client;
    },
    state: () => stateOf(ask, KNOWN),
    async until(what, holds, over) {
      const deadline = Date.now() + RECOVERY;
      for (;;) {
        over?.throwIfAborted();
        const state = await site.state();
        if (holds(state)) return state;
        if (Date.now() > deadline)
          throw new Error(`${what}: not after ${RECOVERY} ms: ${JSON.stringify(state)}`);
        await pause(LOOK);
      }
    },
    async clean(living = []) {
      const without = (state: MintState): MintState => ({
        ...state,
        canLogIn: state.canLogIn.filter((name) => !living.includes(name)),
        taken: state.taken.filter((name) => !living.includes(name)),
        owned: state.owned.filter((what) => !living.some((name) => what.startsWith(`${name}:`))),
        connections: Math.max(0, state.connections - living.length),
      });
      await site.until("nothing is left", (state) => leftovers(without(state)).length === 0);
      const changed = changes(before, await rolesWithoutMark(ask));
      if (changed.length > 0) throw new Error(`roles without the mark have changed: ${changed.join("; ")}`);
    },
  };
  return site;
}

/** Who may do what, before there is a gateway. */
async function prepare(ask: Ask, password: string, seed: string): Promise<Roles> {
  const postgres = { database: "postgres" };
  for (const sql of [
    "create database orders",
    "create database archive",
    `create role ${ADMINISTRATOR} login createrole password '${password}'`,
    "create role orders_read",
    "create role orders_write",
    "create role orders_archive",
    // Beside them, what nobody here may touch.
    "create role bystander login password 'bystander' valid until '2100-01-01'",
    "alter role bystander set work_mem = '5MB'",
    "comment on role bystander is 'not yours'",
    "create role gh_00000000_lookalike",
    "grant orders_read to bystander",
    `grant orders_read, orders_write, orders_archive to ${ADMINISTRATOR} with admin option`,
  ]) {
    await ask(sql, postgres);
  }
  await ask(`create table customers (id int primary key, name text);
    insert into customers select n, 'customer ' || n from generate_series(1, 100) n;
    grant select on customers to orders_read, orders_write;
    grant insert, update, delete on customers to orders_write;
    grant create on database orders to orders_write;
    grant create on schema public to orders_write, orders_archive`);
  await ask("grant create on schema public to orders_write, orders_archive", { database: "archive" });
  if (seed !== "") await ask(seed);
  return rolesWithoutMark(ask);
}

async function asSuperuser<Row extends pg.QueryResultRow>(
  server: PostgresServer,
  sql: string,
  options: { readonly database?: string; readonly values?: readonly unknown[] } = {},
): Promise<Row[]> {
  const { database = "orders", values } = options;
  const client = new pg.Client({ host: server.host, port: server.port, ...server.superuser, database });
  client.on("error", () => undefined);
  await client.connect();
  try {
    return (await client.query<Row>(sql, values === undefined ? undefined : [...values])).rows;
  } finally {
    await client.end();
  }
}

/** Certificates and an OpenID Connect provider. */
async function surroundings(t: Test, folder: string) {
  const now = Date.now();
  const authority = await createAuthority({ name: "Gatehouse tests", now });
  const issue = (commonName: string) =>
    authority.issue({ use: "server", commonName, names: ["localhost", "127.0.0.1"], now });
  await mkdir(join(folder, "certs"));
  await writeFile(join(folder, "ca.crt"), authority.certificatePem);
  await writePair(join(folder, "certs"), "gateway", await issue("gateway"));
  const { certificatePem, key } = await issue("provider");
  const provider = await startOidcProvider({
    tls: { cert: certificatePem, key: key.reveal() },
    audience: "gatehouse",
    clients: AGENTS,
    people: [],
    tokenLifetime: 12 * HOURS,
  });
  t.teardown(() => provider.stop());
  return { ca: await readFile(join(folder, "ca.crt"), "utf8"), provider };
}
