import { appendFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { run, startService } from "../processes.ts";
import type { Site } from "./site.ts";
import { DATABASE } from "./site.ts";

/** The PostgreSQL server that all peers lead to. */
export interface Server {
  /** Runs statements as a superuser, past every peer, and gives what they print: columns by `|`, a row a line. */
  admin(...statements: string[]): Promise<string>;
  stop(): Promise<void>;
}

/** How much there is in it. */
export interface Amounts {
  /** pgbench's scale: 100,000 accounts each. */
  readonly scale: number;
  /** Rows of `bench_rows`. */
  readonly rows: number;
  /** Rows of `bench_people`. */
  readonly people: number;
  /** Further tables, which only the catalog knows. */
  readonly tables: number;
}

/** What masks are about: a table as applications have it, and another that nobody reads. */
const people = (rows: number) => `create table bench_people as
select id, 'Person Number ' || id as name, 'person.' || id || '@mail' || id % 20 || '.example.com' as email,
  '+49 30 ' || 1000000 + id as phone, timestamptz '2020-01-01 UTC' + id * interval '1 minute' as joined,
  (id % 100000)::numeric / 100 as balance
from generate_series(1, ${rows}) as id`;

/** The rows of `bench_rows` as COPY writes them. */
export const rowsFile = (site: Site) => join(site.folder, "rows.tsv");

const ADMIN_LIMIT = 5 * 60_000;

/**
 * Settings that take the machine's own noise out of the figures: what the disk and the autovacuum are doing would be
 * measured instead. All peers have the same server, and a server that waits for less makes what a proxy adds weigh more.
 */
const SETTINGS = {
  listen_addresses: "127.0.0.1",
  max_connections: "2200",
  shared_buffers: "256MB",
  fsync: "off",
  synchronous_commit: "off",
  full_page_writes: "off",
  autovacuum: "off",
  max_wal_size: "4GB",
  checkpoint_timeout: "1h",
  password_encryption: "scram-sha-256",
  ssl: "on",
  log_min_messages: "warning",
} as const;

/** Makes a cluster, starts it, and fills it: pgbench's tables, `bench_rows` and `bench_people` to be read, `bench_copied` to be filled. */
export async function startServer(site: Site, amounts: Amounts): Promise<Server> {
  const { programs, folder, tls, passwords, serverPort, signal } = site;
  const data = await site.makeFolder("data");
  const passwordFile = await site.put("password", passwords.postgres);
  const as = { cwd: folder, signal, ...(site.user === undefined ? {} : { user: site.user }) };
  const initdb = [
    "-D",
    data,
    "-U",
    "postgres",
    "--pwfile",
    passwordFile,
    "-E",
    "UTF8",
    "--locale=C",
    "--no-sync",
  ];
  await run({ ...as, program: programs.initdb, args: initdb }, ADMIN_LIMIT);
  await rm(passwordFile);
  const settings = {
    ...SETTINGS,
    ssl_cert_file: tls.cert,
    ssl_key_file: tls.key,
    unix_socket_directories: site.serverSockets,
  };
  await appendFile(
    join(data, "postgresql.conf"),
    Object.entries(settings)
      .map(([name, value]) => `${name} = '${value}'\n`)
      .join(""),
  );
  await writeFile(
    join(data, "pg_hba.conf"),
    "local all all scram-sha-256\nhost all all 127.0.0.1/32 scram-sha-256\n",
  );

  const isReady = async () => {
    const args = ["-q", "-h", "127.0.0.1", "-p", String(serverPort)];
    return run({ program: programs.pg_isready, args, cwd: folder, signal }, 5000).then(
      () => true,
      () => false,
    );
  };
  const service = await startService(
    { ...as, program: programs.postgres, args: ["-D", data, "-p", String(serverPort)] },
    isReady,
  );
  const env = {
    PGHOST: "127.0.0.1",
    PGPORT: String(serverPort),
    PGUSER: "postgres",
    PGPASSWORD: passwords.postgres,
    PGSSLMODE: "verify-full",
    PGSSLROOTCERT: tls.ca,
  };
  const call = (program: string, args: readonly string[], database: string) =>
    run({ program, args, env: { ...env, PGDATABASE: database }, cwd: folder, signal }, ADMIN_LIMIT);
  const psql = (database: string, statements: readonly string[]) =>
    call(
      programs.psql,
      ["-XAtq", "-v", "ON_ERROR_STOP=1", ...statements.flatMap((text) => ["-c", text])],
      database,
    );
  const stop = () => service.stop("SIGINT");
  try {
    await psql("postgres", [
      `create database ${DATABASE}`,
      `create role reader login password '${passwords.reader}'`,
      `create role writer login password '${passwords.writer}'`,
      `create role gatehouse login createrole password '${passwords.gatehouse}'`,
      // From PostgreSQL 16 on it takes ADMIN OPTION to give a role to others.
      "create role readers",
      "grant readers to gatehouse with admin option",
    ]);
    await call(programs.pgbench, ["-i", "-q", "-s", String(amounts.scale)], DATABASE);
    await psql(DATABASE, [
      `create table bench_rows as select id, md5(id::text) as name from generate_series(1, ${amounts.rows}) as id`,
      people(amounts.people),
      "create table bench_secrets (id int, secret text)",
      `do $$ begin for n in 1..${amounts.tables} loop execute format('create table bench_table_%s (id int, owner text, note text, changed timestamptz)', n); end loop; end $$`,
      "create unlogged table bench_copied (like bench_rows)",
      "grant select on all tables in schema public to reader, readers",
      "grant select, insert, update on all tables in schema public to writer",
      "vacuum analyze",
      `\\copy bench_rows to '${rowsFile(site)}'`,
    ]);
    // What filling it has left for the disk is written now, and not while something is measured.
    await run({ program: "sync", args: [], cwd: folder, signal }, ADMIN_LIMIT);
    return { admin: (...statements) => psql(DATABASE, statements), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
