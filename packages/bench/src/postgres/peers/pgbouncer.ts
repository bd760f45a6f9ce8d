import { freePort } from "@gatehouse/testkit";
import { accepts, startService } from "../../processes.ts";
import { roleOf } from "../levels.ts";
import type { PostgresPeer, Transport } from "../stage.ts";
import { DATABASE, type Site } from "../site.ts";
import { clientEnvironment, socketOptions, type Way } from "./ways.ts";

/** pgbouncer in session mode: a client has a server's connection of its own, as behind the gateway. */
export async function startPgbouncer(site: Site, transport: Transport): Promise<PostgresPeer> {
  const port = await freePort();
  const { passwords } = site;
  const way = transport === "tls" ? { port } : { port, folder: await site.makeFolder(`pgbouncer-${port}`) };
  const users = await site.put(
    "pgbouncer-users",
    `"reader" "${passwords.reader}"\n"writer" "${passwords.writer}"\n`,
  );
  const config = await site.put("pgbouncer.ini", configOf(site, way, users));
  const { pid, stop } = await startService(
    {
      program: site.programs.pgbouncer,
      args: ["-q", config],
      cwd: site.folder,
      signal: site.signal,
      ...(site.user === undefined ? {} : { user: site.user }),
    },
    () => accepts(socketOptions(way)),
  );
  return {
    name: "pgbouncer",
    pid,
    clientEnvironment: (level) => clientEnvironment(site, way, roleOf(level), passwords[roleOf(level)]),
    // SIGINT would wait for the clients; SIGTERM is its immediate shutdown.
    stop: () => stop("SIGTERM"),
  };
}

function configOf({ tls, serverPort }: Site, way: Way, users: string): string {
  const place =
    "folder" in way
      ? `listen_addr =
unix_socket_dir = ${way.folder}
client_tls_sslmode = disable
server_tls_sslmode = disable`
      : `listen_addr = 127.0.0.1
unix_socket_dir =
client_tls_sslmode = require
client_tls_cert_file = ${tls.cert}
client_tls_key_file = ${tls.key}
server_tls_sslmode = verify-full
server_tls_ca_file = ${tls.ca}`;
  return `[databases]
${DATABASE} = host=127.0.0.1 port=${serverPort} dbname=${DATABASE}

[pgbouncer]
listen_port = ${way.port}
${place}
auth_type = scram-sha-256
auth_file = ${users}
pool_mode = session
max_client_conn = 4000
default_pool_size = 2150
log_connections = 0
log_disconnections = 0
`;
}
