import { GatehouseError } from "@gatehouse/core";
import type { KexInit } from "../codec/kex-init.ts";
import type { Agreed } from "./algorithms.ts";
import { hasOwnMac } from "./ciphers.ts";

/** Names that a client or a server puts among its key exchanges to say what else it does. They are never chosen. */
export const marker = {
  /** RFC 8308 section 2.1: EXT_INFO is welcome. */
  extInfo: { client: "ext-info-c", server: "ext-info-s" },
  /** OpenSSH's PROTOCOL, section 1.10. */
  strict: { client: "kex-strict-c-v00@openssh.com", server: "kex-strict-s-v00@openssh.com" },
} as const;

/**
 * What both have, by the client's order (RFC 4253 section 7.1).
 * @throws GatehouseError PROTOCOL_VIOLATION where there is nothing in common
 */
export function negotiate(client: KexInit, server: KexInit): Agreed {
  const cipherToServer = common("cipher", client.cipherToServer, server.cipherToServer);
  const cipherToClient = common("cipher", client.cipherToClient, server.cipherToClient);
  common("compression", client.compressionToServer, server.compressionToServer);
  common("compression", client.compressionToClient, server.compressionToClient);
  return {
    kex: common("key exchange", withoutMarkers(client.kex), server.kex),
    hostKey: common("host key algorithm", client.hostKeys, server.hostKeys),
    cipherToServer,
    cipherToClient,
    macToServer: hasOwnMac(cipherToServer) ? "" : common("MAC", client.macToServer, server.macToServer),
    macToClient: hasOwnMac(cipherToClient) ? "" : common("MAC", client.macToClient, server.macToClient),
  };
}

/** Whether the two sides' first names are the same, so that a guess of the peer's was right (section 7). */
export function guessedRight(client: KexInit, server: KexInit): boolean {
  return client.kex[0] === server.kex[0] && client.hostKeys[0] === server.hostKeys[0];
}

function withoutMarkers(names: readonly string[]): readonly string[] {
  const markers: readonly string[] = [...Object.values(marker.extInfo), ...Object.values(marker.strict)];
  return names.filter((name) => !markers.includes(name));
}

function common(what: string, client: readonly string[], server: readonly string[]): string {
  const chosen = client.find((name) => server.includes(name));
  if (chosen !== undefined) return chosen;
  throw new GatehouseError("PROTOCOL_VIOLATION", `no ${what} in common`);
}
