import { BlockList, isIP } from "node:net";
import { certificateInvalid } from "./invalid.ts";

/**
 * Whether an address lies in one of the networks of a `source-address` option: `10.0.0.0/8,2001:db8::1`.
 * An IPv4 address that comes over IPv6 (`::ffff:10.0.0.1`) is itself.
 * @returns false for an address that is none
 * @throws GatehouseError CERTIFICATE_INVALID where one of the networks can't be read
 */
export function isWithin(address: string, networks: string): boolean {
  const list = new BlockList();
  for (const network of networks.split(",")) {
    const [, base = "", prefix] = /^([0-9A-Fa-f.:]+)(?:\/([0-9]{1,3}))?$/.exec(network) ?? [];
    const family = familyOf(base);
    const longest = family === "ipv4" ? 32 : 128;
    const length = prefix === undefined ? longest : Number(prefix);
    if (family === undefined || length > longest)
      throw certificateInvalid("its source-address can't be read");
    list.addSubnet(base, length, family);
  }
  // A link-local address names the interface behind it, which no network does.
  const plain = address.replace(/%.*$/, "");
  const family = familyOf(plain);
  return family !== undefined && list.check(plain, family);
}

function familyOf(address: string): "ipv4" | "ipv6" | undefined {
  return ({ 4: "ipv4", 6: "ipv6" } as const)[isIP(address)];
}
