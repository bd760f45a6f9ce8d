import { randomBytes } from "node:crypto";
import pg from "pg";
import type { Test } from "tap";
import type { MintSite } from "./site.ts";

export interface StraightOptions {
  readonly database?: string;
  readonly replication?: "database";
}

/**
 * Straight to the database as a user that was made for a session that is open: as whoever has found out its password, which
 * only a superuser can arrange here, as they have to give it more connections.
 */
export async function straight(
  t: Test,
  site: MintSite,
  user: string,
  { database = "orders", ...options }: StraightOptions = {},
): Promise<pg.Client> {
  const password = randomBytes(18).toString("base64url");
  await site.ask(`alter role "${user}" password '${password}' connection limit -1`);
  const { host, port } = site.server;
  // `replication` is a parameter of the protocol that the client's types do not have.
  const config: pg.ClientConfig & { readonly replication?: string } = {
    host,
    port,
    user,
    password,
    database,
    ...options,
  };
  const client = new pg.Client(config);
  client.on("error", () => undefined);
  await client.connect();
  t.teardown(() => client.end().catch(() => undefined));
  return client;
}
