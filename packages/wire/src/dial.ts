import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { connect, isIP, type Socket } from "node:net";
import { checkServerIdentity, connect as connectTls, type TLSSocket } from "node:tls";
import { type Address, formatAddress, GatehouseError, messageOf, type UpstreamTls } from "@gatehouse/core";

/** How often TCP asks a silent peer whether it is still there. */
export const KEEPALIVE = 30_000;

/**
 * A TCP connection to an address.
 * @throws GatehouseError TARGET_UNREACHABLE when it does not come about before `signal` aborts.
 */
export async function dial(address: Address, signal: AbortSignal): Promise<Socket> {
  const socket = connect({ host: address.host, port: address.port, noDelay: true });
  socket.setKeepAlive(true, KEEPALIVE);
  // Whoever reads or writes next learns of an error; by itself it must not end the process.
  socket.on("error", () => socket.destroy());
  try {
    await once(socket, "connect", { signal });
    return socket;
  } catch (cause) {
    socket.destroy();
    const why = signal.aborted ? "no answer within the deadline" : messageOf(cause);
    throw new GatehouseError("TARGET_UNREACHABLE", `${formatAddress(address)} can't be reached: ${why}.`, {
      cause,
    });
  }
}

/**
 * Puts TLS (1.2 at least) around a connection to a target, and checks who the target is.
 * @throws GatehouseError TARGET_UNVERIFIED when the certificate does not prove it, TARGET_UNREACHABLE when
 * the handshake does not end before `signal` aborts.
 */
export async function secureUpstream(
  socket: Socket,
  address: Address,
  tls: Exclude<UpstreamTls, { mode: "off" }>,
  signal: AbortSignal,
): Promise<TLSSocket> {
  const ca = tls.ca === undefined ? undefined : await readFile(tls.ca);
  const expected = tls.mode === "verify-full" ? (tls.serverName ?? address.host) : undefined;
  const secured = connectTls({
    socket,
    minVersion: "TLSv1.2",
    ...(ca === undefined ? {} : { ca }),
    // SNI is for names; RFC 6066 section 3 leaves addresses out.
    ...(expected !== undefined && isIP(expected) === 0 ? { servername: expected } : {}),
    checkServerIdentity: (_, certificate) =>
      expected === undefined ? undefined : checkServerIdentity(expected, certificate),
  });
  secured.on("error", () => secured.destroy());
  try {
    await once(secured, "secureConnect", { signal });
    return secured;
  } catch (cause) {
    secured.destroy();
    socket.destroy();
    if (signal.aborted) {
      throw new GatehouseError(
        "TARGET_UNREACHABLE",
        `${formatAddress(address)} did not finish the TLS handshake within the deadline.`,
        { cause },
      );
    }
    throw new GatehouseError(
      "TARGET_UNVERIFIED",
      `${formatAddress(address)} did not prove who it is: ${messageOf(cause)}.`,
      { cause, hint: "Check tls.ca and tls.serverName of the target." },
    );
  }
}
