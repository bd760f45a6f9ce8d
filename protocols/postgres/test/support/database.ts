import type { PostgresServer } from "@gatehouse/testkit";
import pg from "pg";
import type { Test } from "tap";

/** A database of its own, made by this SQL, and the superuser's client in it. */
export async function database(
  t: Test,
  server: PostgresServer,
  name: string,
  sql: string,
): Promise<pg.Client> {
  const at = (database: string) =>
    new pg.Client({ host: server.host, port: server.port, ...server.superuser, database });
  const maker = at("postgres");
  await maker.connect();
  await maker.query(`CREATE DATABASE ${pg.escapeIdentifier(name)}`);
  await maker.end();
  const client = at(name);
  await client.connect();
  t.teardown(() => client.end());
  await client.query(sql);
  return client;
}
