import { connect, createServer, type Server, type Socket } from "node:net";
import { connect as connectTls, createSecureContext, TLSSocket } from "node:tls";
import type { IssuedPair } from "@gatehouse/certs";
import type { Address, Lease, Target, TcpAddress } from "@gatehouse/core";
import type { Test } from "tap";
import { type Frame, FrameReader } from "../../src/codec/framing.ts";
import { encodeSslRequest } from "../../src/codec/startup-packet.ts";
import { type PostgresSettings, settingsOf } from "../../src/settings.ts";

export interface TargetOptions extends Partial<Omit<PostgresSettings, "database" | "schema">> {
  readonly tls?: Target["tls"];
  readonly connectTimeout?: number;
}

/** A target as the config would hand it over. */
export function targetAt(
  addresses: readonly [Address, ...Address[]],
  { tls = { mode: "off" }, connectTimeout = 10_000, ...settings }: TargetOptions = {},
): Target<PostgresSettings> {
  return {
    name: "orders",
    protocol: "postgres",
    addresses,
    tls,
    levels: new Map(),
    credential: { user: "gatehouse" },
    tags: new Map(),
    connectTimeout,
    settings: settingsOf({ settings: { database: "postgres", ...settings } }),
  };
}

export function leaseOf(user: string, password: Lease["password"], certificate?: IssuedPair): Lease {
  return {
    user,
    password,
    ...(certificate ? { certificate: { cert: certificate.certificatePem, key: certificate.key } } : {}),
    release: () => Promise.resolve(),
  };
}

/** A server that answers each connection as it is told; its sockets go with it. */
export async function fakeServer(t: Test, serve: (socket: Socket) => void): Promise<TcpAddress> {
  const sockets = new Set<Socket>();
  const fake: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    serve(socket);
  });
  await new Promise<void>((resolve) => fake.listen(0, "127.0.0.1", resolve));
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    fake.close();
  });
  const address = fake.address();
  return { host: "127.0.0.1", port: address !== null && typeof address === "object" ? address.port : 0 };
}

export interface RelayOptions {
  /** Of the connection from the client; without it there is no TLS. */
  readonly certificate?: IssuedPair;
  /** Of the connection to the server; without it there is no TLS. */
  readonly ca?: string;
  /** What becomes of the server's messages. */
  readonly change?: (frame: Frame) => Uint8Array;
}

/** Somebody who stands between a client and a real server, and can read and change all that is said. */
export function relayTo(t: Test, to: TcpAddress, options: RelayOptions): Promise<TcpAddress> {
  const context =
    options.certificate &&
    createSecureContext({ cert: options.certificate.certificatePem, key: options.certificate.key.reveal() });
  return fakeServer(t, (client) => {
    const server = connect(to);
    t.teardown(() => server.destroy());
    server.on("error", () => client.destroy());
    const reach = (from: Socket) => {
      if (options.ca === undefined) {
        tie(from, server, options.change);
        return;
      }
      server.write(encodeSslRequest());
      server.once("data", () => {
        tie(from, connectTls({ socket: server, ca: options.ca, servername: "localhost" }), options.change);
      });
    };
    if (context === undefined) {
      reach(client);
      return;
    }
    client.once("data", () => {
      client.write("S");
      reach(new TLSSocket(client, { isServer: true, secureContext: context }));
    });
  });
}

/** Each hears what the other says, and ends with the other. */
function tie(client: Socket, server: Socket, change: RelayOptions["change"]): void {
  const reader = new FrameReader(1024 * 1024);
  client.on("data", (chunk: Buffer) => server.write(chunk));
  server.on("data", (chunk: Buffer) => {
    reader.push(chunk);
    for (let frame = reader.next(); frame; frame = reader.next()) {
      client.write(change?.(frame) ?? frame.bytes);
    }
  });
  client.on("error", () => undefined).on("close", () => server.end());
  server.on("error", () => undefined).on("close", () => client.end());
}
