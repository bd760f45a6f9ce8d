import { createAuthority } from "@gatehouse/certs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Mask, ValueMasks } from "@gatehouse/core";
import t, { type Test } from "tap";
import { dial } from "../support/client.ts";
import { type Front, type FrontOptions, SECRET, startFront, TOKEN } from "../support/front.ts";
import { raw } from "./bytes.ts";
import {
  ACCEPT,
  agreeing,
  ask,
  asking,
  head,
  KEY,
  open,
  type SocketTarget,
  startSocketTarget,
} from "./handshakes.ts";

const TEXT = 1;
const BINARY = 2;

async function behind(
  t: Test,
  options: Omit<FrontOptions, "target"> = {},
  answer?: (head: string) => string | Buffer,
): Promise<{ readonly front: Front; readonly target: SocketTarget }> {
  const target = await startSocketTarget(answer);
  const front = await startFront({ target, ...options });
  t.teardown(async () => {
    await front.close();
    await target.stop();
  });
  return { front, target };
}

const isMessage = ({ kind }: { readonly kind: string }) => kind === "message";

t.test("a WebSocket, from the handshake to the goodbye", async (t) => {
  const { front, target } = await behind(t, {}, (head) =>
    agreeing(head, ["Sec-WebSocket-Protocol: chat", "X-Room: 7", "Server: s"]),
  );
  const { answer, end: client } = await open(
    t,
    front,
    asking("/api/v1/updates?room=7", [
      "Origin: https://app.example",
      "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits",
      "Sec-WebSocket-Protocol: openai-insecure-api-key.k, chat",
    ]),
  );
  const server = await target.next();
  const asked = target.heads[0] ?? "";
  t.match(asked, /^GET \/v1\/updates\?room=7 HTTP\/1\.1\r\n/);
  for (const line of [
    ...[
      "Connection: Upgrade",
      "Upgrade: websocket",
      "Sec-WebSocket-Version: 13",
      "Sec-WebSocket-Protocol: chat",
    ],
    ...["Origin: https://app.example", `Authorization: Bearer ${SECRET}`],
  ])
    t.ok(asked.includes(`\r\n${line}\r\n`), line);
  t.notMatch(asked, /extensions|content-length|transfer-encoding/i);
  t.notOk(asked.includes(TOKEN) || asked.includes(KEY));
  t.match(answer, /^HTTP\/1\.1 101 /);
  for (const line of [
    ...["Connection: Upgrade", "Upgrade: websocket", `Sec-WebSocket-Accept: ${ACCEPT}`],
    ...["Sec-WebSocket-Protocol: chat", "X-Room: 7"],
  ])
    t.equal(answer.split(`\r\n${line}\r\n`).length, 2, line);
  t.equal(answer.match(/sec-websocket/gi)?.length, 2);
  client.text("up");
  await server.hears(1);
  server.text("down");
  await client.hears(1);
  client.close(1000);
  await server.hears(2);
  server.close(1000);
  await Promise.all([client.closed(), server.closed()]);
  t.same(
    [server.heard, client.heard],
    [
      ["text up", "close 1000 "],
      ["text down", "close 1000 "],
    ],
  );
  t.match(front.gate.commands, [
    { kind: "request", verbs: ["GET"], facts: { upgrade: "websocket", path: "/v1/updates" } },
    { kind: "message", facts: { upgrade: "", path: "/v1/updates", message: "up", query: { room: ["7"] } } },
  ]);
  await front.gate.until((events) => events.some(({ type }) => type === "closed"));
  t.equal(front.gate.open, 0);
});

t.test("what each side says right behind its head is the first of it", async (t) => {
  const { front, target } = await behind(t, {}, (head) =>
    Buffer.concat([Buffer.from(agreeing(head)), raw({ opcode: TEXT, payload: "welcome", masked: false })]),
  );
  const { end: client } = await open(t, front, asking("/api/"), raw({ opcode: TEXT, payload: "hello" }));
  const server = await target.next();
  client.text("again");
  await Promise.all([client.hears(1), server.hears(2)]);
  t.same([server.heard, client.heard], [["text hello", "text again"], ["text welcome"]]);
});

for (const [what, lines, status] of [
  ["another version", ["Sec-WebSocket-Version: 8"], 426],
  ["another protocol", ["Upgrade: h2c"], 501],
  ["a body", ["Content-Length: 1"], 400],
] as const) {
  t.test(`a handshake with ${what} reaches no target`, async (t) => {
    const { front, target } = await behind(t);
    const names = lines.map((line) => line.slice(0, line.indexOf(":")));
    const others = asking("/api/")
      .split("\r\n")
      .filter((line) => line !== "" && !names.some((name) => line.startsWith(name)));
    const answer = await ask(front, `${[...others, ...lines].join("\r\n")}\r\n\r\n`);
    t.match(answer, new RegExp(`^HTTP/1\\.1 ${status} `));
    if (status === 426) t.match(answer, /\r\nSec-WebSocket-Version: 13\r\n/);
    t.equal(target.connections, 0);
  });
}

t.test("a WebSocket that a rule refuses reaches no target", async (t) => {
  const { front, target } = await behind(t, { allow: ({ facts }) => facts["upgrade"] !== "websocket" });
  const answer = await ask(front, asking("/api/"), raw({ opcode: TEXT, payload: "early" }));
  t.match(answer, /^HTTP\/1\.1 403 /);
  t.same([target.connections, front.gate.commands.length], [0, 1]);
});

t.test("one that waits is opened when it is approved, and what came meanwhile comes first", async (t) => {
  const { front, target } = await behind(t, { hold: ({ facts }) => facts["upgrade"] === "websocket" });
  const asked = open(t, front, asking("/api/"), raw({ opcode: TEXT, payload: "early" }));
  await front.gate.until((events) => events.some(({ type }) => type === "held"));
  t.equal(target.connections, 0);
  front.gate.waiting[0]?.approve();
  const { end: client } = await asked;
  const server = await target.next();
  client.text("late");
  await server.hears(2);
  t.same(server.heard, ["text early", "text late"]);
  t.match(
    front.gate.events.filter(({ type }) => type === "outcome"),
    [{ outcome: "done" }],
  );
});

t.test("who leaves while it waits takes it along", async (t) => {
  const { front, target } = await behind(t, { hold: () => true });
  const socket = await dial(front);
  socket.write(asking("/api/"));
  await front.gate.until((events) => events.some(({ type }) => type === "held"));
  socket.destroy();
  await front.gate.until((events) => events.some(({ type }) => type === "gone"));
  t.equal(target.connections, 0);
});

t.test("a message that a rule refuses is the last", async (t) => {
  const { front, target } = await behind(t, { allow: ({ facts }) => facts["message"] !== "drop" });
  const { end: client } = await open(t, front, asking("/api/"));
  const server = await target.next();
  client.text("fine");
  client.text("drop");
  client.text("late");
  await Promise.all([client.hears(1), server.hears(2)]);
  t.same([client.heard, server.heard], [["close 1008 No. (ref_1)"], ["text fine", "close 1001 "]]);
});

const rule = { policy: "p", rule: "mails", source: "p.yaml:1" };
const MAILS: Mask = { rule, columns: [], detect: ["email"], with: { kind: "redact" }, predicates: "allow" };
const values: ValueMasks = {
  transform: () => () => "***",
  detectors: (masks) => (text) => (masks.length > 0 ? text.replace(/\w+@\w+\.\w+/g, "***") : text),
  stream: () => {
    throw new Error("Nothing comes as a stream here.");
  },
};

t.test("what the target says is masked, in its head and in its messages", async (t) => {
  const { front, target } = await behind(t, { masks: [MAILS], values }, (head) =>
    agreeing(head, ["X-Owner: anna@example.com", `X-Key: ${SECRET}`]),
  );
  const { answer, end: client } = await open(t, front, asking("/api/"));
  t.match(answer, /\r\nX-Owner: \*\*\*\r\n/);
  t.notOk(answer.includes(SECRET));
  const server = await target.next();
  server.text("from anna@example.com");
  server.text('{"from":"anna\\u0040example.com"}');
  server.say({ opcode: BINARY, payload: "anna@example.com" });
  await client.hears(3);
  t.match(client.heard, ["text from ***", 'text {"from":"***"}', /^close 1011 /]);
});

t.test("nobody is told the gateway's credential", async (t) => {
  const { front, target } = await behind(t);
  const { end: client } = await open(t, front, asking("/api/"));
  const server = await target.next();
  const [one, two] = [SECRET.slice(0, 9), SECRET.slice(9)];
  server.say({ bits: 0, opcode: TEXT, payload: `you are ${one}` }, { opcode: 0, payload: two });
  server.say({ bits: 0, opcode: BINARY, payload: one }, { opcode: 0, payload: two });
  await client.hears(2);
  const stars = "*".repeat(SECRET.length);
  t.same(client.heard, [`text you are ${stars}`, `binary -1 ${Buffer.from(stars).toString("hex")}`]);
});

t.test("a target that does not agree answers as to any request", async (t) => {
  const { front, target } = await behind(
    t,
    {},
    () => "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnone",
  );
  const socket = await dial(front);
  for (let count = 0; count < 2; count++) {
    socket.write(asking("/api/"));
    t.match(await head(socket), /^HTTP\/1\.1 404 /);
    t.equal((await body(socket, 4)).toString(), "none");
  }
  socket.destroy();
  t.equal(target.connections, 2, "each has a connection of its own");
});

t.test("one that does not take the gateway's credential", async (t) => {
  const { front } = await behind(t, {}, () => "HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n");
  const answer = await ask(front, asking("/api/"));
  t.match(answer, /^HTTP\/1\.1 502 /);
});

const wrong: readonly (readonly [what: string, answer: (head: string) => string])[] = [
  ["of another request", (head) => agreeing(head).replace(/Accept: .*\r\n/, `Accept: ${ACCEPT}\r\n`)],
  ["to another protocol", (head) => agreeing(head).replace("Upgrade: websocket", "Upgrade: h2c")],
  ["with an extension", (head) => agreeing(head, ["Sec-WebSocket-Extensions: permessage-deflate"])],
  ["with a subprotocol that nobody offered", (head) => agreeing(head, ["Sec-WebSocket-Protocol: other"])],
  ["in HTTP/1.0", (head) => agreeing(head).replace("HTTP/1.1 101", "HTTP/1.0 101")],
];
for (const [what, answer] of wrong) {
  t.test(`a target's agreement ${what} is none`, async (t) => {
    const { front, target } = await behind(t, {}, answer);
    const told = await ask(front, asking("/api/"), raw({ opcode: TEXT, payload: "early" }));
    t.match(told, /^HTTP\/1\.1 502 /);
    t.match(target.heads, { length: 1 });
    t.same(
      front.gate.commands.map(({ kind }) => kind),
      ["request"],
    );
  });
}

t.test("a target must not change the protocol where nobody has asked for it", async (t) => {
  const { front } = await behind(t, {}, (head) => agreeing(head));
  const plain = `GET /api/ HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${TOKEN}\r\n\r\n`;
  const answer = await ask(front, plain);
  t.match(answer, /^HTTP\/1\.1 502 /);
});

t.test("a connection that others have used is not asked to change", async (t) => {
  const { front, target } = await behind(t, {}, (head) =>
    head.includes("websocket") ? agreeing(head) : "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
  );
  const socket = await dial(front);
  socket.write(`GET /api/ HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${TOKEN}\r\n\r\n`);
  t.match(await head(socket), /^HTTP\/1\.1 200 /);
  socket.write(asking("/api/"));
  t.match(await head(socket), /^HTTP\/1\.1 101 /);
  socket.destroy();
  t.same([target.connections, front.gate.events.filter(({ type }) => type === "login").length], [2, 1]);
});

t.test("a target that prefers HTTP/2 is asked in HTTP/1.1", async (t) => {
  const now = Date.now();
  const authority = await createAuthority({ name: "target", now });
  const pair = await authority.issue({ use: "server", commonName: "target", names: ["127.0.0.1"], now });
  const ca = join(t.testdir(), "ca.crt");
  await writeFile(ca, authority.certificatePem);
  const target = await startSocketTarget(undefined, {
    ...{ cert: pair.certificatePem, key: pair.key.reveal() },
    ALPNProtocols: ["h2", "http/1.1"],
  });
  const front = await startFront({ target, tls: { mode: "verify-full", ca } });
  t.teardown(async () => {
    await front.close();
    await target.stop();
  });
  const { end: client } = await open(t, front, asking("/api/"));
  const server = await target.next();
  client.text("hello");
  await server.hears(1);
  t.same(server.heard, ["text hello"]);
});

t.test("a session that is ended says goodbye to both", async (t) => {
  const { front, target } = await behind(t);
  const { end: client } = await open(t, front, asking("/api/"));
  const server = await target.next();
  front.gate.endAll({ kind: "revoked", message: "It is over." });
  await Promise.all([client.hears(1), server.hears(1)]);
  t.same([client.heard, server.heard], [["close 1008 It is over. (ref_1)"], ["close 1001 "]]);
  client.close(1008);
  server.close(1001);
  await Promise.all([client.closed(), server.closed()]);
});

t.test("a client that goes takes its target's connection along", async (t) => {
  const { front, target } = await behind(t);
  const { end: client } = await open(t, front, asking("/api/"));
  const server = await target.next();
  client.socket.destroy();
  await server.hears(1);
  server.close(1001);
  await server.closed();
  await front.gate.until((events) => events.some(({ type }) => type === "closed"));
  t.equal(front.gate.open, 0);
});

t.test("a message is one request of the budget", async (t) => {
  const { front, target } = await behind(t, { settings: { budget: { requests: "3/1h" } } });
  const { end: client } = await open(t, front, asking("/api/"));
  const server = await target.next();
  for (const text of ["one", "two", "three"]) client.text(text);
  await Promise.all([client.hears(1), server.hears(3)]);
  t.match(client.heard, [/^close 1013 You have used all requests .*\(ref_1\)$/]);
  t.same(server.heard, ["text one", "text two", "close 1001 "]);
  t.equal(front.gate.commands.filter(isMessage).length, 2);
});

t.test("bytes of messages are counted, both ways", async (t) => {
  for (const way of ["up", "down"] as const) {
    const { front, target } = await behind(t, { settings: { budget: { bytes: "1KiB/1h" } } });
    const { end: client } = await open(t, front, asking("/api/"));
    const server = await target.next();
    const all = "x".repeat(1200);
    if (way === "up") client.text(all);
    else server.text(all);
    await (way === "up" ? server : client).hears(1);
    client.text("more");
    await client.until(({ heard }) => heard.some((word) => word.startsWith("close")));
    t.match(client.heard.at(-1), /^close 1013 You have used all bytes /, way);
    t.notOk(server.heard.includes("text more"));
  }
});

async function body(socket: Awaited<ReturnType<typeof dial>>, length: number): Promise<Buffer> {
  for (;;) {
    const bytes = socket.read(length) as Buffer | null;
    if (bytes !== null) return bytes;
    await new Promise((resolve) => socket.once("readable", resolve));
  }
}
