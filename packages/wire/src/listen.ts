import { once } from "node:events";
import { lstat, unlink } from "node:fs/promises";
import { connect, createServer, type Server, type Socket } from "node:net";
import {
  type Address,
  formatAddress,
  GatehouseError,
  type Listener,
  messageOf,
  type TcpAddress,
} from "@gatehouse/core";
import { KEEPALIVE } from "./dial.ts";

export interface ListenerOptions {
  /** Beyond so many at once, a new connection is closed at once: the others keep what they have. */
  readonly connections: number;
  /** Milliseconds after which TCP asks a silent peer whether it is still there; half a minute when left out. */
  readonly keepalive?: number;
  /** Owns each socket that it is given; it must not throw. */
  readonly serve: (socket: Socket) => void;
}

/**
 * Listens for connections over TCP, or on a Unix socket. Who may connect to that is what the permissions of its folder
 * say; the file itself is open to all, as a port on loopback is. It goes when the listener closes, and one that a
 * crash has left is replaced.
 * @throws GatehouseError ADDRESS_IN_USE
 */
export async function listen(
  address: TcpAddress,
  options: ListenerOptions,
): Promise<Listener & { readonly address: TcpAddress }>;
export async function listen(address: Address, options: ListenerOptions): Promise<Listener>;
export async function listen(
  address: Address,
  { connections, keepalive = KEEPALIVE, serve }: ListenerOptions,
): Promise<Listener> {
  const server = createServer(
    { noDelay: true, keepAlive: true, keepAliveInitialDelay: keepalive },
    (socket) => {
      // A peer that resets the connection is no event of its own: whoever reads or writes next learns of it.
      socket.on("error", () => socket.destroy());
      serve(socket);
    },
  );
  server.maxConnections = connections;
  try {
    await bind(server, address);
  } catch (cause) {
    throw new GatehouseError(
      "ADDRESS_IN_USE",
      `Can't listen on ${formatAddress(address)}: ${messageOf(cause)}.`,
      {
        cause,
        hint: "Stop what listens there, or choose another address in the config.",
      },
    );
  }
  return {
    address: boundTo(server, address),
    close: () =>
      new Promise((resolve) => {
        // Resolves when the address is free; connections that are open go on without it.
        server.close();
        setImmediate(resolve);
      }),
  };
}

async function bind(server: Server, address: Address): Promise<void> {
  if ("port" in address) {
    server.listen(address.port, address.host);
    await once(server, "listening");
    return;
  }
  const options = { path: address.socket, readableAll: true, writableAll: true };
  try {
    server.listen(options);
    await once(server, "listening");
  } catch (error) {
    if (codeOf(error) !== "EADDRINUSE" || !(await isLeftBehind(address.socket))) throw error;
    await unlink(address.socket);
    server.listen(options);
    await once(server, "listening");
  }
}

/** Whether it is a socket on which nobody listens. Anything else that stands there is somebody's, and stays. */
async function isLeftBehind(path: string): Promise<boolean> {
  if (!(await lstat(path)).isSocket()) return false;
  const probe = connect(path);
  try {
    await once(probe, "connect");
    return false;
  } catch (error) {
    return codeOf(error) === "ECONNREFUSED";
  } finally {
    probe.destroy();
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}

function boundTo(server: Server, address: Address): Address {
  const bound = server.address();
  if ("socket" in address || bound === null || typeof bound === "string") return address;
  return { host: address.host, port: bound.port };
}
