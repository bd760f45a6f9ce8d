import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { constants } from "node:http2";
import { Readable } from "node:stream";
import t from "tap";
import { ask } from "../support/client.ts";
import { SECRET, startFront, TOKEN } from "../support/front.ts";
import { startTarget } from "../support/target.ts";
import { askHttp2, behind, dialHttp2 } from "./support.ts";

/*
 * HTTP/2 on both sides, with Node's own clients and servers; and each of it with HTTP/1.1 on the other side.
 */

function* pieces(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += 50_000) yield bytes.subarray(at, at + 50_000);
}

const sha256 = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");

t.test("a request reaches its target with the gateway's credential, and without the client's", async (t) => {
  const { client, front, target } = await behind(t, (stream) => {
    stream.respond({ ":status": 200, "x-own": "1" });
    stream.end("hello");
  });
  const answer = await askHttp2(client, "/api/v1/orders?full=1", {
    headers: { cookie: "a=b", "x-client": "2" },
  });
  t.match(answer, { status: 200, body: "hello", code: 0, headers: { "x-own": "1", via: "2 gatehouse" } });
  const [head] = target.heads;
  t.match(head, {
    ":method": "GET",
    ":scheme": "https",
    ":path": "/v1/orders?full=1",
    ":authority": `127.0.0.1:${target.port}`,
    authorization: `Bearer ${SECRET}`,
    "x-client": "2",
  });
  t.notMatch(JSON.stringify(head), TOKEN);
  t.notOk(head?.["cookie"]);
  t.match(front.gate.commands, [{ verbs: ["GET"], access: "read", facts: { path: "/v1/orders" } }]);
});

t.test("requests of many clients share a session each, and one connection to the target", async (t) => {
  const { client, front, target } = await behind(t, (stream, headers) => {
    stream.respond({ ":status": 200 });
    setImmediate(() => stream.end(headers[":path"]));
  });
  const other = dialHttp2(front);
  t.teardown(() => other.destroy());
  const paths = Array.from({ length: 60 }, (_, number) => `/${number}`);
  const answers = await Promise.all(
    paths.map((path, number) => askHttp2(number % 2 ? other : client, `/api${path}`)),
  );
  t.same(
    answers.map(({ body }) => body),
    paths,
  );
  t.equal(target.sessions.length, 1);
  t.equal(front.gate.events.filter(({ type }) => type === "login").length, 2);
});

t.test("what is refused reaches no target, says why in JSON, and leaves the others alone", async (t) => {
  const { client, target } = await behind(
    t,
    (stream) => {
      stream.respond({ ":status": 200 });
      stream.end("ok");
    },
    { allow: ({ verbs }) => !verbs.includes("DELETE") },
  );
  const [refused, allowed, anonymous] = await Promise.all([
    askHttp2(client, "/api/x", { headers: { ":method": "DELETE" } }),
    askHttp2(client, "/api/x"),
    askHttp2(client, "/api/x", { headers: { authorization: "Bearer other" } }),
  ]);
  t.match(refused, { status: 403, headers: { "content-type": "application/problem+json" } });
  t.match(JSON.parse(refused.body), { detail: "No.", reference: /^ref_/ });
  t.equal(allowed.body, "ok");
  t.equal(anonymous.status, 401);
  t.equal(target.heads.length, 1);
});

t.test("of a body that is refused nothing more is asked for", async (t) => {
  const { client } = await behind(t, () => undefined, { allow: () => false });
  const stream = client.request({
    ...{ ":path": "/api/x", ":method": "POST", authorization: `Bearer ${TOKEN}` },
    "content-type": "application/octet-stream",
  });
  stream.on("error", () => undefined);
  stream.write("some");
  const response = Promise.withResolvers<number | undefined>();
  stream.once("response", (head) => response.resolve(head[":status"]));
  t.equal(await response.promise, 403);
  stream.resume();
  await once(stream, "close");
  t.equal(stream.rstCode, constants.NGHTTP2_NO_ERROR);
});

t.test("bodies of any size go both ways as they come", async (t) => {
  const { client } = await behind(t, (stream) => {
    stream.respond({ ":status": 200 });
    stream.pipe(stream);
  });
  const bytes = randomBytes(20_000_000);
  const stream = client.request({ ":path": "/api/x", ":method": "POST", authorization: `Bearer ${TOKEN}` });
  Readable.from(pieces(bytes)).pipe(stream);
  const parts: Buffer[] = [];
  stream.on("data", (part: Buffer) => parts.push(part));
  await once(stream, "end");
  t.equal(sha256(Buffer.concat(parts)), sha256(bytes));
});

t.test("a stream of events comes as it is sent", async (t) => {
  let next: () => void = () => undefined;
  const { client } = await behind(t, (stream) => {
    stream.respond({ ":status": 200, "content-type": "text/event-stream" });
    stream.write("data: 1\n\n");
    next = () => stream.end("data: 2\n\n");
  });
  const events = client.request({ ":path": "/api/y", authorization: `Bearer ${TOKEN}` });
  let text = "";
  for await (const part of events) {
    text += String(part);
    if (text === "data: 1\n\n") next();
  }
  t.equal(text, "data: 1\n\ndata: 2\n\n");
});

t.test("trailers and hints come through", async (t) => {
  const { client } = await behind(t, (stream) => {
    stream.additionalHeaders({ ":status": 103, "x-hint": "1" });
    stream.respond({ ":status": 200 }, { waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers({ "x-sum": "7", location: "https://elsewhere" }));
    stream.end("ok");
  });
  const answer = await askHttp2(client, "/api/x", { headers: { te: "trailers" } });
  t.match(answer, {
    status: 200,
    body: "ok",
    trailers: { "x-sum": "7" },
    interim: [{ ":status": 103, "x-hint": "1" }],
  });
  t.notOk(answer.trailers.location);
  t.notOk((await askHttp2(client, "/api/x")).trailers["x-sum"]);
});

t.test("HEAD, 204 and 304 have no bodies, and say what they may of one", async (t) => {
  const { client } = await behind(t, (stream, headers) => {
    const status = Number(String(headers[":path"]).slice(1));
    stream.respond(
      { ":status": status, ...(status === 204 ? {} : { "content-length": "7" }) },
      { endStream: true },
    );
  });
  const head = await askHttp2(client, "/api/200", { headers: { ":method": "HEAD" } });
  t.match(head, { status: 200, body: "", code: 0, headers: { "content-length": "7" } });
  t.match(await askHttp2(client, "/api/304"), { status: 304, body: "", headers: { "content-length": "7" } });
  t.match(await askHttp2(client, "/api/204"), { status: 204, body: "", code: 0 });
});

t.test("what waits for people runs once they have said yes; others go on meanwhile", async (t) => {
  const { client, front } = await behind(
    t,
    (stream) => {
      stream.respond({ ":status": 200 });
      stream.pipe(stream);
    },
    { hold: ({ verbs }) => verbs.includes("POST") },
  );
  const json = { ":method": "POST", "content-type": "application/json" };
  const held = askHttp2(client, "/api/refunds", { headers: json, body: '{"id":7}' });
  await front.gate.until((events) => events.some(({ type }) => type === "held"));
  t.equal((await askHttp2(client, "/api/other")).status, 200);
  front.gate.waiting[0]?.approve();
  t.match(await held, { status: 200, body: '{"id":7}' });
});

t.test(
  "the bodies of one connection's requests take no more room than it has; the next ones wait",
  async (t) => {
    const { client, front } = await behind(
      t,
      (stream) => {
        stream.respond({ ":status": 200 });
        stream.resume().on("end", () => stream.end("taken"));
      },
      { hold: ({ verbs }) => verbs.includes("POST") },
    );
    const body = Buffer.alloc(1024 * 1024);
    const headers = { ":method": "POST", "content-length": String(body.length) };
    const asked = Array.from({ length: 10 }, () => askHttp2(client, "/api/", { headers, body }));
    const held = () => front.gate.events.filter(({ type }) => type === "held").length;
    await front.gate.until(() => held() === 8);
    // What needs no room goes past them; behind it, none of the others has come in.
    t.equal((await askHttp2(client, "/api/other")).status, 200);
    t.equal(held(), 8);
    front.gate.waiting[0]?.approve();
    front.gate.waiting[0]?.approve();
    await front.gate.until(() => held() === 10);
    for (const waiting of [...front.gate.waiting]) waiting.approve();
    for (const { body: answer } of await Promise.all(asked)) t.equal(answer, "taken");
  },
);

t.test("who takes back a request that waits takes it from the approvers", async (t) => {
  const { client, front, target } = await behind(t, () => undefined, { hold: () => true });
  const stream = client.request({ ":path": "/api/x", authorization: `Bearer ${TOKEN}` });
  stream.on("error", () => undefined);
  await front.gate.until((events) => events.some(({ type }) => type === "held"));
  stream.close(constants.NGHTTP2_CANCEL);
  await front.gate.until((events) => events.some(({ type }) => type === "gone"));
  t.equal(target.heads.length, 0);
  t.notOk(client.destroyed);
});

t.test("who takes back a request that is under way takes it from the target", async (t) => {
  const begun = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<number>();
  const { client, target } = await behind(t, (stream) => {
    begun.resolve();
    stream.on("close", () => closed.resolve(stream.rstCode));
  });
  const stream = client.request({ ":path": "/api/x", authorization: `Bearer ${TOKEN}` });
  stream.on("error", () => undefined);
  await begun.promise;
  stream.close(constants.NGHTTP2_CANCEL);
  t.equal(await closed.promise, constants.NGHTTP2_CANCEL);
  t.notOk(target.sessions[0]?.destroyed);
});

t.test("100 is said to who waits for it", async (t) => {
  const { client } = await behind(t, (stream) => {
    stream.respond({ ":status": 200 });
    stream.pipe(stream);
  });
  const headers = { ":method": "POST", expect: "100-continue" };
  const answer = await askHttp2(client, "/api/x", { headers, body: "some" });
  t.match(answer, { status: 200, body: "some", interim: [{ ":status": 100 }] });
});

t.test("a session that is ended takes its requests along, and the connection after them", async (t) => {
  const begun = Promise.withResolvers<void>();
  const { client, front } = await behind(t, () => begun.resolve());
  const asked = askHttp2(client, "/api/x");
  await begun.promise;
  const goaway = Promise.withResolvers<number>();
  client.once("goaway", goaway.resolve);
  front.gate.endAll({ kind: "revoked", message: "It was revoked." });
  t.match(await asked, { status: 401, body: /revoked/ });
  t.equal(await goaway.promise, constants.NGHTTP2_NO_ERROR);
});

t.test("a connection on which nobody is let in does not go on asking", async (t) => {
  const { client } = await behind(t, (stream) => stream.respond({ ":status": 200 }, { endStream: true }));
  const headers = { authorization: "Bearer other" };
  let refused = 0;
  while (refused < 40) {
    const answer = await askHttp2(client, "/api/x", { headers }).catch(() => undefined);
    if (answer?.status !== 401) break;
    refused++;
  }
  t.equal(refused, 16);
});

t.test("HTTP/2 in front of a target of HTTP/1.1", async (t) => {
  const target = await startTarget((request, response) => {
    if (request.method === "POST") request.pipe(response);
    else if (request.url === "/twice") {
      response.writeHead(200, ["X-Content-Type-Options", "nosniff", "X-Content-Type-Options", "nosniff"]);
      response.end("twice");
    } else response.end(request.url);
  });
  const front = await startFront({ target });
  const client = dialHttp2(front);
  t.teardown(async () => {
    client.destroy();
    await front.close();
    await target.stop();
  });
  const answers = await Promise.all(["/1", "/2", "/3"].map((path) => askHttp2(client, `/api${path}`)));
  t.same(
    answers.map(({ body }) => body),
    ["/1", "/2", "/3"],
  );
  t.match(answers[0]?.headers, { via: "1.1 gatehouse" });
  t.notOk(answers[0]?.headers.connection);
  t.match(await askHttp2(client, "/api/twice"), { status: 200, body: "twice" });
  const body = randomBytes(300_000);
  const answer = await askHttp2(client, "/api/x", { headers: { ":method": "POST" }, body });
  t.equal(answer.body, body.toString());
  t.match(target.requests.at(-1)?.headers, { via: "2 gatehouse", "transfer-encoding": "chunked" });
});

t.test("HTTP/1.1 in front of a target of HTTP/2", async (t) => {
  const { front, target } = await behind(t, (stream, headers) => {
    if (headers[":path"] === "/none") {
      stream.respond({ ":status": 200 }, { endStream: true });
      return;
    }
    stream.respond({ ":status": 200, "x-many": ["a", "b"] });
    stream.pipe(stream);
  });
  t.match(await ask(front, { path: "/api/none" }), {
    status: 200,
    body: "",
    headers: { "content-length": "0" },
  });
  const posted = await ask(front, { method: "POST", path: "/api/x", body: "some" });
  t.match(posted, {
    status: 200,
    body: "some",
    headers: { "x-many": "a, b", "transfer-encoding": "chunked" },
  });
  t.match(target.heads.at(-1), { "content-length": "4", via: "1.1 gatehouse" });
  t.equal(target.sessions.length, 1);
});

t.test("a target whose config says so is spoken to in HTTP/1.1", async (t) => {
  const options = { settings: { http2: false }, server: { allowHTTP1: true } };
  const { client, target } = await behind(t, () => undefined, options);
  t.equal((await askHttp2(client, "/api/x")).body, "in HTTP/1.1");
  t.equal(target.sessions.length, 0);
});

t.test(
  "a target that offers no HTTP/2 is spoken to in HTTP/1.1, by as many connections as it takes",
  async (t) => {
    // Its own choice comes first, and is the older version.
    const options = { server: { allowHTTP1: true, ALPNCallback: () => "http/1.1" } };
    const { client, target } = await behind(t, () => undefined, options);
    const answers = await Promise.all([1, 2, 3].map((number) => askHttp2(client, `/api/${number}`)));
    t.ok(answers.every(({ body }) => body === "in HTTP/1.1"));
    t.equal(target.sessions.length, 0);
  },
);
