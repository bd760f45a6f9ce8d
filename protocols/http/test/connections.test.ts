import { once } from "node:events";
import type { Socket } from "node:net";
import { Agent } from "node:https";
import t, { type Test } from "tap";
import { createFakeClock } from "@gatehouse/testkit";
import { ask, dial, heard } from "./support/client.ts";
import { type Front, type FrontOptions, SECRET, startFront, TOKEN } from "./support/front.ts";
import { type RawTarget, startRawTarget } from "./support/raw-target.ts";

/*
 * What goes wrong between two messages, or in the middle of one. The targets are raw: they say what no server of Node's would.
 */

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

async function behind(
  t: Test,
  answer: (socket: Socket, heard: string, connection: number) => void,
  options: Omit<FrontOptions, "target"> = {},
): Promise<{ readonly front: Front; readonly target: RawTarget }> {
  const target = await startRawTarget(answer);
  const front = await startFront({ target, ...options });
  t.teardown(async () => {
    await front.close();
    await target.stop();
  });
  return { front, target };
}

const head = (line: string, ...fields: string[]) =>
  `${[`${line} HTTP/1.1`, "Host: x", `Authorization: Bearer ${TOKEN}`, ...fields].join("\r\n")}\r\n\r\n`;

const requests = (heard: readonly string[]) => heard.join("").match(/ HTTP\/1\.1\r\n/g)?.length ?? 0;

t.test("a client that leaves in the middle of its body is one client less, and nothing else", async (t) => {
  const { front, target } = await behind(t, (socket, heard) => {
    if (heard.startsWith("GET")) socket.write(OK);
  });
  for (const length of [100, 5_000_000]) {
    const socket = await dial(front);
    socket.end(`${head("POST /api/x", `Content-Length: ${length}`)}some`);
    await heard(socket);
  }
  t.equal((await ask(front, { path: "/api/" })).body, "ok");
  t.notOk(target.heard.some((text) => text.includes("Content-Length: 100")));
});

t.test("a body that breaks its grammar while it is sent on is the client's fault", async (t) => {
  const { front, target } = await behind(t, () => undefined);
  const socket = await dial(front);
  const all = heard(socket);
  socket.write(`${head("POST /api/x", "Transfer-Encoding: chunked")}4\r\nsome\r\n`);
  await target.until(([text]) => text?.endsWith("4\r\nsome\r\n") === true);
  socket.write("what\r\n");
  t.match(await all, /^HTTP\/1\.1 400 [\s\S]*a chunk without a proper size/);
  t.notMatch(target.heard[0], /\r\n0\r\n/);
});

t.test("a session that is ended takes its request along: it is not sent again", async (t) => {
  const { front, target } = await behind(t, (socket, heard) => {
    if (heard.split("\r\n\r\n").length === 2) socket.write(OK);
  });
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  t.teardown(() => agent.destroy());
  await ask(front, { path: "/api/1", agent });
  const second = ask(front, { path: "/api/2", agent });
  second.catch(() => undefined);
  await target.until((heard) => requests(heard) === 2);
  front.gate.endAll({ kind: "revoked", message: "It was revoked." });
  const ended = await second;
  t.equal(ended.status, 401);
  t.match(ended.body, /revoked/);
  t.equal(requests(target.heard), 2);
  t.equal(target.heard.length, 1);
});

t.test("a connection that its target has closed meanwhile is not used again", async (t) => {
  const closed = Promise.withResolvers<void>();
  const { front, target } = await behind(t, (socket, _, connection) => {
    socket.write(OK);
    if (connection === 0) {
      socket.end();
      socket.on("close", () => closed.resolve());
    }
  });
  await ask(front, { path: "/api/" });
  await closed.promise;
  const { status } = await ask(front, { method: "POST", path: "/api/", body: "x" });
  t.equal(status, 200);
  t.equal(target.heard.length, 2);
});

t.test("what an idle connection says by itself is nobody's answer", async (t) => {
  const { front, target } = await behind(t, (socket, _, connection) => {
    socket.write(OK);
    if (connection === 0) setImmediate(() => socket.write(OK.replace("ok", "no")));
  });
  await ask(front, { path: "/api/" });
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  t.equal((await ask(front, { path: "/api/" })).body, "ok");
  t.equal(target.heard.length, 2);
});

t.test("where a connection is lost as it is used again, what may be done twice is, once", async (t) => {
  const { front, target } = await behind(t, (socket, heard) => {
    if (heard.split("\r\n\r\n").length === 2 && !heard.includes("/again")) socket.write(OK);
    else socket.destroy();
  });
  await ask(front, { path: "/api/" });
  t.equal((await ask(front, { path: "/api/again" })).status, 502);
  t.equal(requests(target.heard), 3);
  await ask(front, { path: "/api/" });
  t.equal((await ask(front, { method: "POST", path: "/api/again" })).status, 502);
  t.equal(requests(target.heard), 5);
});

t.test("100 is said to who waits for it, and not to HTTP/1.0", async (t) => {
  const { front } = await behind(t, (socket, heard) => {
    if (heard.endsWith("some")) socket.write(OK);
  });
  const socket = await dial(front);
  socket.write(head("POST /api/", "Content-Length: 4", "Expect: 100-continue", "Connection: close"));
  const [first] = (await once(socket, "data")) as [Buffer];
  t.equal(String(first), "HTTP/1.1 100 Continue\r\n\r\n");
  const all = heard(socket);
  socket.write("some");
  t.match(await all, /^HTTP\/1\.1 200 /);
  const old = await dial(front);
  old.write(
    `${head("POST /api/", "Content-Length: 4", "Expect: 100-continue").replace("HTTP/1.1", "HTTP/1.0")}some`,
  );
  t.match(await heard(old), /^HTTP\/1\.1 200 /);
});

t.test("a body that is refused is not asked for", async (t) => {
  const { front } = await behind(t, () => undefined, { allow: () => false });
  const socket = await dial(front);
  const all = heard(socket);
  socket.write(head("PUT /api/", "Content-Length: 5000000", "Expect: 100-continue"));
  t.match(await all, /^HTTP\/1\.1 403 /);
});

t.test("a client that sends a large body hears why it was refused", async (t) => {
  const { front } = await behind(t, () => undefined, { allow: () => false });
  const socket = await dial(front);
  const all = heard(socket);
  socket.write(head("PUT /api/", "Content-Length: 30000000"));
  // It listens only once it has said all.
  await new Promise((resolve) => socket.write(Buffer.alloc(30_000_000), resolve));
  t.match(await all, /^HTTP\/1\.1 403 /);
});

t.test("an answer may come before the request is whole", async (t) => {
  const { front, target } = await behind(t, (socket, heard) => {
    if (heard.endsWith("some")) socket.write("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n");
  });
  const socket = await dial(front);
  const all = heard(socket);
  socket.write(`${head("PUT /api/", "Content-Length: 5000000")}some`);
  const text = await all;
  t.match(text, /^HTTP\/1\.1 413 Too Large\r\n/);
  t.equal(requests(target.heard), 1);
});

t.test("answers before the answer are handed on, up to a number; 100 is not", async (t) => {
  const hints = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n";
  const { front } = await behind(t, (socket, heard) => {
    if (heard.includes("many")) socket.write(hints.repeat(1000));
    else socket.write(`HTTP/1.1 100 Continue\r\n\r\n${hints}${OK}`);
  });
  const few = await dial(front);
  few.write(head("GET /api/few", "Connection: close"));
  t.match(await heard(few), /^HTTP\/1\.1 103 [\s\S]*<\/api\/a\.css>[\s\S]*HTTP\/1\.1 200 OK/);
  const many = await dial(front);
  many.write(head("GET /api/many", "Connection: close"));
  const text = await heard(many);
  t.match(text, /HTTP\/1\.1 502 /);
  t.ok(text.split(" 103 ").length < 100);
});

t.test("answers that say they have no body have none", async (t) => {
  for (const [line, answer] of [
    ["HEAD /api/", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nsome"],
    ["GET /api/", "HTTP/1.1 304 Not Modified\r\nContent-Length: 4\r\n\r\nsome"],
    ["GET /api/", "HTTP/1.1 204 No Content\r\n\r\nsome"],
  ] as const) {
    const { front, target } = await behind(t, (socket) => socket.write(answer));
    const socket = await dial(front);
    const all = heard(socket);
    socket.write(head(line) + head(line, "Connection: close"));
    t.notMatch(await all, "some");
    // What came too much is not taken for the beginning of the next one's answer.
    t.equal(target.heard.length, 2);
  }
});

t.test("an answer's length is what it says", async (t) => {
  const { front, target } = await behind(t, (socket, heard) => {
    if (heard.includes("longer"))
      socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n\r\n");
    else socket.end("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok");
  });
  t.equal((await ask(front, { path: "/api/longer" })).body, "ok");
  await t.rejects(ask(front, { path: "/api/shorter" }));
  t.equal(target.heard.length, 2);
});

t.test("a client that has ended its side has gone: what it waits for is taken back", async (t) => {
  const left = Promise.withResolvers<void>();
  const { front, target } = await behind(t, (socket) => socket.on("close", () => left.resolve()));
  const socket = await dial(front);
  socket.write(head("GET /api/1"));
  await target.until((heard) => requests(heard) === 1);
  socket.end();
  await left.promise;
  t.equal(requests(target.heard), 1);
});

t.test("what a target says of the gateway's credential is not what the client sees", async (t) => {
  const { front } = await behind(t, (socket) => {
    socket.write(
      [
        `HTTP/1.1 302 ${SECRET}`,
        `Location: http://127.0.0.1/?key=${SECRET}`,
        `X-Echo: Bearer ${SECRET}`,
        `X-Encoded: ${Buffer.from(SECRET).toString("base64")} ${encodeURIComponent(SECRET)}`,
        `Set-Cookie: a=${SECRET}`,
        `${SECRET}: 1`,
        "Transfer-Encoding: chunked",
        "",
        "0",
        `X-Trailer: ${SECRET}`,
        "",
        "",
      ].join("\r\n"),
    );
  });
  const socket = await dial(front);
  socket.write(head("GET /api/", "TE: trailers", "Connection: close, TE"));
  const text = await heard(socket);
  t.match(text, /^HTTP\/1\.1 302 /);
  t.match(text, /x-trailer/i);
  t.notMatch(text, SECRET);
});

t.test("requests that two could read differently reach no target", async (t) => {
  const { front, target } = await behind(t, (socket) => socket.write(OK));
  const smuggled = "GET /api/smuggled HTTP/1.1\r\nHost: x\r\n\r\n";
  const post = (...fields: string[]) => head("POST /api/", ...fields);
  const shapes = [
    `${post("Content-Length: 4", "Transfer-Encoding: chunked")}0\r\n\r\n${smuggled}`,
    `${post("Transfer-Encoding: chunked", "Content-Length: 4")}0\r\n\r\n${smuggled}`,
    `${post("Content-Length: 4", "Content-Length: 4")}some${smuggled}`,
    `${post("Content-Length: 4", "Content-Length: 0")}some${smuggled}`,
    `${post("Content-Length: 4, 4")}some${smuggled}`,
    `${post("Content-Length: +4")}some${smuggled}`,
    `${post("Content-Length: 04")}some${smuggled}`,
    `${post("Content-Length: 0x4")}some${smuggled}`,
    post("Content-Length: -1") + smuggled,
    post("Content-Length:") + smuggled,
    `${post("Content-Length : 4")}some${smuggled}`,
    `${post(" Content-Length: 4")}some${smuggled}`,
    `${post("Content_Length: 4")}some${smuggled}`,
    `${post("Transfer-Encoding: chunked, chunked")}0\r\n\r\n${smuggled}`,
    `${post("Transfer-Encoding: xchunked")}0\r\n\r\n${smuggled}`,
    `${post("Transfer-Encoding: chunked, identity")}0\r\n\r\n${smuggled}`,
    post("Transfer-Encoding: identity") + smuggled,
    `${post("Transfer-Encoding: \x0bchunked")}0\r\n\r\n${smuggled}`,
    `${post("Transfer-Encoding : chunked")}0\r\n\r\n${smuggled}`,
    `${post("Transfer-Encoding:\r\n chunked")}0\r\n\r\n${smuggled}`,
    `${post("X: y\nTransfer-Encoding: chunked")}0\r\n\r\n${smuggled}`,
    `${post("X: y\rTransfer-Encoding: chunked")}0\r\n\r\n${smuggled}`,
    post("X: y\0") + smuggled,
    `${post("Transfer-Encoding: chunked")}0;a=b\r\n\r\n${smuggled}`,
    `${post("Transfer-Encoding: chunked")}4;\nx\r\nsome\r\n0\r\n\r\n${smuggled}`,
    `${post("Transfer-Encoding: chunked")}0x0\r\n\r\n${smuggled}`,
    `${post("Transfer-Encoding: chunked")}100000000\r\n${smuggled}`,
    `${post("Transfer-Encoding: chunked")}0\r\nContent-Length: 4\r\n\r\n${smuggled}`,
    `${post("Connection: content-length", "Content-Length: 4")}some${smuggled}`,
    post("Host: y") + smuggled,
    head("GET /api/ HTTP/1.1\r\nHost: x\r\n\r\nGET /api/smuggled").replace(
      " HTTP/1.1\r\nHost: x\r\n\r\n",
      "\t\t",
    ),
    head("GET http://y/api/"),
    head("get /api/"),
    head("GET /api/../other", "Connection: close"),
  ];
  for (const shape of shapes) {
    const socket = await dial(front);
    const all = heard(socket);
    socket.write(Buffer.from(shape, "latin1"));
    const text = await all;
    t.match(text, /^HTTP\/1\.1 [45]\d\d /, JSON.stringify(shape));
    t.equal(text.match(/HTTP\/1\.1 \d/g)?.length, 1, "and nothing behind it is read");
  }
  t.notOk(target.heard.some((text) => text.includes("smuggled") || text.includes(TOKEN)));
});

t.test("who reads slowly has its answer kept where it comes from", async (t) => {
  const size = 200_000_000;
  const piece = Buffer.alloc(1_000_000, "x");
  let sent = 0;
  const { front, target } = await behind(t, (socket) => {
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`);
    const more = () => {
      while (sent < size) {
        sent += piece.length;
        if (!socket.write(piece)) return;
      }
    };
    socket.on("drain", more);
    more();
  });
  const socket = await dial(front);
  socket.write(head("GET /api/", "Connection: close"));
  await once(socket, "readable");
  // Nothing more is read until all that lies between is full: by then the target has stood still for many turns.
  for (let still = 0, before = -1; still < 50; before = sent) {
    still = before === sent ? still + 1 : 0;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  t.ok(sent < size / 4, `${sent} bytes`);
  let read = 0;
  for await (const part of socket) read += (part as Buffer).length;
  t.ok(read > size);
  t.equal(target.heard.length, 1);
});

t.test("when a session is ended, a connection that has nothing to do is", async (t) => {
  const { front } = await behind(t, (socket) => socket.write(OK));
  const socket = await dial(front);
  const all = heard(socket);
  socket.write(head("GET /api/"));
  await once(socket, "data");
  front.gate.endAll();
  await all;
  await front.gate.until((events) =>
    events.some((event) => event.type === "closed" && event.end === "drained"),
  );
  t.equal(front.gate.open, 0);
});

t.test("what comes behind the end of a session is not run: its client hears nothing of it", async (t) => {
  const { front, target } = await behind(t, (socket) => socket.write(OK));
  const socket = await dial(front);
  const all = heard(socket);
  socket.write(head("GET /api/1"));
  await once(socket, "data");
  front.gate.endAll();
  socket.write(head("POST /api/2", "Content-Length: 0"));
  await all;
  t.equal(requests(target.heard), 1);
});

t.test("a connection on which nobody is let in does not go on asking", async (t) => {
  const { front } = await behind(t, (socket) => socket.write(OK));
  const socket = await dial(front);
  const all = heard(socket);
  socket.write("GET /api/ HTTP/1.1\r\nHost: gateway\r\n\r\n".repeat(100));
  t.equal((await all).match(/HTTP\/1\.1 401 /g)?.length, 16);
});

t.test("who waits for people, and says more than is kept for it, is not waited for", async (t) => {
  const { front, target } = await behind(t, (socket) => socket.write(OK), { hold: () => true });
  const socket = await dial(front);
  socket.write(head("POST /api/1", "Content-Length: 0"));
  await front.gate.until((events) => events.some(({ type }) => type === "held"));
  socket.write("GET /api/ HTTP/1.1\r\nHost: gateway\r\n\r\n".repeat(5000));
  await front.gate.until((events) => events.some(({ type }) => type === "gone"));
  socket.destroy();
  t.equal(requests(target.heard), 0);
});

t.test("many tokens on one connection are as many sessions, each with its own", async (t) => {
  const { front, target } = await behind(t, (socket) => socket.write(OK));
  const socket = await dial(front);
  const all = heard(socket);
  const other = head("GET /api/").replace(TOKEN, "another");
  socket.write(head("GET /api/") + other + head("GET /api/") + head("GET /api/", "Connection: close"));
  t.same((await all).match(/HTTP\/1\.1 \d+/g), [
    "HTTP/1.1 200",
    "HTTP/1.1 401",
    "HTTP/1.1 200",
    "HTTP/1.1 200",
  ]);
  t.equal(requests(target.heard), 3);
  t.equal(front.gate.events.filter(({ type }) => type === "login").length, 2);
});

t.test("of the sessions of one connection, the one that was idle for longest makes room", async (t) => {
  const levels = Array.from({ length: 20 }, (_, number) => `level${number}`);
  const { front } = await behind(t, (socket) => socket.write(OK), { levels });
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  t.teardown(() => {
    agent.destroy();
  });
  for (const level of levels) {
    t.equal((await ask(front, { path: `/${level}@api/`, agent })).status, 200);
    t.ok(front.gate.open <= 16);
  }
  t.equal(front.gate.open, 16);
  const logins = () => front.gate.events.filter(({ type }) => type === "login").length;
  t.equal(logins(), 20);
  // The last ones are there still, and the first one has to come in anew.
  await ask(front, { path: "/level19@api/", agent });
  t.equal(logins(), 20);
  await ask(front, { path: "/level0@api/", agent });
  t.equal(logins(), 21);
});

t.test("a token that has expired between two requests proves nobody for the second", async (t) => {
  const clock = createFakeClock(Date.now());
  let good = true;
  const { front, target } = await behind(t, (socket) => socket.write(OK), {
    clock,
    expiresAt: clock.now() + 60_000,
    enter: () =>
      Promise.resolve(good ? undefined : { kind: "credential", message: "The token has expired." }),
  });
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  t.teardown(() => {
    agent.destroy();
  });
  t.equal((await ask(front, { path: "/api/", agent })).status, 200);
  good = false;
  // What was proved is good until then, and asked no one about.
  t.equal((await ask(front, { path: "/api/", agent })).status, 200);
  clock.advance(60_000);
  t.equal((await ask(front, { path: "/api/", agent })).status, 401);
  t.equal(requests(target.heard), 2);
  t.match(
    front.gate.events.filter(({ type }) => type === "closed"),
    [{ end: "expired" }],
  );
});

t.test("a request that waits when its session is ended is told why, and not run", async (t) => {
  const { front, target } = await behind(t, (socket) => socket.write(OK), { hold: () => true });
  const asking = ask(front, { path: "/api/" });
  await front.gate.until((events) => events.some(({ type }) => type === "held"));
  front.gate.endAll();
  await front.gate.until((events) => events.some(({ type }) => type === "gone"));
  t.match(
    front.gate.events.filter(({ type }) => type === "gone"),
    [{ why: "session_ended" }],
  );
  t.equal(front.gate.waiting.length, 0, "nobody is asked any more");
  t.match(await asking, { status: 403 });
  t.equal(requests(target.heard), 0);
});

t.test("a client that says nothing, or not all of a head, holds no place for long", async (t) => {
  const { front } = await behind(t, () => undefined, { startup: 200 });
  for (const said of ["", "GET /api/ HTTP/1.1\r\nHost: x\r\n"]) {
    const socket = await dial(front);
    const all = heard(socket);
    socket.write(said);
    t.equal(await all, "");
  }
  t.same(front.gate.events, []);
});

t.test("what was approved, sent and not answered is in doubt", async (t) => {
  const { front, target } = await behind(t, (socket) => socket.destroy(), { hold: () => true });
  const asking = ask(front, { method: "POST", path: "/api/", body: "x" });
  await front.gate.until((events) => events.some(({ type }) => type === "held"));
  front.gate.waiting[0]?.approve();
  t.equal((await asking).status, 502);
  t.match(
    front.gate.events.find(({ type }) => type === "outcome"),
    { outcome: "in_doubt" },
  );
  t.equal(requests(target.heard), 1);
});
