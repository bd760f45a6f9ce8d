import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { delimiter, join, resolve } from "node:path";
import type { Demo } from "@gatehouse/demo";
import type { Gateway } from "@gatehouse/gateway";
import type pg from "pg";
import type { Test } from "tap";
import { admin, demoFor, standingUser, variantGateway } from "../environment.ts";

/** All that PostgreSQL's own privileges allow is let through, so that a check fails for the wire's sake alone. */
const POLICY = `policy: drivers
who: { groups: [crew-ops] }
targets: [orders]
rules:
  - allow: everything
    when: sql.access in ["read", "write", "ddl", "admin", "unknown"]
  - block: emptying tables
    when: '"TRUNCATE" in sql.verbs'
    message: Tables are not emptied through the gateway.
`;

/** Where install.sh has put the drivers. */
const folder = resolve(
  process.env["CLIENTS"] ?? join(import.meta.dirname, "..", "..", "node_modules", ".clients"),
);

/** The path of something that install.sh installs. */
export function installed(...path: readonly string[]): string {
  return join(folder, ...path);
}

/** The path of a program that the machine has, or its bare name. */
export function onPath(program: string): string {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  return folders.map((folder) => join(folder, program)).find((path) => existsSync(path)) ?? program;
}

/** Whether the machine has what a world needs. Where not, the test fails and says so: nothing is skipped in silence. */
export function canRun(t: Test, world: string, ...needs: readonly string[]): boolean {
  const missing = needs.filter((path) => !existsSync(path));
  if (missing.length === 0) return true;
  t.fail(`not run: ${world} (bash test/clients/install.sh ${folder}, or --without ${world})`, { missing });
  return false;
}

/** A gateway for one world. */
export interface World {
  /** The environment by which libpq's kin find it: TLS verified, and an access token as the password. */
  readonly env: NodeJS.ProcessEnv;
  /** A way past the gateway, to see what the server sees. */
  readonly superuser: pg.Client;
  readonly demo: Demo;
  readonly gateway: Gateway;
  /** The gateway's state folder. */
  readonly state: string;
}

/** The environment by which libpq's kin find a gateway, as the demo's agent that may write. */
export function environmentOf({ folder: home, variables }: Demo, port: number): NodeJS.ProcessEnv {
  return {
    // Nothing of whoever runs the tests: no .psqlrc, no .pgpass, no PGOPTIONS.
    PATH: process.env["PATH"],
    HOME: home,
    LC_ALL: "C.UTF-8",
    CLIENTS: folder,
    PGHOST: "localhost",
    PGPORT: String(port),
    PGDATABASE: "orders",
    PGUSER: "writer",
    PGPASSWORD: variables["WRITER_TOKEN"],
    PGSSLMODE: "verify-full",
    PGSSLROOTCERT: variables["PGSSLROOTCERT"],
  };
}

/**
 * Starts a gateway for one world. With STRAIGHT=1 the world is led to the server itself, past the gateway: what
 * fails there too is the check's own fault. The gateway's own words and refusals fail there, and they alone.
 * @param policy its only policy
 * @param prepare what the database has to have before
 * @param lines of its config
 */
export async function gatewayFor(
  t: Test,
  policy: string = POLICY,
  prepare?: string,
  lines: Readonly<Record<string, string>> = {},
): Promise<World> {
  const demo = await demoFor(t);
  const superuser = await admin(t, demo);
  const standing = await standingUser(demo, superuser);
  await superuser.query("grant create on schema public to orders_writer");
  if (prepare !== undefined) await superuser.query(prepare);
  await writeFile(join(demo.folder, "drivers-policy.yaml"), policy);
  const { port, gateway, state } = await variantGateway(t, demo, "drivers", {
    policies: "[file:drivers-policy.yaml]",
    ...standing.lines,
    ...lines,
  });
  const env = environmentOf(demo, port);
  if (process.env["STRAIGHT"] === "1") {
    env["PGPORT"] = String(demo.database.server.port);
    env["PGUSER"] = "orders_writer";
    env["PGPASSWORD"] = standing.password;
  }
  return { env, superuser, demo, gateway, state };
}

/** Plays a world's program, which says TAP: each of its checks is an assertion of a subtest. */
export async function plays(
  t: Test,
  driver: string,
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<void> {
  await t.spawn(
    program,
    [...args],
    // In one piece, since others may be playing at the same time.
    { env, cwd: import.meta.dirname, stdio: ["ignore", "pipe", "inherit"], buffered: true },
    driver,
  );
}

/** Compiles a world's program. @throws Error with what the compiler said */
export async function compile(program: string, args: readonly string[]): Promise<void> {
  const child = spawn(program, args, { cwd: import.meta.dirname, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  }
  const [code] = (await once(child, "close")) as [number | null];
  if (code !== 0) throw new Error(`${program} ended with code ${code}:\n${output}`);
}
