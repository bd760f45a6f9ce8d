import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { GatehouseError } from "@gatehouse/core";
import { acceptTls, ChunkQueue, Pull, type ServerTls } from "@gatehouse/wire";
import type { BackendKey } from "./codec/backend-key-data.ts";
import { decodeStartupPacket, type StartupPacket, startupPacketLength } from "./codec/startup-packet.ts";

/** What a client's first packets came to. */
export type Startup =
  | { readonly kind: "cancel"; readonly socket: Socket; readonly key: BackendKey }
  | {
      readonly kind: "session";
      readonly socket: Socket;
      readonly secure: boolean;
      readonly version: { readonly major: number; readonly minor: number };
      readonly parameters: ReadonlyMap<string, string>;
    };

/** The first byte of a TLS handshake record (RFC 8446, section 5.1). */
const TLS_HANDSHAKE = 0x16;
const ALPN = "postgresql";

/**
 * Reads a client's first packets up to the StartupMessage, and puts TLS around the connection when the client
 * asks for it: by SSLRequest, or directly (PostgreSQL 17's `sslnegotiation=direct`), which needs the ALPN name so that
 * no other protocol's client can be led here (CVE-2024-10977's kin, the ALPACA attack).
 *
 * @param tls undefined where no TLS is spoken: on a Unix socket, as PostgreSQL has it
 * @param signal aborts at the start-up's deadline
 * @throws GatehouseError PROTOCOL_VIOLATION for what is no start-up; the connection is to be closed without a word
 */
export async function readStartup(
  socket: Socket,
  tls: ServerTls | undefined,
  signal: AbortSignal,
): Promise<Startup> {
  const pull = new Pull(socket);
  const queue = new ChunkQueue();
  await fill(pull, queue, 1);
  if (tls && queue.peek(1)?.[0] === TLS_HANDSHAKE) {
    const secured = await secure(socket, pull, queue, tls, signal);
    if (secured.alpnProtocol !== ALPN) throw violation("direct TLS without the ALPN protocol name");
    return readSecured(secured);
  }
  const asked = new Set<StartupPacket["kind"]>();
  for (;;) {
    const packet = await readPacket(pull, queue);
    if (packet.kind === "cancel" || packet.kind === "startup") {
      pull.release();
      return startupOf(packet, socket, queue, false);
    }
    // Asked again, it would be a loop and no client.
    if (asked.has(packet.kind)) throw violation("a second request for the same encryption");
    asked.add(packet.kind);
    if (packet.kind === "gssenc" || tls === undefined) {
      socket.write("N");
      continue;
    }
    // Bytes before the handshake would be taken for the client's own inside it (CVE-2021-23214).
    if (queue.length > 0) throw violation("unencrypted data after an SSLRequest");
    socket.write("S");
    return readSecured(await secure(socket, pull, queue, tls, signal));
  }
}

/**
 * Puts TLS around the connection once the client's handshake has begun to come. A TLS socket of Node's that has to ask
 * for its first bytes takes 64 KB to read into, and keeps them; one that finds them there begins with 1 KB.
 */
async function secure(
  socket: Socket,
  pull: Pull,
  queue: ChunkQueue,
  tls: ServerTls,
  signal: AbortSignal,
): Promise<TLSSocket> {
  await fill(pull, queue, 1);
  pull.release();
  socket.unshift(queue.takeAll());
  return acceptTls(socket, tls, { alpn: [ALPN], signal });
}

async function readSecured(socket: TLSSocket): Promise<Startup> {
  const pull = new Pull(socket);
  const queue = new ChunkQueue();
  const packet = await readPacket(pull, queue);
  pull.release();
  if (packet.kind !== "cancel" && packet.kind !== "startup") {
    throw violation("a request for encryption inside encryption");
  }
  return startupOf(packet, socket, queue, true);
}

function startupOf(
  packet: Extract<StartupPacket, { kind: "cancel" | "startup" }>,
  socket: Socket,
  queue: ChunkQueue,
  secure: boolean,
): Startup {
  if (packet.kind === "cancel") return { kind: "cancel", socket, key: packet };
  // A client waits to be asked for its password; what it sends unasked is put back for who reads next.
  if (queue.length > 0) socket.unshift(queue.takeAll());
  const { major, minor, parameters } = packet;
  return { kind: "session", socket, secure, version: { major, minor }, parameters };
}

async function readPacket(pull: Pull, queue: ChunkQueue): Promise<StartupPacket> {
  const prefix = await fill(pull, queue, 4);
  const length = startupPacketLength(prefix);
  await fill(pull, queue, length);
  const packet = queue.take(length);
  if (packet === undefined) throw violation("a start-up packet that is not there");
  return decodeStartupPacket(packet);
}

async function fill(pull: Pull, queue: ChunkQueue, size: number): Promise<Buffer> {
  for (;;) {
    const front = queue.peek(size);
    if (front !== undefined) return front;
    const chunk = await pull.next();
    if (chunk === undefined) throw violation("the connection ended during the start-up");
    queue.push(chunk);
  }
}

function violation(what: string): GatehouseError {
  return new GatehouseError("PROTOCOL_VIOLATION", what);
}
