import {
  type Gate,
  type LoginRequest,
  type LoginResult,
  type OpenSession,
  Secret,
  type Target,
} from "@gatehouse/core";
import { issuePermit } from "@gatehouse/core/permit";
import { createFakeGate, type FakeGate } from "@gatehouse/testkit";
import t from "tap";
import { ClientSessions } from "../src/client-sessions.ts";
import { readTarget } from "../src/path.ts";
import { readPlace } from "../src/place.ts";

/*
 * Requests of one connection, many of them at once: which of them share a session, and when that closes.
 */

const LEVELS = Array.from({ length: 20 }, (_, number) => `level-${number}`);

interface Rig {
  readonly gate: FakeGate;
  readonly sessions: ClientSessions;
  /** What was told of what the sessions do. */
  readonly told: readonly string[];
  now: number;
  ended: number;
  use(level: string, token?: string): Promise<LoginResult>;
}

function rig(enter?: (request: LoginRequest) => Promise<undefined>): Rig {
  const credential = { user: "default" };
  const target: Target = {
    name: "api",
    protocol: "http",
    addresses: [{ host: "127.0.0.1", port: 1 }],
    tls: { mode: "off" },
    levels: new Map(LEVELS.map((name) => [name, { name, credential, settings: {} }])),
    credential,
    tags: new Map(),
    connectTimeout: 5000,
    settings: {},
  };
  const gate = createFakeGate({
    issuePermit,
    target,
    lease: { user: "default", password: new Secret("secret") },
    credential: "token",
    ...(enter ? { enter } : {}),
  });
  const told: string[] = [];
  const watched: Gate = {
    ...gate,
    async login(request) {
      const result = await gate.login(request);
      if (!result.ok) return result;
      const { session } = result;
      const identity = { ...session.session.identity, expiresAt: 1000 };
      const watching: OpenSession = {
        ...session,
        session: { ...session.session, identity },
        activity: (activity) => told.push(activity),
      };
      return { ok: true, session: watching };
    },
  };
  const made: Rig = {
    gate,
    told,
    now: 0,
    ended: 0,
    sessions: new ClientSessions({
      gate: watched,
      client: { host: "127.0.0.1", port: 2 },
      clock: { now: () => made.now },
      gone: new AbortController().signal,
      ended: () => {
        made.ended++;
      },
    }),
    use: (level, token = "token") => {
      const place = readPlace(readTarget(`/${level}@api/`), "x", new Map());
      if (place === undefined) throw new Error("It is a place.");
      return made.sessions.of(place, token, "");
    },
  };
  return made;
}

async function used(result: Promise<LoginResult>): Promise<OpenSession> {
  const found = await result;
  if (!found.ok) throw new Error(found.refusal.message);
  return found.session;
}

const count = ({ gate }: Rig, wanted: string) => gate.events.filter(({ type }) => type === wanted).length;

t.test("requests that come at once share one log-in, and are answered by it all", async (t) => {
  const enough = Promise.withResolvers<undefined>();
  const all = rig(() => enough.promise);
  const asking = [all.use("level-0"), all.use("level-0"), all.use("level-0")].map(used);
  enough.resolve(undefined);
  const [first, ...others] = await Promise.all(asking);
  t.equal(count(all, "login"), 1);
  for (const other of others) t.equal(other, first);
});

t.test("it is busy from the first request to the end of the last", async (t) => {
  const all = rig();
  const [first, second] = await Promise.all([used(all.use("level-0")), used(all.use("level-0"))]);
  t.equal(all.told.at(-1), "busy");
  all.sessions.done(first);
  t.equal(all.told.at(-1), "busy");
  all.sessions.done(second);
  t.equal(all.told.at(-1), "idle");
  all.sessions.done(await used(all.use("level-0")));
  t.equal(all.told.at(-1), "idle");
  t.equal(count(all, "login"), 1);
});

t.test("a refused log-in is for those who waited for it, and is tried again by the next", async (t) => {
  const all = rig();
  const refused = await Promise.all([all.use("level-0", "other"), all.use("level-0", "other")]);
  t.ok(refused.every(({ ok }) => !ok));
  t.equal(count(all, "login"), 1);
  t.notOk((await all.use("level-0", "other")).ok);
  t.equal(count(all, "login"), 2);
});

t.test("what is idle makes room, the one that was used first; what is in use does not", async (t) => {
  const all = rig();
  const busy = await Promise.all(LEVELS.slice(0, 18).map((level) => used(all.use(level))));
  t.equal(all.gate.open, 18);
  const [first, second, third, ...others] = busy;
  if (!first || !second || !third) throw new Error("There are so many.");
  for (const session of others) all.sessions.done(session);
  // Of those that are idle, as many go as are too many.
  t.equal(all.gate.open, 16);
  t.equal(await used(all.use("level-0")), first);
  t.equal(count(all, "login"), 18);
  for (const session of [first, first, second, third]) all.sessions.done(session);
  t.equal(all.gate.open, 16);
  await used(all.use("level-19"));
  t.equal(all.gate.open, 16);
});

t.test("with a token that has expired, what is under way goes on, and the next logs in", async (t) => {
  const all = rig();
  const first = await used(all.use("level-0"));
  all.now = 1000;
  const second = await used(all.use("level-0"));
  t.not(second, first);
  t.equal(count(all, "closed"), 0);
  all.sessions.done(first);
  t.match(all.gate.events.at(-1), { type: "closed", end: "expired" });
  t.equal(all.gate.open, 1);
});

t.test("one that the gateway ends is closed at once, and not found again", async (t) => {
  const all = rig();
  const first = await used(all.use("level-0"));
  all.gate.endAll({ kind: "revoked", message: "It was revoked." });
  t.equal(all.ended, 1);
  t.match(all.gate.events.at(-1), { type: "closed", end: "revoked" });
  all.sessions.done(first);
  t.not(await used(all.use("level-0")), first);
});

t.test("a log-in that comes about behind the connection's end is closed with it", async (t) => {
  const enough = Promise.withResolvers<undefined>();
  const all = rig(() => enough.promise);
  const late = all.use("level-0");
  await all.sessions.close("client_closed");
  enough.resolve(undefined);
  await late;
  t.equal(all.gate.open, 0);
});
