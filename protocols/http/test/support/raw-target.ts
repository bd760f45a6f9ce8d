import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";

/** A target that says exactly what a test has it say. */
export interface RawTarget {
  readonly port: number;
  /** All that has come on each connection, in the order in which they were made. */
  readonly heard: readonly string[];
  /** Resolves when what has come satisfies the predicate. */
  until(predicate: (heard: readonly string[]) => boolean): Promise<void>;
  stop(): Promise<void>;
}

/** @param answer is called with each piece that comes, and all that came before it on this connection */
export async function startRawTarget(
  answer: (socket: Socket, heard: string, connection: number) => void,
): Promise<RawTarget> {
  const heard: string[] = [];
  const sockets = new Set<Socket>();
  const watchers = new Set<() => void>();
  const server = createServer((socket) => {
    const connection = heard.push("") - 1;
    sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => sockets.delete(socket));
    socket.on("data", (bytes) => {
      const all = (heard[connection] ?? "") + bytes.toString("latin1");
      heard[connection] = all;
      answer(socket, all, connection);
      for (const watcher of watchers) watcher();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    heard,
    until(predicate) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const watcher = () => {
        if (!predicate(heard)) return;
        watchers.delete(watcher);
        resolve();
      };
      watchers.add(watcher);
      watcher();
      return promise;
    },
    async stop() {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, "close");
    },
  };
}
