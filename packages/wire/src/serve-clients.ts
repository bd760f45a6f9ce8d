import type { Socket } from "node:net";
import type { Address, Listener, Logger } from "@gatehouse/core";
import { listen, type ListenerOptions } from "./listen.ts";

export interface ServeClientsOptions extends Omit<ListenerOptions, "serve"> {
  /**
   * Serves one client to the end of its session.
   * @param loggedIn is called when the client is in: from then on its connection outlives the listener
   */
  readonly run: (socket: Socket, loggedIn: () => void) => Promise<void>;
  readonly log: Logger;
}

/**
 * Listens for clients that log in first. When the listener closes, those that have not are sent away, and sessions go on.
 * @throws GatehouseError ADDRESS_IN_USE
 */
export async function serveClients(
  address: Address,
  { run, log, ...options }: ServeClientsOptions,
): Promise<Listener> {
  const loggingIn = new Set<Socket>();
  const listener = await listen(address, {
    ...options,
    serve: (socket) => {
      loggingIn.add(socket);
      const loggedIn = () => loggingIn.delete(socket);
      socket.once("close", loggedIn);
      run(socket, loggedIn).catch((error: unknown) => {
        socket.destroy();
        log.error({ error }, "a connection failed");
      });
    },
  });
  return {
    address: listener.address,
    async close() {
      await listener.close();
      // Nobody gets in any more: who has not yet must not keep the process waiting for the deadline.
      for (const socket of loggingIn) socket.destroy();
    },
  };
}
