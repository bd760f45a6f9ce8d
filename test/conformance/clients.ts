/** The environment of a client, by the names that libpq looks for. */
export type ClientEnvironment = Readonly<Record<string, string>>;

/** How clients come in: over TCP with TLS, or over a Unix socket. */
export type Door = "tls" | "socket";

/** What takes clients in: a server, or a gateway in front of one. */
export interface Entrance {
  readonly port: number;
  /** The folder of its Unix socket, which has the port in its name. */
  readonly sockets: string;
  readonly user: string;
  readonly password: string;
}

/** What a client needs to come in, by each door. */
export function environmentsOf(
  { port, sockets, user, password }: Entrance,
  caFile: string,
): Readonly<Record<Door, ClientEnvironment>> {
  const common = {
    PATH: process.env["PATH"] ?? "",
    PGPORT: String(port),
    PGUSER: user,
    PGPASSWORD: password,
  };
  return {
    tls: { ...common, PGHOST: "localhost", PGSSLMODE: "verify-full", PGSSLROOTCERT: caFile },
    socket: { ...common, PGHOST: sockets },
  };
}

/** As PostgreSQL names the Unix socket of a port in its folder. */
export function socketOf({ port, sockets }: Pick<Entrance, "port" | "sockets">): string {
  return `${sockets}/.s.PGSQL.${port}`;
}
