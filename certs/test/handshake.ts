import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { type ConnectionOptions, connect, createServer, type TlsOptions } from "node:tls";

/** What came of a handshake: what each side thought of the other's certificate. */
export interface Outcome {
  readonly client: string;
  readonly server: string;
}

/** One real TLS connection on loopback: "accepted", or the error's code, from each side. */
export async function handshake(serverSide: TlsOptions, clientSide: ConnectionOptions): Promise<Outcome> {
  const server = createServer(serverSide);
  const serverVerdict = new Promise<string>((resolve) => {
    server.on("secureConnection", (socket) => {
      socket.on("error", () => socket.destroy());
      socket.end("hello");
      resolve("accepted");
    });
    server.on("tlsClientError", (error: Error) => resolve(codeOf(error)));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const clientVerdict = new Promise<string>((resolve) => {
    const socket = connect({ host: "127.0.0.1", port, ...clientSide });
    socket.on("data", () => resolve("accepted"));
    socket.on("error", (error: Error) => resolve(codeOf(error)));
    socket.on("close", () => resolve("closed"));
  });
  const outcome = { client: await clientVerdict, server: await serverVerdict };
  server.close();
  await once(server, "close");
  return outcome;
}

function codeOf(error: Error): string {
  return "code" in error && typeof error.code === "string" ? error.code : error.message;
}
