/** A host name or an IP address, and a port (0 asks the system for a free one). */
export interface TcpAddress {
  readonly host: string;
  readonly port: number;
}

/** The absolute path of a Unix domain socket. */
export interface UnixAddress {
  readonly socket: string;
}

/** Where something listens, or where a client comes from. */
export type Address = TcpAddress | UnixAddress;

/** Writes an address the way people type it: IPv6 addresses get their brackets back, sockets a `unix:` before them. */
export function formatAddress(address: Address): string {
  if ("socket" in address) return `unix:${address.socket}`;
  const { host, port } = address;
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** What a rule sees of where a client is: its IP address, or `local` for one on the gateway's own machine. */
export function hostOf(address: Address): string {
  return "socket" in address ? "local" : address.host;
}
