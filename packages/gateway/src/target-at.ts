import { isIPv6 } from "node:net";
import type { Address, Target } from "@gatehouse/core";

/**
 * The target that a client means who asks for this place: one that has it among its addresses, or else one that is called
 * so. An address is found however it is written; another name for the same host is not known here, and so is no target's.
 */
export function targetAt(targets: Iterable<Target>, host: string, port: number): Target | undefined {
  const all = [...targets];
  const asked = canonical(host);
  const at = all.find(({ addresses }) =>
    addresses.some((own) => "port" in own && own.port === port && canonical(own.host) === asked),
  );
  return at ?? all.find(({ name }) => canonical(name) === asked);
}

/** Of several addresses that are listened on, one to connect to: over TCP, as whoever asked for a port expects. */
export function reachable(addresses: readonly Address[]): Address | undefined {
  const chosen = addresses.find((address) => "port" in address) ?? addresses[0];
  if (chosen === undefined || "socket" in chosen) return chosen;
  const loopback = LOOPBACK.get(chosen.host);
  return loopback === undefined ? chosen : { host: loopback, port: chosen.port };
}

/** What listens on every address is reached on this one. */
const LOOPBACK: ReadonlyMap<string, string> = new Map([
  ["0.0.0.0", "127.0.0.1"],
  ["::", "::1"],
]);

const NAME = /^[A-Za-z0-9._-]{1,253}$/;

/** As resolvers understand it: `DB.internal.`, `0x7f.1`, `2130706433` and `::ffff:127.0.0.1` are names of what others write otherwise. */
function canonical(host: string): string {
  const written = isIPv6(host) ? `[${host}]` : NAME.test(host) ? host.replace(/\.$/, "") : "";
  // URLs have the one parser of hosts that Node has (WHATWG URL, 3.5).
  const url = URL.parse(`http://${written}/`);
  if (url === null) return host.toLowerCase();
  const mapped = /^\[::ffff:([0-9a-f]+):([0-9a-f]+)\]$/.exec(url.hostname);
  if (mapped === null) return url.hostname;
  const [high = 0, low = 0] = mapped.slice(1).map((group) => Number.parseInt(group, 16));
  return [high >> 8, high & 255, low >> 8, low & 255].join(".");
}
