import {
  type Lease,
  type Level,
  type MintedUser,
  Secret,
  systemClock,
  type Target,
  type Way,
} from "@gatehouse/core";
import { createMemoryLog, type PostgresServer } from "@gatehouse/testkit";
import pg from "pg";
import type { Test } from "tap";
import { PostgresProvisioner } from "../../../src/provisioner/provisioner.ts";
import { levelSettingsOf, type PostgresSettings } from "../../../src/settings.ts";
import { leaseOf, type TargetOptions, targetAt } from "../../support/target.ts";

export const EPOCH = "0k3y2b9z";
export const PASSWORD = "of the administrator";

export interface MintingOptions extends TargetOptions {
  readonly epoch?: string;
  readonly administrator?: string;
  readonly database?: string;
}

/** A provisioner of one gateway's run, and a target at this server. */
export function minting(
  t: Pick<Test, "teardown">,
  server: Pick<PostgresServer, "host" | "port">,
  {
    epoch = EPOCH,
    administrator = "gatehouse_admin",
    database = "postgres",
    ...options
  }: MintingOptions = {},
): { readonly provisioner: PostgresProvisioner; readonly target: Target<PostgresSettings> } {
  const provisioner = new PostgresProvisioner({
    epoch,
    lease: (): Promise<Lease> => Promise.resolve(leaseOf(administrator, new Secret(PASSWORD))),
    policies: () => ({ version: "", reach: () => ({ policies: "", couldAllow: () => false }) }),
    clock: systemClock,
    log: createMemoryLog(),
  });
  t.teardown(() => provisioner.close());
  const at = targetAt([{ host: server.host, port: server.port }], options);
  return { provisioner, target: { ...at, settings: { ...at.settings, database } } };
}

/** A way in by a level with these settings, as they stand in a config. */
export function wayTo(target: Target, settings: Readonly<Record<string, unknown>>): Way {
  const level: Level = {
    name: "reader",
    credential: { mint: { ttl: 900_000, ready: 2, share: "session" } },
    settings: levelSettingsOf({ settings }),
  };
  return { target, level };
}

/** What an administrator needs, as the documentation has it. */
export const ADMINISTRATOR = `
  CREATE ROLE gatehouse_admin LOGIN CREATEROLE PASSWORD '${PASSWORD}';
  CREATE ROLE orders_read; CREATE ROLE orders_write;
  CREATE TABLE orders (id int PRIMARY KEY, note text);
  INSERT INTO orders VALUES (1, 'one');
  GRANT SELECT ON orders TO orders_read, orders_write; GRANT INSERT ON orders TO orders_write;`;

/** @returns a client of a minted user, until the test ends */
export async function clientOf(
  t: Pick<Test, "teardown">,
  server: Pick<PostgresServer, "host" | "port">,
  { name, password }: MintedUser,
  database = "postgres",
): Promise<pg.Client> {
  const { host, port } = server;
  const client = new pg.Client({ host, port, user: name, password: password.reveal(), database });
  // Its connection is ended by whom it is about.
  client.on("error", () => undefined);
  await client.connect();
  t.teardown(() => client.end().catch(() => undefined));
  return client;
}

/** One value of one row. */
export async function value(client: pg.Client, query: string, parameters: unknown[] = []): Promise<unknown> {
  const { rows } = await client.query<unknown[]>({ text: query, values: parameters, rowMode: "array" });
  return rows[0]?.[0];
}
