import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage } from "node:http";
import { request } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { join } from "node:path";
import { createHash } from "node:crypto";
import { Gateway } from "@gatehouse/gateway";
import { createMemoryLog } from "@gatehouse/testkit";
import t from "tap";
import { verifyState } from "./environment.ts";
import { httpSite } from "./http-site.ts";

/* WebSockets at the whole gateway: what a policy lets through of their messages, what it masks, and what is on record. */

const POLICY = `policy: updates
who: { groups: [crew] }
targets: [api]
rules:
  - allow: the socket
    when: http.kind == "request" && http.upgrade == "websocket" && http.route == "/rooms/{id}"
  - allow: subscriptions
    when: http.kind == "message" && http.json.op == "subscribe" && http.params.id == "7"
  - mask: addresses
    when: http.kind == "message"
    detect: [pii.email]
    with: redact
`;

/** Answers each message with itself, and an address. */
const api = createServer();
const heard: string[] = [];
api.on("upgrade", ({ headers }: IncomingMessage, socket: Socket) => {
  const accept = createHash("sha1")
    .update(`${headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
    .digest("base64");
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
  );
  socket.on("error", () => socket.destroy());
  socket.on("data", (bytes) => {
    for (const text of texts(bytes)) {
      heard.push(text);
      socket.write(frame("by anna@example.com", false));
    }
  });
});
api.listen(0, "127.0.0.1");
await once(api, "listening");
t.teardown(() => {
  api.close();
});

const site = await httpSite(t, {
  policy: POLICY,
  secret: "the-key-that-the-api-knows",
  clients: [{ name: "crew-ops", groups: ["crew"] }],
  people: [],
});
const { folder, ca, provider, configFile } = site;
await writeFile(
  configFile,
  site.configOf(`  api:
    protocol: http
    address: 127.0.0.1:${(api.address() as AddressInfo).port}
    tls: { mode: off }
    routes: ["/rooms/{id}"]
    credential: { password: file:api-key }
    levels: { default: {} }
`),
);
const gateway = await Gateway.start({ configFile, log: createMemoryLog() });
t.teardown(() => gateway.stop("test ended"));
const token = await provider.token("crew-ops");

function asking(path: string) {
  const asked = request({
    ...{ host: "localhost", port: gateway.port("http"), ca, path, agent: false },
    headers: {
      ...{ authorization: `Bearer ${token}`, connection: "Upgrade", upgrade: "websocket" },
      ...{ "sec-websocket-version": "13", "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==" },
    },
  });
  asked.end();
  return asked;
}

t.test("messages are decided one by one, and answers masked", async (t) => {
  const [response, socket] = (await once(asking("/api/rooms/7"), "upgrade")) as [IncomingMessage, Socket];
  t.equal(response.headers["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  socket.on("error", () => socket.destroy());
  socket.write(frame('{"op":"subscribe"}', true));
  const pieces = socket.iterator({ destroyOnReturn: false });
  const answer = await next(pieces);
  t.notMatch(answer.toString(), "anna");
  t.match(answer.subarray(2).toString(), /^by \S+$/);
  socket.write(frame('{"op":"delete"}', true));
  const close = await next(pieces);
  t.same([close[0], close.readUInt16BE(2)], [0x88, 1008]);
  t.match(close.subarray(4).toString(), /\(ref_[0-9A-Z]+\)$/);
  t.same(heard, ['{"op":"subscribe"}']);
  socket.destroy();
});

t.test("a socket that no rule lets through reaches nobody", async (t) => {
  const [{ statusCode }] = (await once(asking("/api/halls/7"), "response")) as [IncomingMessage];
  t.same([statusCode, heard.length], [403, 1]);
});

t.test("all of it is on record", async (t) => {
  await gateway.stop("test");
  t.match(await verifyState(join(folder, "state")), { ok: true });
});

/** A text of fewer than 126 bytes; a client's is masked by zeros. */
function frame(text: string, isClients: boolean): Buffer {
  const payload = Buffer.from(text);
  const head = isClients ? [0x81, 0x80 | payload.length, 0, 0, 0, 0] : [0x81, payload.length];
  return Buffer.concat([Buffer.from(head), payload]);
}

/** A short frame of the gateway's, in whatever pieces it comes; nothing follows it before it is answered. */
async function next(pieces: AsyncIterator<Buffer>): Promise<Buffer> {
  let bytes: Buffer = Buffer.alloc(0);
  while (bytes.length < 2 || bytes.length < 2 + ((bytes[1] ?? 0) & 0x7f)) {
    const piece = await pieces.next();
    if (piece.done === true) throw new Error("It ended in the middle of a frame.");
    bytes = Buffer.concat([bytes, piece.value]);
  }
  return bytes;
}

/** The short texts of a client, each in a frame that came whole. */
function* texts(bytes: Buffer): Generator<string> {
  for (let at = 0; at < bytes.length; ) {
    const length = (bytes[at + 1] ?? 0) & 0x7f;
    const key = bytes.subarray(at + 2, at + 6);
    const payload = bytes
      .subarray(at + 6, at + 6 + length)
      .map((byte, index) => byte ^ (key[index & 3] ?? 0));
    if (((bytes[at] ?? 0) & 0xf) === 1) yield Buffer.from(payload).toString();
    at += 6 + length;
  }
}
