import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Demo } from "@gatehouse/demo";
import pg from "pg";
import type { Test } from "tap";
import { demoFor, variantGateway } from "../environment.ts";
import type { MaskedColumns } from "./canaries.ts";
import type { Way } from "./session.ts";

const DATABASE = "vault";

/** A database, and the ways to it. */
export interface Vault {
  /** A superuser's, past the gateway. */
  readonly straight: Way;
  /** The same superuser's, through a gateway that allows everything and masks columns. */
  readonly gateway: Way;
  /** A folder that the server can write to. */
  readonly folder: string;
  /** A superuser's, past the gateway: for what has to stand around a statement. */
  readonly beside: pg.Client;
}

/**
 * A policy that refuses nothing, so that what holds is the masks alone, and a credential that may do anything: neither
 * the policy nor the server's own privileges stand in an attempt's way.
 */
function policy(masked: readonly MaskedColumns[]): string {
  const rules = masked.map(
    (mask, index) => `  - mask: columns ${index + 1}
    columns: ${JSON.stringify(mask.columns)}
    with: ${mask.with}
`,
  );
  return `policy: masks
who: { everyone: true }
targets: [orders]
rules:
  - allow: everything
    when: sql.access in ["read", "write", "ddl", "admin", "unknown"]
${rules.join("")}`;
}

/**
 * @param options.sql the file of SQL that makes up the database, from this folder
 * @param options.gateway whether one is wanted
 */
export async function startVault(
  t: Test,
  options: { readonly sql: string; readonly masked: readonly MaskedColumns[]; readonly gateway: boolean },
): Promise<Vault> {
  const demo = await demoFor(t);
  const { server } = demo.database;
  const { user, password } = server.superuser;
  const ca = await readFile(demo.variables["PGSSLROOTCERT"] ?? "", "utf8");
  const client = async (database: string) => {
    const made = new pg.Client({
      host: "localhost",
      port: server.port,
      user,
      password,
      database,
      ssl: { ca },
    });
    made.on("error", () => undefined);
    await made.connect();
    return made;
  };
  const maker = await client("postgres");
  await maker.query(
    `create database ${DATABASE} template template0 locale_provider builtin builtin_locale 'C.UTF-8' locale 'C'`,
  );
  await maker.end();
  const beside = await client(DATABASE);
  t.teardown(() => beside.end());
  await beside.query(await readFile(join(import.meta.dirname, options.sql), "utf8"));
  const folder = join(demo.folder, "from-the-server");
  await mkdir(folder);
  // The server has a user of its own, who also has to get there.
  await chmod(demo.folder, 0o711);
  await chmod(folder, 0o777);
  return {
    straight: { demo, port: server.port, user, password, database: DATABASE },
    gateway: {
      demo,
      port: options.gateway ? await gatewayPort(t, demo, options.masked, { user, password }) : 0,
      user: "writer",
      password: demo.variables["WRITER_TOKEN"] ?? "",
      database: "orders",
    },
    folder,
    beside,
  };
}

async function gatewayPort(
  t: Test,
  demo: Demo,
  masked: readonly MaskedColumns[],
  credential: { readonly user: string; readonly password: string },
): Promise<number> {
  await writeFile(join(demo.folder, "secrets", "vault"), credential.password, { mode: 0o600 });
  await writeFile(join(demo.folder, "masks.yaml"), policy(masked));
  const { port } = await variantGateway(t, demo, "vault", {
    "    database": DATABASE,
    "      writer": `{ credential: { user: ${credential.user}, password: file:secrets/vault } }`,
    policies: "[file:masks.yaml]",
  });
  return port;
}
