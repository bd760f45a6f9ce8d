import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { type PostgresServer, startPostgres } from "@gatehouse/testkit";
import pg from "pg";

/** The demo's target: a real PostgreSQL with the `orders` database in it. */
export interface DemoDatabase {
  readonly server: PostgresServer;
  /** Of the administrator by whom the gateway makes the users of sessions. */
  readonly administrator: { readonly user: string; readonly password: string };
  /** A superuser's way straight in, past the gateway. */
  readonly adminUrl: string;
}

/** Starts the server and fills it. */
export async function startDatabase(
  tls: { readonly certificatePem: string; readonly keyPem: string },
  ca: { readonly pem: string; readonly path: string },
): Promise<DemoDatabase> {
  const server = await startPostgres({ tls });
  try {
    const administrator = { user: "gatehouse", password: secret() };
    const connection = {
      host: server.host,
      port: server.port,
      ...server.superuser,
      ssl: { ca: ca.pem },
    };
    await query({ ...connection, database: "postgres" }, [
      // The cluster is made with locale C; a database for people's names is better off with Unicode's rules.
      "create database orders template template0 locale_provider builtin builtin_locale 'C.UTF-8' locale 'C'",
      "create role orders_owner",
      // What a level may do is a role that nobody logs in as; sessions have users of their own, which are its members.
      "create role orders_writer",
      `create role ${administrator.user} login createrole password '${administrator.password}'`,
      `grant orders_writer to ${administrator.user} with admin option`,
      // To grant what the policies could ever allow, where a level asks for that.
      `grant orders_owner to ${administrator.user}`,
    ]);
    const seed = await readFile(new URL("./seed.sql", import.meta.url), "utf8");
    await query({ ...connection, database: "orders" }, [seed]);
    const { user, password } = server.superuser;
    const options = `sslmode=verify-full&sslrootcert=${encodeURIComponent(ca.path)}`;
    return {
      server,
      administrator,
      adminUrl: `postgresql://${user}:${password}@localhost:${server.port}/orders?${options}`,
    };
  } catch (error) {
    await server.stop();
    throw error;
  }
}

async function query(connection: pg.ClientConfig, statements: readonly string[]): Promise<void> {
  const client = new pg.Client(connection);
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}

function secret(): string {
  return randomBytes(24).toString("base64url");
}
