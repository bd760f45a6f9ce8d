import { createServer } from "node:http";
import type { Socket } from "node:net";
import { formatAddress, type Listener, type Logger, type TcpAddress } from "@gatehouse/core";
import type { Gateway } from "@gatehouse/gateway";
import { acceptTls, listen } from "@gatehouse/wire";
import fastify from "fastify";

const DEADLINE = 10_000;
/** Milliseconds between two looks at how long requests have been coming. */
const DEADLINE_CHECK = 500;
const CONNECTIONS = 256;
const REQUEST_LIMIT = 64 * 1024;

export interface ControlPlaneOptions {
  readonly gateway: Gateway;
  readonly log: Logger;
  /** Milliseconds for a client's TLS handshake, and for each of its requests to have come; 10 seconds when left out. */
  readonly deadline?: number;
}

/** The control plane's listener, which is up. */
export interface ControlPlane extends Listener {
  readonly address: TcpAddress;
}

/**
 * The control plane's HTTP listener, where the config has one. Its TLS is the same as that of the protocols' listeners, so that a
 * renewed certificate reaches it by the same way.
 */
export async function startControlPlane({
  gateway,
  log,
  deadline = DEADLINE,
}: ControlPlaneOptions): Promise<ControlPlane | undefined> {
  const { control, limits } = gateway.configuration.config;
  if (!control) return undefined;
  const certificate = await gateway.certificate(control.tls);
  const server = createServer({
    requestTimeout: deadline,
    headersTimeout: deadline,
    keepAliveTimeout: 5_000,
    connectionsCheckingInterval: DEADLINE_CHECK,
  });
  const app = fastify({
    bodyLimit: REQUEST_LIMIT,
    serverFactory: (handler) => server.on("request", handler),
  });

  // Alive: the process answers. Kubernetes' liveness probe restarts what does not.
  app.get("/healthz", () => ({ status: "ok" }));

  // Ready: it can do its work. What is in the way is named, without a detail that helps an outsider.
  app.get("/readyz", async (_, reply) => {
    const checks = gateway.readiness();
    const ready = checks.every((check) => check.ready);
    return reply.status(ready ? 200 : 503).send({
      status: ready ? "ready" : "not ready",
      checks: Object.fromEntries(checks.map((check) => [check.name, check.ready ? "ok" : "failing"])),
    });
  });

  await app.ready();
  // node:http keeps its deadlines, and knows its connections, from this event on. Without it a client that sends its
  // request a byte a minute would hold its place for ever: this server is handed connections and never listens.
  server.emit("listening");
  const serve = async (socket: Socket): Promise<void> => {
    const signal = AbortSignal.timeout(deadline);
    server.emit("connection", await acceptTls(socket, certificate.current(), { alpn: ["http/1.1"], signal }));
  };
  const listener = await listen(control.address, {
    connections: CONNECTIONS,
    keepalive: limits.keepalive,
    serve: (socket) => {
      serve(socket).catch((error: unknown) => log.debug({ error }, "a control-plane connection failed"));
    },
  });
  log.info({ address: formatAddress(listener.address) }, "control plane listening");
  return {
    address: listener.address,
    async close() {
      await listener.close();
      await app.close();
      server.closeAllConnections();
    },
  };
}
