import type { Socket } from "node:net";
import { type Address, type Listener, type Logger, networkOf, Shares } from "@gatehouse/core";
import { listen, type ListenerOptions } from "./listen.ts";

export interface ServeClientsOptions extends Omit<ListenerOptions, "serve"> {
  /**
   * So many of one client address may be logging in; one more is closed at once, so that no single one takes all places by connecting
   * and saying nothing. It is not made to wait: it would hold a place while it does.
   */
  readonly perAddress: number;
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
  { run, log, perAddress, ...options }: ServeClientsOptions,
): Promise<Listener> {
  const loggingIn = new Set<Socket>();
  const shares = new Shares(perAddress);
  const listener = await listen(address, {
    ...options,
    serve: (socket) => {
      const { remoteAddress } = socket;
      // Who may use a Unix socket is known by its folder; and one that is gone already has no address any more.
      const giveBack = remoteAddress === undefined ? () => undefined : shares.take(networkOf(remoteAddress));
      if (giveBack === undefined) {
        socket.destroy();
        log.debug({ client: remoteAddress }, "as many log in from this address now as may");
        return;
      }
      loggingIn.add(socket);
      const loggedIn = () => {
        loggingIn.delete(socket);
        giveBack();
      };
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
