import type { NetConnectOpts } from "node:net";
import { join } from "node:path";
import type { Level } from "../levels.ts";
import type { Transport } from "../stage.ts";
import { DATABASE, type Site } from "../site.ts";

/** Where a peer listens: on a port of loopback, or on a Unix socket of PostgreSQL's kind of name in a folder. */
export type Way = { readonly port: number } | { readonly port: number; readonly folder: string };

/** What `tls` and `plain` are, for whoever reads the figures. libpq speaks TLS on TCP alone. */
export const TRANSPORTS: Readonly<Record<Transport, string>> = {
  tls: "TLS between client and proxy, and between proxy and server; to direct as well",
  plain: "a Unix socket between client and proxy, and to direct; TCP without TLS between proxy and server",
};

/** The environment of a client of libpq's. */
export function clientEnvironment(
  site: Site,
  way: Way,
  level: Level,
  password: string,
): Record<string, string> {
  const place =
    "folder" in way
      ? { PGHOST: way.folder }
      : {
          PGHOST: "localhost",
          PGHOSTADDR: "127.0.0.1",
          PGSSLMODE: "verify-full",
          PGSSLROOTCERT: site.tls.ca,
        };
  return {
    ...place,
    PGPORT: String(way.port),
    PGDATABASE: DATABASE,
    PGUSER: level,
    PGPASSWORD: password,
    PGCONNECT_TIMEOUT: "30",
  };
}

/** The same place for Node. */
export function socketOptions(way: Way): NetConnectOpts {
  return "folder" in way ? { path: socketPath(way) } : { port: way.port, host: "127.0.0.1" };
}

/** A socket's path as libpq makes it of folder and port. */
export function socketPath({ folder, port }: { readonly folder: string; readonly port: number }): string {
  return join(folder, `.s.PGSQL.${port}`);
}
