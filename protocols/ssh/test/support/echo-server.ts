import { once } from "node:events";
import { connect, createServer, type ListenOptions, type Socket } from "node:net";
import type { Test } from "tap";

/** A server that gives back what it is sent, until the test ends. */
export interface EchoServer {
  /** 0 where it listens at a path. */
  readonly port: number;
  /** Connections that have come. */
  readonly connections: number;
}

/** @param at a path to listen at; a free port of 127.0.0.1 when left out */
export async function echoServer(t: Test, at?: string): Promise<EchoServer> {
  let connections = 0;
  const server = createServer((socket) => {
    connections++;
    socket.on("error", () => socket.destroy());
    socket.pipe(socket);
  });
  const where: ListenOptions = at === undefined ? { port: 0, host: "127.0.0.1" } : { path: at };
  server.listen(where);
  await once(server, "listening");
  t.teardown(() => server.close());
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : 0,
    get connections() {
      return connections;
    },
  };
}

/**
 * What an echoing server gives back.
 * @param at a local port or path, which may not be there yet
 */
export async function echoed(at: number | string, text: string): Promise<string> {
  const socket = await connected(at);
  socket.write(text);
  const [answer] = (await once(socket, "data")) as [Buffer];
  socket.destroy();
  return answer.toString();
}

/** A connection to a local port or path, as soon as somebody listens there. The test's own deadline is the bound. */
export async function connected(at: number | string): Promise<Socket> {
  for (;;) {
    const socket = typeof at === "number" ? connect(at, "127.0.0.1") : connect(at);
    try {
      await once(socket, "connect");
      return socket;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
