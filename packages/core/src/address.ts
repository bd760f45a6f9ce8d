/** Where something listens: a host name or an IP address, and a port (0 asks the system for a free one). */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** Writes an address the way people type it; IPv6 addresses get their brackets back. */
export function formatAddress({ host, port }: Address): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
