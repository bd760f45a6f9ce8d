import type { PostgresServer } from "@gatehouse/testkit";
import pg from "pg";
import type { Test } from "tap";

/** The superuser's client in one of a server's databases, until the test ends. */
export async function superuser(t: Test, server: PostgresServer, database = "postgres"): Promise<pg.Client> {
  const { host, port } = server;
  const client = new pg.Client({ host, port, ...server.superuser, database });
  await client.connect();
  t.teardown(() => client.end());
  return client;
}

/** A database of its own, made by this SQL, and the superuser's client in it. */
export async function database(
  t: Test,
  server: PostgresServer,
  name: string,
  sql: string,
): Promise<pg.Client> {
  const maker = await superuser(t, server);
  await maker.query(`CREATE DATABASE ${pg.escapeIdentifier(name)}`);
  const client = await superuser(t, server, name);
  await client.query(sql);
  return client;
}
