import { randomBytes } from "node:crypto";
import { chmod, chown, mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { freePort } from "@gatehouse/testkit";
import { type Entrance, environmentsOf } from "./clients.ts";
import { run, startService } from "./processes.ts";

/** Root lends the server the uid of `nobody`, since PostgreSQL does not run as root. */
const owner = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};

/** A database of each suite, by the names that the suites expect. */
export const databases = { regress: "regression", isolation: "isolation_regression" } as const;

/** As pg_regress sets the databases that it creates itself. */
const DATABASE_SETTINGS = [
  "lc_messages = 'C'",
  "lc_monetary = 'C'",
  "lc_numeric = 'C'",
  "lc_time = 'C'",
  "bytea_output = 'hex'",
  "timezone_abbreviations = 'Default'",
];

/** As pg_regress sets the servers that it starts itself, and TLS. */
const SERVER_SETTINGS = {
  listen_addresses: "127.0.0.1",
  // The data are made anew for each run: a crash of the machine loses nothing that is missed.
  fsync: "off",
  max_connections: "200",
  max_prepared_transactions: "2",
  log_line_prefix: "%m %b[%p] %q%a ",
  ssl: "on",
  ssl_cert_file: "server.crt",
  ssl_key_file: "server.key",
};

/** A PostgreSQL 15 of its own, with the way in for its superuser. */
export interface Cluster extends Entrance {
  readonly user: "postgres";
  stop(): Promise<void>;
}

/**
 * Makes a cluster in `folder`, with the suites' databases in it, and starts it.
 * @param bindir where PostgreSQL's programs are
 * @param tls PEM; the certificate must name localhost
 */
export async function startCluster(
  folder: string,
  bindir: string,
  tls: { readonly certificatePem: string; readonly keyPem: string; readonly caFile: string },
): Promise<Cluster> {
  const data = join(folder, "data");
  const sockets = join(folder, "sockets");
  const password = randomBytes(18).toString("base64url");
  const put = async (path: string, text: string) => {
    await writeFile(path, text, { mode: 0o600 });
    await own(path);
  };
  await mkdir(data, { recursive: true, mode: 0o700 });
  await mkdir(sockets);
  for (const path of [data, sockets]) await own(path);
  await chmod(folder, 0o755);
  const passwordFile = join(folder, "password");
  await put(passwordFile, password);
  const initdb = ["-D", data, "-U", "postgres", `--pwfile=${passwordFile}`, "--auth=scram-sha-256"];
  await run(join(bindir, "initdb"), [...initdb, "--encoding=UTF8", "--locale=C", "--no-sync"], {
    ...owner,
    cwd: folder,
  });
  await rm(passwordFile);
  const port = await freePort();
  await put(join(data, "server.crt"), tls.certificatePem);
  await put(join(data, "server.key"), tls.keyPem);
  const settings = Object.entries({
    ...SERVER_SETTINGS,
    port: String(port),
    unix_socket_directories: sockets,
  });
  await put(
    join(data, "postgresql.auto.conf"),
    settings.map(([key, text]) => `${key} = '${text}'\n`).join(""),
  );
  await put(
    join(data, "pg_hba.conf"),
    "local all all scram-sha-256\nhostssl all all 127.0.0.1/32 scram-sha-256\n",
  );
  const service = startService(join(bindir, "postgres"), ["-D", data], {
    ...owner,
    cwd: folder,
    log: "stderr",
  });
  const cluster: Cluster = { port, sockets, user: "postgres", password, stop: () => service.stop() };
  try {
    await ready(service.log);
    const env = environmentsOf(cluster, tls.caFile).socket;
    for (const database of Object.values(databases)) {
      const statements = [
        `CREATE DATABASE ${database} TEMPLATE template0`,
        ...DATABASE_SETTINGS.map((setting) => `ALTER DATABASE ${database} SET ${setting}`),
      ].flatMap((statement) => ["-c", statement]);
      await run(join(bindir, "psql"), ["-Xq", "-v", "ON_ERROR_STOP=1", "-d", "postgres", ...statements], {
        env,
      });
    }
  } catch (error) {
    await cluster.stop();
    throw error;
  }
  return cluster;
}

async function own(path: string): Promise<void> {
  if (owner.uid !== undefined) await chown(path, owner.uid, owner.gid);
}

/** Resolves when the server says that it is ready; its log is read on, so that it never waits for a reader. */
async function ready(log: Readable): Promise<void> {
  let said = "";
  await new Promise<void>((resolve, reject) => {
    log.setEncoding("utf8").on("data", (text: string) => {
      said = (said + text).slice(-4096);
      if (said.includes("database system is ready to accept connections")) resolve();
    });
    log.once("close", () => reject(new Error(`PostgreSQL did not start:\n${said}`)));
  });
}
