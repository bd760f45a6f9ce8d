import type { Config } from "@gatehouse/config";
import { GatehouseError, type Logger, type Protocol, type Target } from "@gatehouse/core";
import { createSecrets, staticLeases } from "@gatehouse/credentials";

/**
 * Reads what a target holds, by the way that a gateway would take.
 * @returns the text of a file, for `policy explain` and `policy test`
 * @throws GatehouseError CATALOG_UNAVAILABLE, with the reason
 */
export async function takeCatalog(
  target: Target,
  { vault }: Pick<Config, "vault">,
  protocols: readonly Protocol[],
  log: Logger,
): Promise<string> {
  const catalogs = protocols.find(({ name }) => name === target.protocol)?.catalogs;
  if (!catalogs) {
    throw new GatehouseError(
      "CATALOG_UNAVAILABLE",
      `A target of the protocol ${target.protocol} has no catalog.`,
    );
  }
  const leases = staticLeases(createSecrets({ vault: () => vault }));
  return catalogs.take(target, { lease: (of) => leases.acquire(of), log });
}
