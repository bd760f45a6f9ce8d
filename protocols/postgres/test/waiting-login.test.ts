import { once } from "node:events";
import type { LoginRequest, Refusal } from "@gatehouse/core";
import { serialize } from "pg-protocol";
import t from "tap";
import { decodeErrorResponse } from "../src/codec/error-response.ts";
import { encodePasswordMessage } from "../src/codec/password-message.ts";
import { eventually } from "./support/eventually.ts";
import { PASSWORD, startFrontWithServer } from "./support/front.ts";
import { letter, RawClient, rawSocket, securedSocket, startupMessage } from "./support/raw-client.ts";

/* Log-ins that wait for people. */

const notice = { message: "Getting in waits.", detail: "Approval apr_1.", hint: "gatehouse approve apr_1" };
const denied = { kind: "policy", message: 'Denied by dana: "no"', hint: "Ask dana." } as const;

/** A log-in that waits, and its end. */
interface Waiting {
  readonly request: LoginRequest;
  end(refusal?: Omit<Refusal, "reference">): void;
}

const waiting: Waiting[] = [];
/** As short as a start-up may take: what waits for people takes longer. */
const STARTUP = 2_000;
const { front, server, admin } = await startFrontWithServer({
  limits: { startup: STARTUP },
  enter: (request) => {
    const { promise, resolve } = Promise.withResolvers<Omit<Refusal, "reference"> | undefined>();
    request.waits?.(notice);
    request.gone?.addEventListener("abort", () => resolve({ kind: "canceled", message: "It left." }));
    waiting.push({ request, end: resolve });
    return promise;
  },
});
t.teardown(async () => {
  await admin.end();
  await front.close();
  await server.stop();
});

/** The next log-in that waits. */
async function nextWaiting(): Promise<Waiting> {
  await eventually(() => waiting.length > 0);
  const [first] = waiting.splice(0, 1);
  if (!first) throw new Error("nobody waits");
  return first;
}

/** A client that has sent its password, and was told that it waits. */
async function rawWaiting(parameters: Readonly<Record<string, string>> = {}) {
  const client = new RawClient(await securedSocket(front.port, front.ca));
  client.send(startupMessage({ user: "reader", database: "orders", ...parameters }));
  await client.until("R");
  client.send(encodePasswordMessage(PASSWORD));
  const told = await client.until("N");
  return { client, told, login: await nextWaiting() };
}

t.test("node-postgres has the notice as an event, and connects", async (t) => {
  const client = front.pg();
  const notices: (string | undefined)[] = [];
  client.on("notice", ({ message }) => notices.push(message));
  const connecting = client.connect();
  const login = await nextWaiting();
  await eventually(() => notices.length > 0);
  t.same(notices, [notice.message]);
  login.end();
  await connecting;
  t.match((await client.query("select 1 as one")).rows, [{ one: 1 }]);
  await client.end();
});

t.test("a no is the log-in's error, with its reference", async (t) => {
  const client = front.pg();
  const connecting = client.connect();
  (await nextWaiting()).end(denied);
  await t.rejects(connecting, {
    code: "42501",
    severity: "FATAL",
    message: denied.message,
    hint: denied.hint,
    detail: /^Reference: ref_/,
  });
});

t.test(
  "a log-in that waits is told that its password was right once, and has no cancel key before it is in",
  async (t) => {
    const { client, told, login } = await rawWaiting({ "gatehouse.reason": "INC-1234" });
    t.equal(told.map(letter).join(""), "RN");
    t.equal(decodeErrorResponse(told[1]?.body ?? Buffer.alloc(0)).get("M"), notice.message);
    t.equal(login.request.reason, "INC-1234");
    login.end();
    t.match(await client.shape(), /^S+KZI$/);
    client.socket.destroy();
  },
);

t.test("the wait may be longer than a start-up", async (t) => {
  const { client, login } = await rawWaiting();
  const silent = await rawSocket(front.port);
  await once(silent.resume(), "close");
  t.equal(login.request.gone?.aborted, false, "one that says nothing was cut off meanwhile");
  login.end();
  t.match(await client.shape(), /KZI$/);
  client.socket.destroy();
});

t.test("a client that leaves while it waits is noticed, whichever way it leaves", async (t) => {
  for (const way of ["end", "destroy"] as const) {
    const { client, login } = await rawWaiting();
    const open = front.gate.open;
    client.socket[way]();
    await eventually(() => login.request.gone?.aborted === true);
    t.equal(front.gate.open, open, way);
  }
});

t.test("what is sent while it waits is kept, up to a bound, and comes after the log-in", async (t) => {
  const { client, login } = await rawWaiting();
  client.send(serialize.query("select 'early'"));
  const other = await rawWaiting();
  login.end();
  t.match(await client.shape(), /KZI$/);
  t.equal(await client.shape(), "TDCZI");
  client.socket.destroy();
  other.client.socket.on("error", () => undefined);
  other.client.send(Buffer.alloc(64 * 1024, "x"));
  await eventually(() => other.login.request.gone?.aborted === true);
  await other.client.toEnd();
  t.ok(other.client.socket.destroyed || other.client.socket.readableEnded);
});

t.test("a log-in that waits does not keep a listener from closing", async (t) => {
  const own = await startFrontWithServer({
    enter: ({ waits, gone }) => {
      waits?.(notice);
      const { promise, resolve } = Promise.withResolvers<Omit<Refusal, "reference">>();
      gone?.addEventListener("abort", () => resolve({ kind: "canceled", message: "It left." }));
      return promise;
    },
  });
  const client = own.front.pg();
  client.on("error", () => undefined);
  const connecting = client.connect();
  await once(client, "notice");
  await Promise.all([t.rejects(connecting), own.front.close()]);
  await own.admin.end();
  await own.server.stop();
});
