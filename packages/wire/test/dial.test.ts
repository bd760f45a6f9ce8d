import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { dial, secureUpstream } from "../src/index.ts";

const folder = await mkdtemp(join(tmpdir(), "gatehouse-dial-"));
t.teardown(() => rm(folder, { recursive: true, force: true }));
const patience = () => AbortSignal.timeout(10_000);

/** Says a word to who comes, and hangs up. */
function greeter(): Server {
  return createServer((socket) => socket.on("error", () => undefined).end("hello"));
}

t.test("a Unix socket is dialled by its path", async (t) => {
  const path = join(folder, "there");
  const server = greeter().listen(path);
  await once(server, "listening");
  t.teardown(() => server.close());
  const socket = await dial({ socket: path }, patience());
  const [said] = (await once(socket, "data")) as [Buffer];
  t.equal(said.toString(), "hello");
  await t.rejects(dial({ socket: `${path}-not` }, patience()), {
    code: "TARGET_UNREACHABLE",
    message: new RegExp(`^unix:${path}-not can't be reached: .*ENOENT`),
  });
});

t.test("an IPv6 address is written with its brackets", async (t) => {
  // Refused, or not there at all, on a machine without IPv6.
  await t.rejects(dial({ host: "::1", port: 1 }, patience()), {
    code: "TARGET_UNREACHABLE",
    message: /^\[::1\]:1 can't be reached: /,
  });
});

t.test("of a name that leads to several addresses, an error says what became of each", async (t) => {
  await t.rejects(dial({ host: "localhost", port: 1 }, patience()), {
    code: "TARGET_UNREACHABLE",
    message: /^localhost:1 can't be reached: .*ECONNREFUSED/,
  });
});

t.test("a certificate that can't be read is told before anything is said to the target", async (t) => {
  const heard: Buffer[] = [];
  const server = createServer((socket) => socket.on("data", (chunk: Buffer) => heard.push(chunk)));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.teardown(() => server.close());
  const address = server.address();
  const there = {
    host: "127.0.0.1",
    port: address !== null && typeof address === "object" ? address.port : 0,
  };
  const socket = await dial(there, patience());
  const security = { tls: { mode: "verify-full", ca: join(folder, "none.crt") }, alpn: ["test"] } as const;
  await t.rejects(secureUpstream(socket, there, security, patience()), { code: "CERTIFICATE_INVALID" });
  t.ok(socket.destroyed);
  t.strictSame(heard, []);
});
