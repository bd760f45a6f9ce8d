// A bare TLS relay: `node relay-main.ts PORT SERVER_PORT CERT KEY CA`. PostgreSQL's SSLRequest on both sides, then bytes.
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect as connectTcp, createServer, type Socket } from "node:net";
import { connect as connectTls, createSecureContext, TLSSocket } from "node:tls";

const [port, serverPort, certFile = "", keyFile = "", caFile = ""] = process.argv.slice(2);
const SSL_REQUEST = Buffer.from("0000000804d2162f", "hex");
const YES = Buffer.from("S");

// One context for all connections, on each side: a context each would be most of what is measured.
const towardsClients = createSecureContext({ cert: readFileSync(certFile), key: readFileSync(keyFile) });
const towardsServer = createSecureContext({ ca: readFileSync(caFile) });

async function relay(client: Socket): Promise<void> {
  const server = connectTcp({ port: Number(serverPort), host: "127.0.0.1", noDelay: true });
  const close = () => {
    client.destroy();
    server.destroy();
  };
  for (const socket of [client, server]) socket.on("error", close).on("close", close);
  // libpq waits for the answer before it says more, so the request comes alone.
  await once(client, "readable");
  if (client.read(SSL_REQUEST.length) === null) {
    close();
    return;
  }
  client.write(YES);
  server.write(SSL_REQUEST);
  await once(server, "readable");
  server.read(YES.length);
  const inner = new TLSSocket(client, { isServer: true, secureContext: towardsClients });
  const outer = connectTls({ socket: server, secureContext: towardsServer, servername: "localhost" });
  for (const socket of [inner, outer]) socket.on("error", close);
  inner.pipe(outer);
  outer.pipe(inner);
}

createServer({ noDelay: true }, (client) => {
  relay(client).catch(() => client.destroy());
}).listen(Number(port), "127.0.0.1");
