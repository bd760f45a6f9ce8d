import { createServer } from "node:http";
import type { Socket } from "node:net";
import type { ReloadingCertificate } from "@gatehouse/certs";
import type { Config, ListenerTls } from "@gatehouse/config";
import {
  type Authenticator,
  formatAddress,
  type Listener,
  type Logger,
  systemClock,
  type TcpAddress,
} from "@gatehouse/core";
import type { ApprovalDesk, Gateway, GrantDesk, SshDesk } from "@gatehouse/gateway";
import { acceptTls, listen } from "@gatehouse/wire";
import { createApp } from "./app.ts";

const DEADLINE = 10_000;
/** Milliseconds between two looks at how long requests have been coming. */
const DEADLINE_CHECK = 500;
const CONNECTIONS = 256;
const HEARTBEAT = 15_000;

/** What of a Gateway the control plane is for. */
export interface Controlled extends Pick<Gateway, "readiness">, Pick<Authenticator, "authenticate"> {
  readonly configuration: {
    readonly config: Pick<Config, "control"> & { readonly limits: Pick<Config["limits"], "keepalive"> };
  };
  readonly approvals: ApprovalDesk;
  readonly grants: GrantDesk;
  readonly ssh: SshDesk;
  certificate(files: ListenerTls): Promise<Pick<ReloadingCertificate, "current">>;
}

export interface ControlPlaneOptions {
  readonly gateway: Controlled;
  readonly log: Logger;
  /** Milliseconds for a client's TLS handshake, and for each of its requests to have come; 10 seconds when left out. */
  readonly deadline?: number;
  /** Milliseconds between two signs of life of an event stream; 15 seconds when left out. */
  readonly heartbeat?: number;
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
  heartbeat = HEARTBEAT,
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
  const app = createApp(
    {
      desk: gateway.approvals,
      grants: gateway.grants,
      ssh: gateway.ssh,
      authenticate: (token) => gateway.authenticate({ token }),
      readiness: () => gateway.readiness(),
      clock: systemClock,
      heartbeat,
      log,
    },
    { serverFactory: (handler) => server.on("request", handler) },
  );
  await app.ready();
  // node:http keeps its deadlines, and knows its connections, from this event on. Without it a client that sends its
  // request a byte a minute would hold its place for ever: this server is handed connections and never listens.
  server.emit("listening");
  const tls = {
    secureContext: () => certificate.current(),
    clientCertificates: control.tls.clients?.certificate,
  };
  const serve = async (socket: Socket): Promise<void> => {
    const signal = AbortSignal.timeout(deadline);
    server.emit("connection", await acceptTls(socket, tls, { alpn: ["http/1.1"], signal }));
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
