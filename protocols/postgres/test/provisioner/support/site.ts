import { type PostgresServer, startPostgres } from "@gatehouse/testkit";
import type pg from "pg";
import type { Test } from "tap";
import type { MintedUser, Target } from "@gatehouse/core";
import type { PostgresProvisioner } from "../../../src/provisioner/provisioner.ts";
import type { PostgresSettings } from "../../../src/settings.ts";
import { superuser } from "../../support/database.ts";
import { ADMINISTRATOR, minting, type MintingOptions, value, wayTo } from "./minting.ts";

export interface Site {
  readonly server: PostgresServer;
  /** The superuser, in the target's database and in another one. */
  readonly root: pg.Client;
  readonly second: pg.Client;
  readonly version: number;
  readonly provisioner: PostgresProvisioner;
  readonly target: Target<PostgresSettings>;
  /** A user that may make things in both databases. */
  readonly minted: () => Promise<MintedUser>;
  /** Nothing at the server has to do with a role that is not there any more. */
  readonly isClean: () => Promise<void>;
}

/** A server at which users can make things, and a provisioner for it. */
export async function siteOf(t: Test, options: MintingOptions = {}): Promise<Site> {
  const server = await startPostgres({ settings: { max_prepared_transactions: "10", wal_level: "logical" } });
  t.teardown(() => server.stop());
  const root = await superuser(t, server);
  await root.query(ADMINISTRATOR);
  await root.query(
    `CREATE ROLE maker; GRANT maker, orders_read, orders_write TO gatehouse_admin WITH ADMIN OPTION`,
  );
  await root.query("CREATE DATABASE second");
  const second = await superuser(t, server, "second");
  for (const client of [root, second]) {
    const database = String(await value(client, "SELECT current_database()"));
    await client.query(
      `GRANT CREATE ON SCHEMA public TO maker; GRANT CREATE ON DATABASE ${database} TO maker`,
    );
  }
  const { provisioner, target } = minting(t, server, options);
  const maker = wayTo(target, { memberOf: ["maker", "orders_write"], setRole: true });
  let count = 0;
  return {
    server,
    root,
    second,
    version: Number(await value(root, "SHOW server_version_num")),
    provisioner,
    target,
    minted: () => {
      count += 1;
      const holder = { session: `ses_${count}`, subject: "ana" };
      return provisioner.mint(maker, { name: `gh_0k3y2b9z_${count}`, holder, ttl: 60_000, sessions: 8 });
    },
    isClean: async () => {
      for (const [what, query] of LEFT)
        t.equal(await value(root, `SELECT count(*)::int FROM ${query}`), 0, what);
    },
  };
}

const LEFT = [
  ["no users", "pg_roles WHERE rolname ~ '^gh_'"],
  [
    "nothing that a dropped role owns",
    "pg_shdepend s WHERE refclassid = 'pg_authid'::regclass AND NOT EXISTS (SELECT FROM pg_authid a WHERE a.oid = s.refobjid)",
  ],
  [
    "no memberships of dropped roles",
    "pg_auth_members WHERE NOT EXISTS (SELECT FROM pg_authid a WHERE a.oid = member)",
  ],
  ["no prepared transactions", "pg_prepared_xacts"],
] as const;

/** One of each that a user without more rights than these can own. */
export const OWNED = `
  CREATE SCHEMA own; CREATE TABLE own.things (id serial PRIMARY KEY, note text DEFAULT 'x');
  CREATE FUNCTION own.bang() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''ran''; END';
  CREATE TRIGGER bang BEFORE DELETE OR UPDATE ON own.things FOR EACH ROW EXECUTE FUNCTION own.bang();
  INSERT INTO own.things (note) VALUES ('one');
  CREATE VIEW own.seen AS SELECT * FROM own.things; CREATE MATERIALIZED VIEW own.kept AS SELECT * FROM own.things;
  CREATE RULE r AS ON DELETE TO own.things DO INSTEAD NOTHING;
  CREATE POLICY p ON own.things USING (true);
  CREATE TYPE own.mood AS ENUM ('good'); CREATE TYPE own.pair AS (a int, b int);
  CREATE TYPE own.span AS RANGE (subtype = int);
  CREATE DOMAIN own.short AS text CHECK (length(value) < 9);
  CREATE TABLE public.typed (s own.short, m own.mood);
  CREATE FUNCTION own.plus(int, own.mood) RETURNS int LANGUAGE sql AS 'SELECT $1';
  CREATE OPERATOR own.+ (LEFTARG = int, RIGHTARG = own.mood, FUNCTION = own.plus);
  CREATE COLLATION own.c FROM "C";
  CREATE STATISTICS own.st ON id, note FROM own.things;
  CREATE TEXT SEARCH CONFIGURATION own.ts (COPY = simple);
  CREATE AGGREGATE own.total (int) (SFUNC = int4pl, STYPE = int);
  CREATE PUBLICATION pub_own FOR TABLE own.things;
  ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC;
  ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO orders_read;
  SELECT lo_create(0); GRANT SELECT ON own.things TO orders_read;`;
