import { once } from "node:events";
import { createServer, type IncomingMessage, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";

/** A real server of Node's, in the clear, behind the adapter. */
export interface HttpTarget {
  readonly port: number;
  /** The requests that have come, in order. */
  readonly requests: readonly IncomingMessage[];
  /** Connections that were made to it. */
  readonly connections: number;
  stop(): Promise<void>;
}

export async function startTarget(answer: RequestListener): Promise<HttpTarget> {
  const requests: IncomingMessage[] = [];
  let connections = 0;
  const server = createServer((request, response) => {
    requests.push(request);
    answer(request, response);
  });
  server.on("connection", () => {
    connections++;
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    port,
    requests,
    get connections() {
      return connections;
    },
    async stop() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}
