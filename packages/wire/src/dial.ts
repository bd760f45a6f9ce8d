import { once } from "node:events";
import { connect, isIP, type Socket } from "node:net";
import { checkServerIdentity, connect as connectTls, type TLSSocket } from "node:tls";
import {
  type Address,
  formatAddress,
  GatehouseError,
  messageOf,
  type TcpAddress,
  type UpstreamTls,
} from "@gatehouse/core";
import { type ClientCertificate, clientContext } from "./secure-contexts.ts";

/** Milliseconds after which TCP asks a silent peer whether it is still there, where the config says no other. */
export const KEEPALIVE = 30_000;

/**
 * A connection to an address. A host name that stands for several IP addresses is tried at each of them.
 * @param keepalive milliseconds; a Unix socket has none
 * @throws GatehouseError TARGET_UNREACHABLE when it does not come about before `signal` aborts.
 */
export async function dial(address: Address, signal: AbortSignal, keepalive = KEEPALIVE): Promise<Socket> {
  const socket = connect(
    "socket" in address
      ? { path: address.socket }
      : {
          host: address.host,
          port: address.port,
          noDelay: true,
          keepAlive: true,
          keepAliveInitialDelay: keepalive,
        },
  );
  // Whoever reads or writes next learns of an error; by itself it must not end the process.
  socket.on("error", () => socket.destroy());
  try {
    await once(socket, "connect", { signal });
    return socket;
  } catch (cause) {
    socket.destroy();
    const why = signal.aborted ? "no answer within the deadline" : reason(cause);
    throw new GatehouseError("TARGET_UNREACHABLE", `${formatAddress(address)} can't be reached: ${why}.`, {
      cause,
    });
  }
}

/** How a connection to a target is protected. */
export interface UpstreamSecurity {
  readonly tls: Exclude<UpstreamTls, { mode: "off" | "own" }>;
  /** Shown where the target asks for one. */
  readonly certificate?: ClientCertificate | undefined;
  /** The protocols that may be spoken, the best first, so that a server of another one does not take part (ALPACA). */
  readonly alpn: readonly string[];
}

/**
 * Puts TLS (1.2 at least) around a connection to a target, and checks who the target is.
 * @throws GatehouseError TARGET_UNVERIFIED when the certificate does not prove it, TARGET_UNREACHABLE when the target
 * closes during the handshake or that does not end before `signal` aborts, CERTIFICATE_INVALID when there is nothing to check it by.
 */
export async function secureUpstream(
  socket: Socket,
  address: TcpAddress,
  { tls, certificate, alpn }: UpstreamSecurity,
  signal: AbortSignal,
): Promise<TLSSocket> {
  const name = tls.mode === "verify-full" ? (tls.serverName ?? address.host) : address.host;
  let secured: TLSSocket | undefined;
  try {
    const secureContext = await clientContext(tls.ca, certificate);
    secured = connectTls({
      socket,
      secureContext,
      ALPNProtocols: [...alpn],
      // SNI is for names; RFC 6066 section 3 leaves addresses out.
      ...(isIP(name) === 0 ? { servername: name } : {}),
      checkServerIdentity: (_, presented) =>
        tls.mode === "verify-full" ? checkServerIdentity(name, presented) : undefined,
    });
    // TLS tells some errors without ending the connection by them (RFC 8446 section 6.2 wants it ended).
    secured.on("error", (error: Error) => secured?.destroy(error));
    await once(secured, "secureConnect", { signal });
    return secured;
  } catch (cause) {
    secured?.destroy();
    socket.destroy();
    if (cause instanceof GatehouseError) throw cause;
    if (signal.aborted) {
      throw new GatehouseError(
        "TARGET_UNREACHABLE",
        `${formatAddress(address)} did not finish the TLS handshake within the deadline.`,
        { cause },
      );
    }
    // That nobody was there to the end proves nothing about who it was.
    if (
      cause instanceof Error &&
      "code" in cause &&
      (cause.code === "ECONNRESET" || cause.code === "EPIPE")
    ) {
      throw new GatehouseError(
        "TARGET_UNREACHABLE",
        `${formatAddress(address)} closed the connection during the TLS handshake.`,
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

/** Of a host name with several IP addresses, one error comes for each, under one that says nothing. */
function reason(cause: unknown): string {
  return cause instanceof AggregateError && cause.message === ""
    ? cause.errors.map(messageOf).join(", ")
    : messageOf(cause);
}
