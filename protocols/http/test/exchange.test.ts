import { createHash, randomBytes } from "node:crypto";
import { Agent } from "node:https";
import t, { type Test } from "tap";
import { ask, dial, heard } from "./support/client.ts";
import { type Front, type FrontOptions, SECRET, startFront, TOKEN } from "./support/front.ts";
import { type HttpTarget, startTarget } from "./support/target.ts";
import type { RequestListener } from "node:http";

async function behind(
  t: Test,
  answer: RequestListener,
  options: Omit<FrontOptions, "target"> = {},
): Promise<{ readonly front: Front; readonly target: HttpTarget }> {
  const target = await startTarget(answer);
  const front = await startFront({ target, ...options });
  t.teardown(async () => {
    await front.close();
    await target.stop();
  });
  return { front, target };
}

t.test("a request reaches its target with the gateway's credential, and without the client's", async (t) => {
  const { front, target } = await behind(t, (_, response) => response.end("hello"));
  const { status, body } = await ask(front, {
    path: "/api/v1/orders?full=1",
    headers: { cookie: "a=b", "x-own": "1" },
  });
  t.same([status, body], [200, "hello"]);
  const [request] = target.requests;
  t.match(request, { method: "GET", url: "/v1/orders?full=1" });
  t.match(request?.headers, {
    authorization: `Bearer ${SECRET}`,
    "x-own": "1",
    host: `127.0.0.1:${target.port}`,
  });
  t.notOk(request?.headers.cookie);
  t.notMatch(JSON.stringify(request?.rawHeaders), TOKEN);
  t.match(front.gate.commands, [{ verbs: ["GET"], access: "read", facts: { path: "/v1/orders" } }]);
});

t.test(
  "requests of one connection follow each other, at one session and one connection to the target",
  async (t) => {
    const { front, target } = await behind(t, (request, response) => response.end(request.url));
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    t.teardown(() => agent.destroy());
    for (let number = 0; number < 5; number++) {
      t.equal((await ask(front, { path: `/api/${number}`, agent })).body, `/${number}`);
    }
    t.equal(target.connections, 1);
    t.equal(front.gate.events.filter(({ type }) => type === "login").length, 1);
  },
);

t.test("what is refused reaches no target, and says why in JSON", async (t) => {
  const { front, target } = await behind(t, (_, response) => response.end(), {
    allow: ({ verbs }) => !verbs.includes("DELETE"),
  });
  const { status, headers, body } = await ask(front, { method: "DELETE", path: "/api/v1/orders/7" });
  t.equal(status, 403);
  t.equal(headers["content-type"], "application/problem+json");
  t.match(JSON.parse(body), { status: 403, detail: "No.", hint: "Ask.", reference: /^ref_/ });
  t.equal(target.requests.length, 0);
});

t.test("who has no token, or another's, or names no target, gets no further", async (t) => {
  const { front, target } = await behind(t, (_, response) => response.end());
  const none = await ask(front, { path: "/api/", headers: { authorization: "Basic eDp5" } });
  t.match(none, { status: 401, headers: { "www-authenticate": /^Bearer/ } });
  t.equal((await ask(front, { path: "/api/", headers: { authorization: "Bearer other" } })).status, 401);
  t.equal((await ask(front, { path: "/" })).status, 404);
  t.equal(target.requests.length, 0);
});

t.test("what waits for people runs once they have said yes", async (t) => {
  const { front, target } = await behind(t, (request, response) => request.pipe(response), {
    hold: ({ verbs }) => verbs.includes("POST"),
  });
  const asking = ask(front, {
    method: "POST",
    path: "/api/refunds",
    headers: { "content-type": "application/json" },
    body: '{"id":7}',
  });
  await front.gate.until((events) => events.some(({ type }) => type === "held"));
  t.equal(target.requests.length, 0);
  t.match(front.gate.waiting[0]?.command.text, /POST \/refunds[\s\S]*"id":7/);
  front.gate.waiting[0]?.approve();
  t.match(await asking, { status: 200, body: '{"id":7}' });
  t.equal(target.requests.length, 1);
});

t.test(
  "a client that leaves while its request waits takes it along, whatever it has sent behind it",
  async (t) => {
    const { front, target } = await behind(t, (_, response) => response.end(), { hold: () => true });
    const socket = await dial(front);
    const request = `GET /api/ HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${TOKEN}\r\n\r\n`;
    socket.write(request);
    await front.gate.until((events) => events.some(({ type }) => type === "held"));
    socket.write(request);
    // The end is seen behind it, and not instead of it.
    socket.end(request);
    await front.gate.until((events) => events.some(({ type }) => type === "gone"));
    t.equal(target.requests.length, 0);
  },
);

t.test("a target can have a host name of its own", async (t) => {
  const { front, target } = await behind(
    t,
    (_, response) => response.writeHead(302, { location: "/v1/there", "set-cookie": "a=b" }).end(),
    { listener: { hosts: { "api.example.com": "default@api", "other.example.com": "nobody" } } },
  );
  const at = (host: string, path: string) => ask(front, { path, headers: { host } });
  t.match(await at("API.example.com:8443", "/v1/orders?a=b"), {
    status: 302,
    headers: { location: "/v1/there" },
  });
  t.equal(target.requests[0]?.url, "/v1/orders?a=b");
  // On it there is that target alone: a path can't name another one.
  t.ok((await at("other.example.com", "/api/v1/orders")).status >= 400);
  t.match(await at("gateway:8443", "/api/v1/orders"), {
    status: 302,
    headers: { location: "/api/v1/there" },
  });
  t.same(
    target.requests.map(({ url }) => url),
    ["/v1/orders?a=b", "/v1/orders"],
  );
});

t.test("a client that leaves while its request waits takes it along", async (t) => {
  const { front, target } = await behind(t, (_, response) => response.end(), { hold: () => true });
  const socket = await dial(front);
  socket.write(`GET /api/ HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${TOKEN}\r\n\r\n`);
  await front.gate.until((events) => events.some(({ type }) => type === "held"));
  socket.destroy();
  await front.gate.until((events) => events.some(({ type }) => type === "gone"));
  t.equal(target.requests.length, 0);
});

t.test("bodies of any size go both ways as they come", async (t) => {
  const { front } = await behind(t, (request, response) => request.pipe(response));
  const bytes = randomBytes(20_000_000);
  const sent = createHash("sha256").update(bytes).digest("hex");
  const socket = await dial(front);
  const all = heard(socket);
  socket.write(
    `POST /api/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer ${TOKEN}\r\nContent-Length: ${bytes.length}\r\n\r\n`,
  );
  socket.write(bytes);
  const text = await all;
  const [head = "", ...rest] = text.split("\r\n\r\n");
  t.match(head, /^HTTP\/1\.1 200 OK\r\n/);
  t.match(head, /transfer-encoding: chunked/i);
  let left = Buffer.from(rest.join("\r\n\r\n"), "latin1");
  const parts: Buffer[] = [];
  for (;;) {
    const end = left.indexOf("\r\n");
    const size = Number.parseInt(left.toString("latin1", 0, end), 16);
    if (size === 0) break;
    parts.push(left.subarray(end + 2, end + 2 + size));
    left = left.subarray(end + 2 + size + 2);
  }
  t.equal(createHash("sha256").update(Buffer.concat(parts)).digest("hex"), sent);
});

t.test("pipelined requests are answered in order; one that can't be read ends the connection", async (t) => {
  const { front, target } = await behind(t, (request, response) => response.end(request.url));
  const socket = await dial(front);
  const all = heard(socket);
  const one = (path: string) =>
    `GET /api/${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${TOKEN}\r\n\r\n`;
  socket.write(
    `${one("a")}${one("b")}POST /api/c HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${one("d")}`,
  );
  const text = await all;
  t.match(text, /\/a[\s\S]*\/b[\s\S]*HTTP\/1\.1 400 [\s\S]*both a transfer coding and a length/);
  t.same(
    target.requests.map(({ url }) => url),
    ["/a", "/b"],
  );
});

t.test("a target that is away, or answers nonsense, is the gateway's 502", async (t) => {
  const { front, target } = await behind(t, (request) => request.socket.end("what?\r\n\r\n"));
  t.match(await ask(front, { path: "/api/" }), { status: 502, body: /can't be reached now/ });
  await target.stop();
  t.equal((await ask(front, { path: "/api/" })).status, 502);
  const away = await startTarget(() => undefined);
  t.teardown(() => away.stop());
});

t.test("an answer that breaks off is not taken for a whole one", async (t) => {
  const { front } = await behind(t, (request, response) => {
    response.write("half");
    setImmediate(() => request.socket.destroy());
  });
  await t.rejects(ask(front, { path: "/api/" }), /aborted|hang up/);
});

t.test("a stream of events comes as it is sent", async (t) => {
  let next: () => void = () => undefined;
  const { front } = await behind(t, (_, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write("data: 1\n\n");
    next = () => response.end("data: 2\n\n");
  });
  const socket = await dial(front);
  socket.write(
    `GET /api/ HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${TOKEN}\r\nConnection: close\r\n\r\n`,
  );
  let text = "";
  for await (const part of socket) {
    text += String(part);
    if (text.includes("data: 1\n\n") && !text.includes("data: 2")) next();
  }
  t.match(text, /data: 1\n\n[\s\S]*data: 2\n\n/);
});

t.test("a token of an issuer's that the target refuses is not used again", async (t) => {
  let issued = 0;
  const { front, target } = await behind(
    t,
    ({ headers }, response) => {
      response.statusCode = headers.authorization === "Bearer token-2" ? 200 : 401;
      response.end();
    },
    {
      settings: { inject: { oauth: { tokenUrl: "https://issuer.example.com/token" } } },
      issuer: () =>
        Promise.resolve({
          status: 200,
          text: JSON.stringify({ access_token: `token-${++issued}`, token_type: "Bearer", expires_in: 3600 }),
        }),
    },
  );
  t.match(await ask(front, { path: "/api/" }), {
    status: 502,
    body: /did not take the gateway's own credential/,
  });
  t.equal((await ask(front, { path: "/api/" })).status, 200);
  t.equal((await ask(front, { path: "/api/" })).status, 200);
  t.same([issued, target.requests.length], [2, 3]);
});

t.test("plaintext is refused with words", async (t) => {
  const { front, target } = await behind(t, (_, response) => response.end());
  const answer = await fetch(`http://127.0.0.1:${front.port}/api/`, {
    headers: { authorization: `Bearer ${TOKEN}` },
  });
  t.equal(answer.status, 400);
  t.match(await answer.json(), { code: "plaintext", hint: /https/ });
  t.equal(target.requests.length, 0);
});
