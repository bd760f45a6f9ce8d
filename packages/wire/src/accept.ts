import { once } from "node:events";
import type { Socket } from "node:net";
import { type SecureContext, TLSSocket } from "node:tls";
import { GatehouseError, messageOf } from "@gatehouse/core";

/**
 * Puts TLS around a client's connection, as its server. What was read too far must have been put back with
 * `socket.unshift` before.
 * @throws GatehouseError PROTOCOL_VIOLATION when the handshake fails, or `signal` aborts first.
 */
export async function acceptTls(
  socket: Socket,
  secureContext: SecureContext,
  options: { readonly alpn: readonly string[]; readonly signal: AbortSignal },
): Promise<TLSSocket> {
  const secured = new TLSSocket(socket, {
    isServer: true,
    secureContext,
    ALPNProtocols: [...options.alpn],
  });
  secured.on("error", () => secured.destroy());
  // What waits in vain lets go of the socket: it would else be kept as long as that is.
  const over = new AbortController();
  const signal = AbortSignal.any([options.signal, over.signal]);
  try {
    await Promise.race([
      once(secured, "secure", { signal }),
      once(socket, "close", { signal }).then(() => {
        throw new Error("the connection was closed");
      }),
    ]);
    return secured;
  } catch (cause) {
    secured.destroy();
    socket.destroy();
    throw new GatehouseError("PROTOCOL_VIOLATION", `The TLS handshake failed: ${messageOf(cause)}.`, {
      cause,
    });
  } finally {
    over.abort();
  }
}
