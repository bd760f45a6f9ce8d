import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Demo } from "@gatehouse/demo";
import pg from "pg";
import type { Test } from "tap";
import { demoFor, variantGateway } from "../environment.ts";
import { masked, sources } from "./canaries.ts";
import type { Canary } from "./search.ts";
import type { Way } from "./session.ts";

const DATABASE = "vault";

/** A database with canaries, and the ways to it. */
export interface Vault {
  /** A superuser's, past the gateway. */
  readonly straight: Way;
  /** The same superuser's, through a gateway that allows everything and masks the canaries. */
  readonly gateway: Way;
  readonly canaries: readonly Canary[];
  /** A folder that the server can write to. */
  readonly folder: string;
  /** A superuser's client past the gateway, not yet connected. */
  client(): pg.Client;
}

/**
 * A policy that refuses nothing, so that what holds is the masks alone, and a credential that may do anything: neither
 * the policy nor the server's own privileges stand in an attempt's way.
 */
function policy(): string {
  const rules = masked.map(
    (mask, index) => `  - mask: canaries ${index + 1}
    columns: ${JSON.stringify(mask.columns)}
    with: ${mask.with}
`,
  );
  return `policy: canaries
who: { everyone: true }
targets: [orders]
rules:
  - allow: everything
    when: sql.access in ["read", "write", "ddl", "admin", "unknown"]
${rules.join("")}`;
}

/**
 * @param options.sql files of SQL that make up the database, from this folder
 * @param options.gateway whether one is wanted
 */
export async function startVault(
  t: Test,
  options: { readonly sql: readonly string[]; readonly gateway: boolean },
): Promise<Vault> {
  const demo = await demoFor(t);
  const { server } = demo.database;
  const { user, password } = server.superuser;
  const ca = await readFile(demo.variables["PGSSLROOTCERT"] ?? "", "utf8");
  const client = (database = DATABASE) => {
    const made = new pg.Client({
      host: "localhost",
      port: server.port,
      user,
      password,
      database,
      ssl: { ca },
    });
    made.on("error", () => undefined);
    return made;
  };
  await queries(client("postgres"), [
    `create database ${DATABASE} template template0 locale_provider builtin builtin_locale 'C.UTF-8' locale 'C'`,
  ]);
  const texts = await Promise.all(
    options.sql.map((name) => readFile(join(import.meta.dirname, name), "utf8")),
  );
  await queries(client(), texts);
  const folder = join(demo.folder, "from-the-server");
  await mkdir(folder);
  // The server has a user of its own, who also has to get there.
  await chmod(demo.folder, 0o711);
  await chmod(folder, 0o777);
  return {
    straight: { demo, port: server.port, user, password, database: DATABASE },
    gateway: {
      demo,
      port: options.gateway ? await gatewayPort(t, demo, { user, password }) : 0,
      user: "writer",
      password: demo.variables["WRITER_TOKEN"] ?? "",
      database: "orders",
    },
    canaries: await canariesOf(client()),
    folder,
    client,
  };
}

async function gatewayPort(
  t: Test,
  demo: Demo,
  credential: { readonly user: string; readonly password: string },
): Promise<number> {
  await writeFile(join(demo.folder, "secrets", "vault"), credential.password, { mode: 0o600 });
  await writeFile(join(demo.folder, "canaries.yaml"), policy());
  const { port } = await variantGateway(t, demo, "vault", {
    "    database": DATABASE,
    "      writer": `{ credential: { user: ${credential.user}, password: file:secrets/vault } }`,
    policies: "[file:canaries.yaml]",
  });
  return port;
}

async function canariesOf(client: pg.Client): Promise<Canary[]> {
  const rows = await queries(
    client,
    sources.map(({ query }) => `select value::text from (${query}) as source (value)`),
  );
  return rows.flatMap((values, index) =>
    values.map((value) => ({ kind: sources[index]?.kind ?? "text", value })),
  );
}

/** Runs them one after the other, and ends the client. The first column of each one's rows. */
async function queries(client: pg.Client, texts: readonly string[]): Promise<string[][]> {
  await client.connect();
  try {
    const results: string[][] = [];
    for (const text of texts) {
      const result = await client.query<string[]>({ text, rowMode: "array" });
      results.push(Array.isArray(result) ? [] : result.rows.map(([value = ""]) => value));
    }
    return results;
  } finally {
    await client.end();
  }
}
