import { createSecureContext } from "node:tls";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Authority, createAuthority } from "@gatehouse/certs";
import {
  type Command,
  type Lease,
  type ListenerLimits,
  type LoginRequest,
  type Mask,
  type Protocol,
  Secret,
  type Target,
  type UpstreamTls,
} from "@gatehouse/core";
import { issuePermit } from "@gatehouse/core/permit";
import {
  createFakeGate,
  createMemoryLog,
  type FakeGate,
  type FakeGateOptions,
  type MemoryLog,
  type PostgresServer,
  startPostgres,
} from "@gatehouse/testkit";
import pg from "pg";
import type { Analyzer } from "../../src/analysis/analyzer.ts";
import { hideAll } from "../../src/masking/values.ts";
import { postgres } from "../../src/index.ts";
import type { ValueMasks } from "@gatehouse/core";
import { logIn, type RawClient, securedSocket } from "./raw-client.ts";
import { leaseOf } from "./target.ts";

export const PASSWORD = "open sesame";
const limits: ListenerLimits = {
  connections: 500,
  perAddress: 500,
  startup: 10_000,
  message: 16 * 1024 * 1024,
  statement: 100_000,
  keepalive: 30_000,
};

/** The adapter in front of a target, with certificates of its own. */
export interface Front {
  readonly port: number;
  readonly gate: FakeGate;
  readonly log: MemoryLog;
  readonly ca: string;
  readonly authority: Authority;
  /** A folder that goes with the front. */
  readonly folder: string;
  /** A client that is logged in. */
  connect(parameters?: Readonly<Record<string, string>>): Promise<RawClient>;
  /** node-postgres, not yet connected. */
  pg(config?: pg.ClientConfig): pg.Client;
  /** Whether the adapter knows what it has to know of the target. */
  status(): ReturnType<Protocol["status"]>;
  /** Stops listening, and the parser's thread. Sessions end when their clients do. */
  close(): Promise<void>;
}

export interface FrontOptions {
  readonly address?: { readonly host: string; readonly port: number };
  readonly tls?: UpstreamTls | "own-ca";
  readonly user?: string;
  readonly password?: string;
  readonly connectTimeout?: number;
  readonly limits?: Partial<ListenerLimits>;
  readonly allow?: (command: Command) => boolean;
  /** What log-ins have to wait for. */
  readonly enter?: FakeGateOptions["enter"];
  /** What waits for `gate.waiting` to be answered. */
  readonly hold?: (command: Command) => boolean;
  readonly repeat?: number;
  /** What answers are masked by, and what masked texts become. */
  readonly masks?: () => readonly Mask[];
  readonly values?: ValueMasks;
  /** As whom a client is let in. */
  readonly subject?: (request: LoginRequest) => string;
  readonly analyzer?: Analyzer;
  /** The gateway's own way in; the level's, where it is left out. */
  readonly lease?: () => Promise<Lease>;
  /** The audit log's write of a decision, where it is to take its time. */
  readonly written?: (command: Command) => Promise<void>;
  readonly authority?: Authority;
  /** The target's own keys, and the level's. */
  readonly settings?: object;
  readonly replication?: boolean;
}

export async function startFront(options: FrontOptions): Promise<Front> {
  const now = Date.now();
  const authority = options.authority ?? (await createAuthority({ name: "test", now }));
  const pair = await authority.issue({
    use: "server",
    commonName: "localhost",
    names: ["localhost", "127.0.0.1"],
    now,
  });
  const folder = await mkdtemp(join(tmpdir(), "gatehouse-front-"));
  const ca = join(folder, "ca.crt");
  await writeFile(ca, authority.certificatePem);
  const tls = options.tls === "own-ca" ? ({ mode: "verify-full", ca } as const) : options.tls;
  const target: Target = {
    name: "orders",
    protocol: "postgres",
    addresses: [options.address ?? { host: "127.0.0.1", port: 1 }],
    tls: tls ?? { mode: "off" },
    levels: new Map(),
    credential: { user: "gatehouse" },
    tags: new Map(),
    connectTimeout: options.connectTimeout ?? 10_000,
    settings: {
      database: "postgres",
      schema: "public",
      catalog: options.masks ? "read" : "off",
      ...options.settings,
    },
  };
  const password = new Secret(options.password ?? "");
  const user = options.user ?? "postgres";
  const level = {
    name: "reader",
    credential: { user, password: { from: "literal", secret: password } },
    settings: { replication: options.replication ?? false },
  } as const;
  const gate = createFakeGate({
    issuePermit,
    target: { ...target, levels: new Map([["reader", level]]) },
    lease: { user, password },
    credential: PASSWORD,
    ...(options.subject ? { subject: options.subject } : {}),
    ...(options.allow ? { allow: options.allow } : {}),
    ...(options.enter ? { enter: options.enter } : {}),
    ...(options.hold ? { hold: options.hold } : {}),
    ...(options.repeat ? { repeat: options.repeat } : {}),
    ...(options.masks ? { masks: options.masks } : {}),
    ...(options.written ? { written: options.written } : {}),
  });
  const log = createMemoryLog();
  const protocol = postgres(options.analyzer);
  const context = createSecureContext({ cert: pair.certificatePem, key: pair.key.reveal() });
  const listener = await protocol.serve({
    address: { host: "127.0.0.1", port: 0 },
    settings: {},
    secureContext: () => context,
    plaintext: false,
    limits: { ...limits, ...options.limits },
    gate,
    folder: join(folder, "postgres"),
    recordings: {
      begin: () => {
        throw new TypeError("Nothing of PostgreSQL's is recorded.");
      },
    },
    doorTo: () => undefined,
    lease: options.lease ?? (() => Promise.resolve(leaseOf(user, password))),
    learned: () => undefined,
    values: options.values ?? hideAll,
    log,
  });
  const port = "port" in listener.address ? listener.address.port : 0;
  return {
    port,
    gate,
    log,
    ca: authority.certificatePem,
    authority,
    folder,
    async connect(parameters = {}) {
      const socket = await securedSocket(port, authority.certificatePem);
      const login = { user: "reader", database: "orders", ...parameters };
      return (await logIn(socket, login, PASSWORD)).client;
    },
    pg: (config = {}) =>
      new pg.Client({
        host: "localhost",
        port,
        user: "reader",
        database: "orders",
        password: PASSWORD,
        ssl: { ca: authority.certificatePem },
        ...config,
      }),
    status: () => protocol.status(target),
    async close() {
      await listener.close();
      await protocol.dispose();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The adapter in front of a real server without TLS: what is tested is not the way to it. */
export async function startFrontWithServer(
  options: FrontOptions = {},
): Promise<{ front: Front; server: PostgresServer; admin: pg.Client }> {
  const server = await startPostgres();
  const admin = new pg.Client({
    host: server.host,
    port: server.port,
    database: "postgres",
    ...server.superuser,
  });
  admin.on("error", () => undefined);
  await admin.connect();
  const front = await startFront({ ...options, address: server, password: server.superuser.password });
  return { front, server, admin };
}

/** Asks until the answer is so; the runner's own deadline ends it when it never is. */
export async function eventually(holds: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 20));
}
