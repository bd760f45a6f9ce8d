import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { request } from "node:https";
import { Writable } from "node:stream";
import { setImmediate as turn } from "node:timers/promises";
import { connect as connectTls } from "node:tls";
import { type Identity, systemClock } from "@gatehouse/core";
import { createMemoryLog, FakeDesk, sampleApproval } from "@gatehouse/testkit";
import t, { type Test } from "tap";
import { EventStreams } from "../src/event-streams.ts";
import { approvalSchema } from "../src/bodies.ts";
import { askAs, type Environment, environment } from "./environment.ts";

const path = "/v1/approvals/events";

const identity: Identity = {
  subject: "ann",
  kind: "human",
  groups: [],
  proof: { method: "oidc", provider: "corp", issuer: "https://id.example" },
  expiresAt: Date.now() + 60_000,
};
const caller = { identity, again: () => Promise.resolve(identity) };

/** A stream as a client reads it, event by event. */
class Reader {
  readonly #response: IncomingMessage;
  readonly #parts: AsyncIterator<unknown>;
  #text = "";

  constructor(response: IncomingMessage) {
    this.#response = response;
    this.#parts = response.setEncoding("utf8")[Symbol.asyncIterator]();
  }

  /** The fields of the next event, or `:` for a comment; undefined at the end. */
  async next(): Promise<Readonly<Record<string, string>> | ":" | undefined> {
    for (;;) {
      const end = this.#text.indexOf("\n\n");
      if (end !== -1) {
        const event = this.#text.slice(0, end);
        this.#text = this.#text.slice(end + 2);
        if (event === ":") return ":";
        const fields = event.split("\n").map((line) => line.split(/: (.*)/s));
        return Object.fromEntries(fields.map(([name = "", value = ""]) => [name, value]));
      }
      const part = await this.#parts.next();
      if (part.done === true) return undefined;
      this.#text += String(part.value);
    }
  }

  /** The next event that is no comment. */
  async event(): Promise<Readonly<Record<string, string>> | undefined> {
    for (;;) {
      const next = await this.next();
      if (next !== ":") return next;
    }
  }

  leave(): void {
    this.#response.destroy();
  }
}

async function watch(
  t: Test,
  env: Environment,
  name = "ann",
  headers: Readonly<Record<string, string>> = {},
): Promise<Reader> {
  const { host, port } = env.control.address;
  const authorization = `Bearer ${await env.provider.token(name)}`;
  const sent = request({
    host,
    port,
    path,
    ca: env.ca,
    agent: false,
    headers: { authorization, ...headers },
  });
  sent.on("error", () => undefined);
  t.teardown(() => sent.destroy());
  sent.end();
  const [response] = (await once(sent, "response")) as [IncomingMessage];
  t.equal(response.statusCode, 200);
  t.match(response.headers, { "content-type": /^text\/event-stream/, "cache-control": "no-store" });
  const reader = new Reader(response);
  t.equal(await reader.next(), ":", "it begins at once, so that a client knows that it is heard");
  return reader;
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await turn();
}

t.test("each change comes as an event, with the approval as the list has it", async (t) => {
  const env = await environment(t);
  const ann = await watch(t, env);
  env.desk.put(sampleApproval());
  env.desk.put(sampleApproval({ state: "denied" }), "denied");
  const requested = await ann.event();
  t.match(requested, { id: "1", event: "requested" });
  t.equal(approvalSchema.parse(JSON.parse(requested?.["data"] ?? "")).state, "pending");
  const denied = await ann.event();
  t.match(denied, { id: "2", event: "denied" });
  t.equal(approvalSchema.parse(JSON.parse(denied?.["data"] ?? "")).state, "denied");
});

t.test("a line break in a command can't make an event of its own", async (t) => {
  const env = await environment(t);
  const ann = await watch(t, env);
  const { command } = sampleApproval();
  const text = "SELECT 1\n\nid: 9\nevent: approved\ndata: {}\n\r\n\u2028\n";
  env.desk.put(sampleApproval({ command: { ...command, text } }));
  const event = await ann.event();
  t.match(event, { id: "1", event: "requested" });
  t.equal(approvalSchema.parse(JSON.parse(event?.["data"] ?? "")).command.text, text);
  env.desk.put(sampleApproval());
  t.match(await ann.event(), { id: "2", event: "requested" });
});

t.test("who comes again gets what came in between, once and in order", async (t) => {
  const env = await environment(t);
  for (let change = 1; change <= 4; change++) env.desk.put(sampleApproval());
  const ann = await watch(t, env, "ann", { "last-event-id": "2" });
  env.desk.put(sampleApproval());
  for (const id of ["3", "4", "5"]) t.match(await ann.event(), { id });
});

t.test("who comes too late is told first that something is lost", async (t) => {
  const env = await environment(t);
  for (let change = 1; change <= 120; change++) env.desk.put(sampleApproval());
  const ann = await watch(t, env, "ann", { "last-event-id": "3" });
  t.strictSame(await ann.event(), { event: "missed", data: "{}" });
  t.match(await ann.event(), { id: "21" });
});

t.test("a stream that is quiet shows that it lives", async (t) => {
  const env = await environment(t, { heartbeat: 10 });
  const ann = await watch(t, env);
  for (let beat = 0; beat < 5; beat++) t.equal(await ann.next(), ":");
  env.desk.put(sampleApproval());
  t.match(await ann.event(), { event: "requested" });
});

t.test("a client that leaves is forgotten", async (t) => {
  const env = await environment(t);
  const ann = await watch(t, env);
  t.equal(env.desk.watchers, 1);
  ann.leave();
  await until(() => env.desk.watchers === 0);
});

t.test("a client that does not read is cut off, and nobody waits for it", async (t) => {
  const env = await environment(t);
  const { host, port } = env.control.address;
  const socket = connectTls({ host, port, ca: env.ca });
  socket.on("error", () => undefined);
  t.teardown(() => socket.destroy());
  await once(socket, "secureConnect");
  const token = await env.provider.token("bob");
  socket.pause();
  socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n\r\n`);
  await until(() => env.desk.watchers === 1);
  const ann = await watch(t, env);
  const [hold] = sampleApproval().holds;
  const holds = [{ ...hold, message: "x".repeat(50_000) }] as const;
  for (let change = 1; env.desk.watchers === 2; change++) {
    env.desk.put(sampleApproval({ holds }));
    t.equal((await ann.event())?.["id"], String(change));
  }
  env.desk.put(sampleApproval(), "denied");
  t.match(await ann.event(), { event: "denied" });
});

t.test("a client that has stopped reading is cut off though nothing happens", async (t) => {
  const desk = new FakeDesk();
  const streams = new EventStreams({ desk, clock: systemClock, log: createMemoryLog(), heartbeat: 10 });
  const stuck = new Writable({ write: () => undefined });
  streams.serve(caller, undefined, stuck, () => undefined);
  t.equal(desk.watchers, 1);
  await once(stuck, "close");
  t.equal(desk.watchers, 0);
});

t.test("a client that has left while its token was looked at is not watched for", (t) => {
  const desk = new FakeDesk();
  const streams = new EventStreams({ desk, clock: systemClock, log: createMemoryLog(), heartbeat: 10 });
  const gone = new Writable().destroy();
  streams.serve(caller, undefined, gone, () => t.fail("nothing begins"));
  t.equal(desk.watchers, 0);
  t.end();
});

t.test("nobody has more than a few streams; the others' are their own", async (t) => {
  const env = await environment(t);
  const streams: Reader[] = [];
  for (let stream = 0; stream < 8; stream++) streams.push(await watch(t, env));
  t.match(await askAs(env, "ann", path), { status: 429, body: { error: { code: "REQUEST_LIMITED" } } });
  const bob = await watch(t, env, "bob");
  streams[0]?.leave();
  await until(() => env.desk.watchers === 8);
  const again = await watch(t, env);
  env.desk.put(sampleApproval());
  for (const stream of [bob, again]) t.match(await stream.event(), { id: "1" });
});

t.test("a stream ends with its token", async (t) => {
  const env = await environment(t, { tokenLifetime: 2_000 });
  const ann = await watch(t, env);
  t.equal(await ann.event(), undefined);
  await until(() => env.desk.watchers === 0);
});

t.test("a stream ends when its token is one no longer, whatever it says itself", async (t) => {
  const env = await environment(t, { heartbeat: 20 });
  const ann = await watch(t, env);
  env.revoke();
  t.equal(await ann.event(), undefined);
});

t.test("a control plane that closes does not wait for its streams", async (t) => {
  const env = await environment(t);
  const ann = await watch(t, env);
  await env.control.close();
  t.equal(await ann.event(), undefined);
});
