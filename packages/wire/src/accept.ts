import { once } from "node:events";
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { type ClientCertificates, GatehouseError, messageOf, type ServeOptions } from "@gatehouse/core";

/** How a listener protects its connections. */
export type ServerTls = Pick<ServeOptions, "secureContext" | "clientCertificates">;

/**
 * Puts TLS around a client's connection, as its server. What was read too far must have been put back with
 * `socket.unshift` before.
 * @throws GatehouseError PROTOCOL_VIOLATION when the handshake fails, or `signal` aborts first.
 */
export async function acceptTls(
  socket: Socket,
  { secureContext, clientCertificates }: ServerTls,
  options: { readonly alpn: readonly string[]; readonly signal: AbortSignal },
): Promise<TLSSocket> {
  const secured = new TLSSocket(socket, {
    isServer: true,
    secureContext: secureContext(),
    ALPNProtocols: [...options.alpn],
    requestCert: clientCertificates !== undefined,
    rejectUnauthorized: clientCertificates === "required",
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
    if (clientCertificates !== undefined) checkClient(secured, clientCertificates);
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

/**
 * Node leaves it to its servers to look at what OpenSSL thinks of a client's certificate, and has no other way to it than they have.
 * @throws Error where it does not hold, or is not there and must be
 */
function checkClient(socket: TLSSocket, wanted: ClientCertificates): void {
  if (wanted === "optional" && socket.getPeerX509Certificate() === undefined) return;
  const handle: unknown = Reflect.get(socket, "_handle");
  const verify: unknown =
    typeof handle === "object" && handle !== null ? Reflect.get(handle, "verifyError") : undefined;
  if (typeof verify !== "function") throw new TypeError("Node tells no more what became of a certificate.");
  const problem: unknown = Reflect.apply(verify, handle, []);
  if (problem !== null && problem !== undefined) {
    throw new Error(`the client's certificate does not hold: ${messageOf(problem)}`);
  }
}
