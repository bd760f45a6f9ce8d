import { once } from "node:events";
import { truncate } from "node:fs/promises";
import { Agent } from "node:https";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { connect as connectTls, type TLSSocket } from "node:tls";
import t from "tap";
import { ask, type Environment, environment } from "./environment.ts";

/** All that the peer says until it closes. */
async function untilClosed(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  socket.on("error", () => undefined);
  if (!socket.closed) await once(socket, "close");
  return Buffer.concat(chunks);
}

function commonNameSeen(env: Environment): Promise<string | string[]> {
  const { host, port } = env.control.address;
  return new Promise((resolve, reject) => {
    const socket: TLSSocket = connectTls({ host, port, ca: env.ca }, () => {
      resolve(socket.getPeerCertificate().subject.CN ?? "");
      socket.destroy();
    });
    socket.on("error", reject);
  });
}

t.test("a gateway that can do its work is alive and ready", async (t) => {
  const env = await environment(t);
  t.match(await ask(env, "/healthz"), { status: 200, body: { status: "ok" } });
  const { status, body } = await ask(env, "/readyz");
  t.equal(status, 200);
  t.strictSame(body, { status: "ready", checks: { accepting: "ok", audit: "ok", "identity corp": "ok" } });
});

t.test(
  "it is not ready while no identity can be proved; which provider it is is said, and no more",
  async (t) => {
    const env = await environment(t, { providerIsDown: true });
    const answer = await ask(env, "/readyz");
    t.match(answer, { status: 503, body: { status: "not ready", checks: { "identity corp": "failing" } } });
    t.notMatch(JSON.stringify(answer.body), /ECONNREFUSED|127\.0\.0\.1/);
    t.match(await ask(env, "/healthz"), { status: 200 }, "restarting it would not bring the provider back");
  },
);

t.test("it is not ready while the audit log can't be written", async (t) => {
  const env = await environment(t);
  await truncate(join(env.folder, "state", "audit", "audit.jsonl"), 0);
  const port = env.gateway.port("postgres") ?? 0;
  // A plaintext client is refused, which is an event, and the first that the log can't take.
  const socket = connect(port, "127.0.0.1");
  socket.write("\0\0\0\x15\0\x03\0\0user\0reader\0\0", "latin1");
  await untilClosed(socket);
  t.match(await ask(env, "/readyz"), {
    status: 503,
    body: { checks: { accepting: "ok", audit: "failing" } },
  });
  t.match(await ask(env, "/healthz"), { status: 200 });
});

t.test("it is not ready once it stops, and says so for as long as it is asked", async (t) => {
  const env = await environment(t);
  const stopped = env.gateway.stop("SIGTERM");
  t.match(await ask(env, "/readyz"), { status: 503, body: { checks: { accepting: "failing" } } });
  await stopped;
  t.match(await ask(env, "/readyz"), { status: 503, body: { checks: { accepting: "failing" } } });
});

t.test("what is not there is not there", async (t) => {
  const env = await environment(t);
  for (const path of ["/", "/healthz/", "/readyz/../healthz/x", "/metrics", "/%00"]) {
    t.match(await ask(env, path), { status: 404 }, path);
  }
  t.match(await ask(env, "/healthz", { method: "POST" }), { status: 404 });
});

t.test("a client without TLS gets not a word of HTTP", async (t) => {
  const env = await environment(t);
  const { host, port } = env.control.address;
  const socket = connect(port, host);
  socket.write("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
  t.notMatch((await untilClosed(socket)).toString("latin1"), "HTTP");
  t.match(await ask(env, "/healthz"), { status: 200 }, "the others are served");
});

t.test("TLS before 1.2 is refused", async (t) => {
  const env = await environment(t);
  const old = { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" } as const;
  await t.rejects(ask(env, "/healthz", old), { message: /alert protocol version/ });
});

t.test("requests beyond the bounds are refused", async (t) => {
  const env = await environment(t);
  const headers = { "x-large": "x".repeat(64 * 1024) };
  t.match(await ask(env, "/healthz", { headers }), { status: 431 });
  const json = { method: "POST", headers: { "content-type": "application/json" } };
  t.match(await ask(env, "/nowhere", json, JSON.stringify("x".repeat(64 * 1024))), { status: 413 });
  t.match(await ask(env, "/healthz"), { status: 200 }, "the others are served");
});

t.test("a client that is silent, or sends its request bit by bit, is cut off at the deadline", async (t) => {
  const env = await environment(t, { deadline: 300 });
  const { host, port } = env.control.address;
  const silent = connect(port, host);
  const slow = connectTls({ host, port, ca: env.ca });
  slow.write("GET /healthz HTTP/1.1\r\nHost:");
  await Promise.all([untilClosed(silent), untilClosed(slow)]);
  t.match(await ask(env, "/healthz"), { status: 200 }, "the others are served");
});

t.test("a renewed certificate reaches new connections; one that is open goes on", async (t) => {
  const env = await environment(t);
  const agent = new Agent({ keepAlive: true, maxSockets: 1, ca: env.ca });
  t.teardown(() => agent.destroy());
  t.match(await ask(env, "/healthz", { agent }), { status: 200 });
  t.equal(await commonNameSeen(env), "gateway");
  await env.replaceCertificate();
  t.equal(await commonNameSeen(env), "gateway, renewed");
  t.match(await ask(env, "/healthz", { agent }), { status: 200 });
});

t.test("closing it ends the connections that are kept open, and frees the port", async (t) => {
  const env = await environment(t);
  const { host, port } = env.control.address;
  const kept = connectTls({ host, port, ca: env.ca });
  await once(kept, "secureConnect");
  kept.write("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
  await once(kept, "data");
  await env.control.close();
  await untilClosed(kept);
  const refused = connect(port, host);
  const [error] = (await once(refused, "error")) as [NodeJS.ErrnoException];
  t.equal(error.code, "ECONNREFUSED");
});
