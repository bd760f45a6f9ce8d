import { readFile } from "node:fs/promises";
import { GatehouseError, messageOf, type TcpAddress } from "@gatehouse/core";
import {
  isCertificate,
  KnownHosts,
  type PublicKey,
  readCertificate,
  readPublicKey,
} from "@gatehouse/openssh";
import type { SshSettings } from "./settings.ts";

const FINGERPRINT = "SHA256:";

/** What a target's host key may be: what the config says, and the known_hosts file that it names. */
export class HostKeys {
  readonly #known: readonly KnownHosts[];
  readonly #fingerprints: ReadonlySet<string>;
  readonly #address: TcpAddress;

  private constructor(address: TcpAddress, known: readonly KnownHosts[], fingerprints: ReadonlySet<string>) {
    this.#address = address;
    this.#known = known;
    this.#fingerprints = fingerprints;
  }

  /** @throws GatehouseError TARGET_UNVERIFIED where there is nothing to check the target by */
  static async of({ hostKeys, knownHosts }: SshSettings, address: TcpAddress): Promise<HostKeys> {
    const written = hostKeys.filter((line) => !line.startsWith(FINGERPRINT)).map(forAnyHost);
    try {
      const files = knownHosts === undefined ? [] : [await readFile(knownHosts, "utf8")];
      const known = [written.join("\n"), ...files].map((text) => KnownHosts.parse(text));
      return new HostKeys(address, known, new Set(hostKeys.filter((line) => line.startsWith(FINGERPRINT))));
    } catch (cause) {
      throw new GatehouseError(
        "TARGET_UNVERIFIED",
        `There is nothing to check the target's host key by: ${messageOf(cause)}.`,
        { cause },
      );
    }
  }

  /** Algorithms of host keys to ask for: those that can prove it. Undefined where any may. */
  get algorithms(): readonly string[] | undefined {
    if (this.#fingerprints.size > 0) return undefined;
    const { host, port } = this.#address;
    return [...new Set(this.#known.flatMap((known) => known.algorithms(host, port)))];
  }

  /**
   * The key whose signature proves the target, of the key or certificate that it shows.
   * @throws GatehouseError TARGET_UNVERIFIED where it is none that is known, or one that was revoked
   */
  verify({ algorithm, blob }: { readonly algorithm: string; readonly blob: Buffer }, now: number): PublicKey {
    const shown = isCertificate(algorithm) ? readCertificate(blob) : readPublicKey(blob);
    const key = "publicKey" in shown ? shown.publicKey : shown;
    const { host, port } = this.#address;
    const verdicts = this.#known.map((known) => known.check(host, port, shown, now));
    // One list that takes it back weighs more than another that knows it.
    if (verdicts.includes("revoked")) throw unverified(`its host key ${key.fingerprint} was revoked`);
    if (verdicts.includes("known") || this.#fingerprints.has(key.fingerprint)) return key;
    throw unverified(`its host key ${key.fingerprint} is none that the config knows`);
  }
}

/** A line of the config stands for its target, whatever address that has: `@cert-authority KEY` as known_hosts has it. */
function forAnyHost(line: string): string {
  const [, marker = "", key = line] = /^(@[a-z-]+ )(.*)$/.exec(line) ?? [];
  return `${marker}* ${key}`;
}

function unverified(why: string): GatehouseError {
  return new GatehouseError("TARGET_UNVERIFIED", `The target did not prove who it is: ${why}.`, {
    hint: "Compare it with what the host itself says (ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub), and mend hostKeys or knownHosts of the target.",
  });
}
