import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { connect, createSecureContext } from "node:tls";
import { createAuthority } from "@gatehouse/certs";
import type { ClientCertificates } from "@gatehouse/core";
import t, { type Test } from "tap";
import { acceptTls } from "@gatehouse/wire";

const DAY = 86_400_000;
const now = Date.now();
const authority = await createAuthority({ name: "clients", now });
const earlier = now - 200 * DAY;
/** It is trusted still; certificates last 90 days. */
const old = await createAuthority({ name: "clients before", now: earlier });
const stranger = await createAuthority({ name: "clients", now });
const server = await authority.issue({ use: "server", commonName: "gateway", names: ["localhost"], now });

const client = (by: typeof authority, at = now) =>
  by.issue({ use: "client", commonName: "crew-ops", names: [], now: at });

/** Whether a client gets in, and a word through. */
async function getsIn(
  t: Test,
  clientCertificates: ClientCertificates | undefined,
  pair: Awaited<ReturnType<typeof client>> | undefined,
  maxVersion: "TLSv1.2" | "TLSv1.3" = "TLSv1.3",
): Promise<boolean> {
  const secureContext = createSecureContext({
    ...{ cert: server.certificatePem, key: server.key.reveal() },
    ca: [authority.certificatePem, old.certificatePem],
  });
  const accepted = Promise.withResolvers<boolean>();
  const listener = createServer((socket: Socket) => {
    const signal = AbortSignal.timeout(10_000);
    acceptTls(socket, { secureContext: () => secureContext, clientCertificates }, { alpn: [], signal }).then(
      (secured) => {
        secured.destroy();
        accepted.resolve(true);
      },
      () => {
        accepted.resolve(false);
      },
    );
  });
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  t.teardown(() => listener.close());
  const at = listener.address();
  if (at === null || typeof at === "string") throw new Error("It listens on a port.");
  const socket = connect({
    ...{
      host: "127.0.0.1",
      port: at.port,
      servername: "localhost",
      ca: authority.certificatePem,
      maxVersion,
    },
    ...(pair ? { cert: pair.certificatePem, key: pair.key.reveal() } : {}),
  });
  socket.on("error", () => undefined);
  const result = await accepted.promise;
  socket.destroy();
  return result;
}

t.test("clients prove themselves by certificates of the listener's authorities", async (t) => {
  const good = await client(authority);
  const cases = [
    ["nobody is asked", undefined, undefined, true],
    ["a good one, required", "required", good, true],
    ["none, required", "required", undefined, false],
    ["none, optional", "optional", undefined, true],
    ["a good one, optional", "optional", good, true],
    ["another authority's, by the same name", "required", await client(stranger), false],
    ["the same, optional", "optional", await client(stranger), false],
    ["one that has ended", "required", await client(old, earlier), false],
    ["a server's", "required", server, false],
  ] as const;
  for (const [what, wanted, pair, expected] of cases) {
    for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
      t.equal(await getsIn(t, wanted, pair, version), expected, `${what} (${version})`);
    }
  }
});
