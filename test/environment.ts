import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import type { Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { type AuditVerification, verifyAuditLog } from "@gatehouse/audit";
import type { AuditEvent } from "@gatehouse/core";
import { type Demo, startDemo } from "@gatehouse/demo";
import { Gateway } from "@gatehouse/gateway";
import { createMemoryLog, type MemoryLog } from "@gatehouse/testkit";
import pg from "pg";
import type { Test } from "tap";

/** The demo's whole environment, for one test file. */
export async function demoFor(t: Test): Promise<Demo> {
  const demo = await startDemo("auto", () => undefined);
  t.teardown(() => demo.stop());
  return demo;
}

/** Where clients connect, and as whom. What is left out is the analyst's way to `orders`. */
export interface Way {
  readonly port?: number;
  readonly user?: string;
  readonly password?: string;
  readonly database?: string;
  readonly ssl?: false;
  readonly options?: string;
  readonly application_name?: string;
}

/** A client that is connected; the test's end closes it, if the test has not. */
export async function connected(t: Test, demo: Demo, way: Way = {}): Promise<pg.Client> {
  const client = await clientOf(demo, way);
  let open = true;
  client.once("end", () => {
    open = false;
  });
  t.teardown(async () => {
    if (open) await client.end();
  });
  await client.connect();
  return client;
}

async function clientOf({ variables }: Demo, way: Way): Promise<pg.Client> {
  const client = new pg.Client({
    host: variables["PGHOST"] ?? "",
    port: Number(variables["PGPORT"]),
    user: "reader",
    password: variables["AGENT_TOKEN"] ?? "",
    database: "orders",
    ssl: { ca: await readFile(variables["PGSSLROOTCERT"] ?? "", "utf8") },
    ...way,
  });
  // What goes wrong is seen where it is awaited; between two queries there is nobody to tell.
  client.on("error", () => undefined);
  return client;
}

/** The way of the agent that may write. */
export function writer({ variables }: Demo): Way {
  return { user: "writer", password: variables["WRITER_TOKEN"] ?? "" };
}

/** A superuser's client, past the gateway. */
export async function admin(t: Test, demo: Demo): Promise<pg.Client> {
  const { server } = demo.database;
  const client = new pg.Client({
    host: "localhost",
    port: server.port,
    ...server.superuser,
    database: "orders",
    ssl: { ca: await readFile(demo.variables["PGSSLROOTCERT"] ?? "", "utf8") },
  });
  // A test may crash the server.
  client.on("error", () => undefined);
  await client.connect();
  t.teardown(() => client.end());
  return client;
}

/** The error with which something is refused. */
export async function refusal(attempt: Promise<unknown>): Promise<pg.DatabaseError> {
  try {
    await attempt;
  } catch (error) {
    if (error instanceof pg.DatabaseError) return error;
    throw error;
  }
  throw new Error("it was let through");
}

/** Resolves when the session has ended, with the last error that the client was told in it. */
export function ending(client: pg.Client): Promise<Error | undefined> {
  let told: Error | undefined;
  client.on("error", (error) => {
    // What comes after the server's word is the closed socket's.
    if (!(told instanceof pg.DatabaseError)) told = error;
  });
  return new Promise((resolve) => client.once("end", () => resolve(told)));
}

/** The error with which a log-in is refused. */
export async function refusedLogin(demo: Demo, way: Way): Promise<pg.DatabaseError> {
  const client = await clientOf(demo, way);
  const ended = once(client, "end");
  const error = await refusal(client.connect());
  await ended;
  return error;
}

export type AuditLine = AuditEvent & { readonly seq: number; readonly time: string };

/** What the audit log of a state folder has, in order. */
export async function auditLines(stateFolder: string): Promise<AuditLine[]> {
  const text = await readFile(join(stateFolder, "audit", "audit.jsonl"), "utf8");
  return text
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as AuditLine);
}

export function stateOf({ variables }: Demo): string {
  return variables["GATEHOUSE_STATE"] ?? "";
}

export function verifyState(stateFolder: string): Promise<AuditVerification> {
  return verifyAuditLog(join(stateFolder, "audit", "audit.jsonl"));
}

/** Waits for something that nobody announces. The test's own deadline is the bound. */
export async function eventually(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await pause(20);
}

/**
 * A config beside the demo's, of the same targets, certificates and provider, with a state folder of its own.
 * @param lines replace those of the same key
 */
export async function variantOf(
  demo: Demo,
  name: string,
  lines: Readonly<Record<string, string>> = {},
): Promise<{ readonly configFile: string; readonly state: string }> {
  let text = await readFile(join(demo.folder, "gatehouse.yaml"), "utf8");
  for (const [key, line] of Object.entries({ state: `file:state-${name}`, ...lines })) {
    const present = new RegExp(`^${key}:.*$`, "m");
    text = present.test(text) ? text.replace(present, `${key}: ${line}`) : `${text}${key}: ${line}\n`;
  }
  const configFile = join(demo.folder, `${name}.yaml`);
  await writeFile(configFile, text);
  return { configFile, state: join(demo.folder, `state-${name}`) };
}

/**
 * Has sessions come as a user that stays: what one of their own makes ends with it, and has no table for others.
 * @returns what a level of the config has for it, the lines of a variant that has it at all levels, and its password
 */
export async function standingUser(
  demo: Demo,
  superuser: pg.Client,
): Promise<{
  readonly level: string;
  readonly lines: Readonly<Record<string, string>>;
  readonly password: string;
}> {
  const password = randomBytes(18).toString("base64url");
  await superuser.query(`alter role orders_writer login password '${password}'`);
  await writeFile(join(demo.folder, "secrets", "orders-writer"), password, { mode: 0o600 });
  const level = "{ credential: { user: orders_writer, password: file:secrets/orders-writer } }";
  return { level, lines: { "      reader": level, "      writer": level }, password };
}

/** A second gateway on the demo's database. */
export async function variantGateway(
  t: Test,
  demo: Demo,
  name: string,
  lines: Readonly<Record<string, string>>,
): Promise<{ gateway: Gateway; port: number; state: string; log: MemoryLog }> {
  const { configFile, state } = await variantOf(demo, name, lines);
  const log = createMemoryLog();
  const gateway = await Gateway.start({ configFile, log });
  t.teardown(() => gateway.stop("test ended"));
  return { gateway, port: gateway.port("postgres") ?? 0, state, log };
}

/** All that the peer says, until it closes. */
export async function untilClosed(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  if (!socket.closed) await once(socket, "close");
  return Buffer.concat(chunks);
}
