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

/**
 * The network that a client's IP address stands for where something is shared out: the address itself, and of IPv6 its first
 * 64 bits, since whoever has one address of such a network has all of them (RFC 6177).
 */
export function networkOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  if (!address.includes(":")) return address;
  const [front = "", back] = address.split("::");
  const groups = front === "" ? [] : front.split(":");
  const after = back === undefined || back === "" ? 0 : back.split(":").length;
  while (back !== undefined && groups.length + after < 8) groups.push("0");
  return groups.slice(0, 4).join(":");
}
