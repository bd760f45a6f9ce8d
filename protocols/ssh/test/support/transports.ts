import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { generatePrivateKey, type PrivateKey, readPublicKey, signatureAlgorithms } from "@gatehouse/openssh";
import { defaultAlgorithms } from "../../src/transport/algorithms.ts";
import type { HostKey } from "../../src/transport/party.ts";
import type { ClientOptions, ServerOptions } from "../../src/transport/options.ts";
import { Transport } from "../../src/transport/transport.ts";

export const software = "Gatehouse_test";

/** A host key of a private key. */
export function hostKeyOf(key: PrivateKey): HostKey {
  return {
    algorithms: signatureAlgorithms(key.publicKey.type),
    blob: key.publicKey.blob,
    sign: (algorithm, data) => key.sign(algorithm, data),
  };
}

export const ed25519 = hostKeyOf(generatePrivateKey("ssh-ed25519"));

/** The next connection. */
export function acceptedBy(listener: Server): Promise<Socket> {
  return new Promise((resolve) => listener.once("connection", resolve));
}

/** Two ends of a TCP connection. */
export async function sockets(): Promise<{ readonly client: Socket; readonly server: Socket }> {
  const listener = createServer({ noDelay: true });
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  const address = listener.address();
  if (address === null || typeof address === "string") throw new TypeError("no port");
  const accepted = acceptedBy(listener);
  const client = connect({ port: address.port, host: "127.0.0.1", noDelay: true });
  const [server] = await Promise.all([accepted, once(client, "connect")]);
  listener.close();
  return { client, server };
}

export function serverOptions(
  socket: ServerOptions["socket"],
  options: Partial<ServerOptions> = {},
): ServerOptions {
  return {
    role: "server",
    socket,
    software,
    algorithms: defaultAlgorithms,
    hostKeys: [ed25519],
    signal: AbortSignal.timeout(20_000),
    ...options,
  };
}

export function clientOptions(
  socket: ClientOptions["socket"],
  options: Partial<ClientOptions> = {},
): ClientOptions {
  return {
    role: "client",
    socket,
    software,
    algorithms: defaultAlgorithms,
    verifyHost: ({ blob }) => readPublicKey(blob),
    signal: AbortSignal.timeout(20_000),
    ...options,
  };
}

export interface Pair {
  readonly client: Transport;
  readonly server: Transport;
}

/** A client and a server that have their first keys. */
export async function transports(
  options: { readonly client?: Partial<ClientOptions>; readonly server?: Partial<ServerOptions> } = {},
): Promise<Pair> {
  const ends = await sockets();
  const [client, server] = await Promise.all([
    Transport.open(clientOptions(ends.client, options.client)),
    Transport.open(serverOptions(ends.server, options.server)),
  ]);
  return { client, server };
}
