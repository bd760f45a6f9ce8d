import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { type Address, formatAddress, GatehouseError, type Listener, messageOf } from "@gatehouse/core";
import { KEEPALIVE } from "./dial.ts";

/**
 * Listens for TCP connections. Beyond `connections` at once, a new one is closed at once: the others keep
 * what they have. `serve` owns each socket it is given; it must not throw.
 * @throws GatehouseError ADDRESS_IN_USE
 */
export async function listen(
  address: Address,
  options: { readonly connections: number; readonly serve: (socket: Socket) => void },
): Promise<Listener> {
  const server = createServer(
    { noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEPALIVE },
    (socket) => {
      // A peer that resets the connection is no event of its own: whoever reads or writes next learns of it.
      socket.on("error", () => socket.destroy());
      options.serve(socket);
    },
  );
  server.maxConnections = options.connections;
  server.listen(address.port, address.host);
  try {
    await once(server, "listening");
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
  const bound = server.address();
  const port = bound !== null && typeof bound === "object" ? bound.port : address.port;
  return {
    address: { host: address.host, port },
    close: () =>
      new Promise((resolve) => {
        // Resolves when the port is free; connections that are open go on without it.
        server.close();
        setImmediate(resolve);
      }),
  };
}
