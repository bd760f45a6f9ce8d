import { curve25519 } from "./x25519.ts";
import { dhGroup } from "./dh-group.ts";
import { ecdh } from "./ecdh.ts";
import type { KexMethod } from "./method.ts";
import { mlkem768x25519 } from "./mlkem768x25519.ts";

const methods = new Map<string, KexMethod>([
  ["mlkem768x25519-sha256", mlkem768x25519],
  ["curve25519-sha256", curve25519],
  ["curve25519-sha256@libssh.org", curve25519],
  ["ecdh-sha2-nistp256", ecdh("prime256v1", "sha256")],
  ["ecdh-sha2-nistp384", ecdh("secp384r1", "sha384")],
  ["ecdh-sha2-nistp521", ecdh("secp521r1", "sha512")],
  ["diffie-hellman-group14-sha256", dhGroup("modp14", "sha256")],
  ["diffie-hellman-group16-sha512", dhGroup("modp16", "sha512")],
  ["diffie-hellman-group18-sha512", dhGroup("modp18", "sha512")],
]);

export function kexMethod(name: string): KexMethod {
  const method = methods.get(name);
  if (method) return method;
  throw new RangeError(`There is no key exchange ${name}.`);
}
