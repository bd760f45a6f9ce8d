import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { acceptTls, Pull, type ServerTls } from "@gatehouse/wire";

/** The first byte of a TLS handshake record (RFC 8446, section 5.1). */
const TLS_HANDSHAKE = 0x16;
/** This protocol in TLS (ALPN), as IANA has it, its versions in the order in which they are liked. */
const ALPN = ["h2", "http/1.1", "http/1.0"];

/** A client's connection: encrypted, or one that has begun without asking for that. */
export type Accepted =
  | { readonly secure: true; readonly socket: TLSSocket; readonly isHttp2: boolean }
  | { readonly secure: false; readonly socket: Socket };

/**
 * Puts TLS around a client's connection. One that speaks HTTP at once is known by its first byte, so that it can be told what is wrong.
 * @returns undefined where it has ended before that
 * @throws GatehouseError PROTOCOL_VIOLATION when the handshake fails, or `signal` aborts first
 */
export async function accept(
  socket: Socket,
  tls: ServerTls,
  signal: AbortSignal,
): Promise<Accepted | undefined> {
  const pull = new Pull(socket);
  const first = await pull.next();
  pull.release();
  if (first === undefined) return undefined;
  socket.unshift(first);
  if (first[0] !== TLS_HANDSHAKE) return { secure: false, socket };
  const secured = await acceptTls(socket, tls, { alpn: ALPN, signal });
  return { secure: true, socket: secured, isHttp2: secured.alpnProtocol === "h2" };
}
