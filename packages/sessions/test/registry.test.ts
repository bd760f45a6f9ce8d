import { once } from "node:events";
import { setImmediate as turn } from "node:timers/promises";
import { endOf, type Refusal, type Session, type SessionLimits } from "@gatehouse/core";
import { createFakeClock, sampleSession } from "@gatehouse/testkit";
import t from "tap";
import { type RegisteredSession, SessionRegistry, TooManySessions } from "../src/index.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

const unlimited: SessionLimits = {
  until: "close",
  length: 24 * HOUR,
  idle: Number.POSITIVE_INFINITY,
  idleInTransaction: Number.POSITIVE_INFINITY,
  perIdentity: 100,
};

/** A registry whose time is the test's: nothing is swept unless the test does it, or waits for it. */
function registryWith(limits: Partial<SessionLimits> = {}) {
  const clock = createFakeClock();
  let inForce = { ...unlimited, ...limits };
  const registry = new SessionRegistry({ clock, limits: () => inForce });
  const session = { ...sampleSession, openedAt: clock.now() };
  return {
    registry,
    clock,
    session,
    change: (changed: Partial<SessionLimits>) => {
      inForce = { ...inForce, ...changed };
    },
    /** Moves the time on, and sweeps as often as the registry would at least. */
    pass: (milliseconds: number) => {
      registry.sweep();
      clock.advance(milliseconds);
      registry.sweep();
    },
  };
}

const { session } = registryWith();

function reasonOf({ ended }: RegisteredSession): Refusal | undefined {
  return ended.aborted ? (ended.reason as Refusal) : undefined;
}

const reason: Refusal = { kind: "busy", message: "The gateway is shutting down.", reference: "ref_1" };
/** Long enough that a test which waits for it fails. */
const NEVER = 3_600_000;

t.test("a session is counted from open to close, and closes once", async (t) => {
  const { registry } = registryWith();
  const first = registry.open(session);
  registry.open(session);
  t.equal(registry.size, 2);
  first.close();
  first.close();
  t.equal(registry.size, 1);
});

t.test("a session that is open is not ended, idle or busy, while nothing drains", async (t) => {
  const registered = registryWith().registry.open(session);
  registered.activity("idle");
  registered.activity("busy");
  t.notOk(registered.ended.aborted);
});

t.test("draining with nothing open is done at once", async (t) => {
  t.equal(await registryWith().registry.drain(reason, NEVER, NEVER), 0);
});

t.test(
  "draining ends idle sessions at once, with the reason, and waits until they have closed",
  async (t) => {
    const { registry } = registryWith();
    const idle = registry.open(session);
    idle.activity("idle");
    let drained = false;
    const draining = registry.drain(reason, NEVER, NEVER).then((left) => {
      drained = true;
      return left;
    });
    t.ok(idle.ended.aborted);
    t.equal(idle.ended.reason, reason);
    await turn();
    t.notOk(drained, "it was told, and has not closed");
    idle.close();
    t.equal(await draining, 0);
  },
);

t.test("draining leaves a busy session alone until it is idle", async (t) => {
  const { registry } = registryWith();
  const busy = registry.open(session);
  const draining = registry.drain(reason, NEVER, NEVER);
  await turn();
  t.notOk(busy.ended.aborted);
  busy.activity("busy");
  t.notOk(busy.ended.aborted);
  busy.activity("idle");
  t.ok(busy.ended.aborted);
  busy.close();
  t.equal(await draining, 0);
});

t.test("a session that was idle and is busy again counts as busy", async (t) => {
  const { registry } = registryWith();
  const busy = registry.open(session);
  busy.activity("idle");
  busy.activity("busy");
  const draining = registry.drain(reason, NEVER, NEVER);
  t.notOk(busy.ended.aborted);
  busy.close();
  t.equal(await draining, 0);
});

t.test("draining waits for an open transaction, too", async (t) => {
  const { registry } = registryWith();
  const waiting = registry.open(session);
  waiting.activity("waiting");
  const draining = registry.drain(reason, NEVER, NEVER);
  t.notOk(waiting.ended.aborted);
  waiting.activity("busy");
  waiting.activity("idle");
  t.equal(waiting.ended.reason, reason);
  waiting.close();
  t.equal(await draining, 0);
});

t.test("draining ends what is still busy at the deadline", async (t) => {
  const { registry } = registryWith();
  const busy = registry.open(session);
  const draining = registry.drain(reason, 1, NEVER);
  await once(busy.ended, "abort");
  t.equal(busy.ended.reason, reason);
  busy.close();
  t.equal(await draining, 0);
});

t.test("draining gives up on a session that does not close, and says how many there are", async (t) => {
  const { registry } = registryWith();
  registry.open(session);
  registry.open(session).close();
  t.equal(await registry.drain(reason, 1, 1), 1);
});

t.test("a session that is opened while draining is ended at once, and waited for", async (t) => {
  const { registry } = registryWith();
  const busy = registry.open(session);
  const draining = registry.drain(reason, NEVER, NEVER);
  const late = registry.open(session);
  t.ok(late.ended.aborted);
  t.equal(late.ended.reason, reason);
  busy.close();
  t.equal(registry.size, 1);
  late.close();
  t.equal(await draining, 0);
});

t.test("a session lasts as long as it may and no longer, whatever it does", async (t) => {
  for (const activity of ["busy", "waiting", "idle"] as const) {
    const { registry, session, pass } = registryWith({ length: 8 * HOUR });
    const registered = registry.open(session);
    registered.activity(activity);
    pass(8 * HOUR - 1);
    t.notOk(registered.ended.aborted, activity);
    pass(1);
    t.same(reasonOf(registered), {
      kind: "expired",
      message: "The session has lasted 8h, which is as long as a session may.",
      hint: "Connect again.",
      reference: session.id,
    });
    registered.close();
  }
});

t.test("a token that expires ends a session where the config says so, and not otherwise", async (t) => {
  for (const until of ["close", "expiry"] as const) {
    const { registry, session, clock, pass } = registryWith({ until });
    const identity = { ...session.identity, expiresAt: clock.now() + MINUTE };
    const registered = registry.open({ ...session, identity });
    pass(MINUTE - 1);
    t.notOk(registered.ended.aborted, until);
    pass(1);
    if (until === "close") t.notOk(registered.ended.aborted);
    else t.match(reasonOf(registered), { kind: "expired", message: /token .* has expired/ });
    pass(24 * HOUR);
    t.ok(registered.ended.aborted, "its length holds in any case");
    registered.close();
  }
});

t.test("a session that does nothing is ended by the limit for where it does it", async (t) => {
  for (const [activity, limits, expected] of [
    ["idle", { idle: HOUR }, { kind: "idle", message: "The session was idle for longer than 1h." }],
    [
      "waiting",
      { idleInTransaction: HOUR },
      {
        kind: "idle_in_transaction",
        message: "The session was idle in a transaction for longer than 1h.",
      },
    ],
    ["busy", { idle: HOUR, idleInTransaction: HOUR }, undefined],
    ["idle", { idleInTransaction: HOUR }, undefined],
    ["waiting", { idle: HOUR }, undefined],
  ] as const) {
    const { registry, session, pass } = registryWith(limits);
    const registered = registry.open(session);
    registered.activity(activity);
    pass(HOUR);
    t.notOk(registered.ended.aborted, `${activity} for an hour`);
    pass(1);
    t.match(reasonOf(registered), expected, `${activity} for longer`);
    registered.close();
  }
});

t.test("each command begins the idle time anew; saying the same again does not", async (t) => {
  const { registry, session, pass } = registryWith({ idle: HOUR });
  const registered = registry.open(session);
  registered.activity("idle");
  pass(HOUR);
  registered.activity("busy");
  registered.activity("idle");
  pass(HOUR);
  t.notOk(registered.ended.aborted, "it was busy between two looks");
  registered.activity("idle");
  pass(1);
  t.match(reasonOf(registered), { kind: "idle" });
  registered.close();
});

t.test("limits that change hold for the sessions that are open", async (t) => {
  const { registry, session, pass, change } = registryWith();
  const registered = registry.open(session);
  registered.activity("idle");
  pass(2 * HOUR);
  t.notOk(registered.ended.aborted);
  change({ idle: HOUR });
  registry.sweep();
  t.match(reasonOf(registered), { kind: "idle" });
  registered.close();
});

t.test("the first reason is the one that stays", async (t) => {
  const { registry, session, pass } = registryWith({ length: HOUR });
  const registered = registry.open(session);
  pass(HOUR);
  const draining = registry.drain(reason, 0, NEVER);
  t.match(reasonOf(registered), { kind: "expired" });
  registered.close();
  t.equal(await draining, 0);
});

t.test("the sweep runs by itself while a session is open", async (t) => {
  const { registry, session, clock } = registryWith({ idle: 40 });
  const registered = registry.open(session);
  registered.activity("idle");
  // The first sweep sees that it is idle, a later one for how long.
  const moving = setInterval(() => clock.advance(10), 1);
  t.teardown(() => clearInterval(moving));
  await once(registered.ended, "abort");
  t.match(reasonOf(registered), { kind: "idle" });
  registered.close();
});

t.test("an identity has as many sessions as it may; a close makes room for one", async (t) => {
  const { registry, session } = registryWith({ perIdentity: 2 });
  const first = registry.open(session);
  registry.open(session);
  t.throws(() => registry.open(session), new TooManySessions(2));
  t.equal(registry.size, 2);
  first.close();
  first.close();
  registry.open(session);
  t.throws(() => registry.open(session), new TooManySessions(2), "closing twice made room for one");
});

t.test("sessions are counted by subject and issuer together", async (t) => {
  const { registry, session } = registryWith({ perIdentity: 1 });
  const { identity } = session;
  const others: Session["identity"][] = [
    identity,
    { ...identity, subject: "dana" },
    { ...identity, proof: { ...identity.proof, issuer: "https://idp.example.org" } },
  ];
  for (const other of others) registry.open({ ...session, identity: other });
  for (const other of others) {
    t.throws(() => registry.open({ ...session, identity: other }), new TooManySessions(1));
  }
  t.equal(registry.size, 3);
});

t.test("the audit log has a word for each way in which the gateway ends a session", async (t) => {
  t.equal(endOf({ kind: "busy" }), "drained");
  t.equal(endOf({ kind: "expired" }), "expired");
  t.equal(endOf({ kind: "idle" }), "idle");
  t.equal(endOf({ kind: "idle_in_transaction" }), "idle");
  t.equal(endOf({ kind: "internal" }), "gateway_error");
});

t.test("a session ends with the grant that let it in, busy or not, and none without one does", async (t) => {
  const { registry, clock, session, pass } = registryWith();
  const granted = registry.open({ ...session, grant: { id: "grt_1", until: clock.now() + MINUTE } });
  const other = registry.open(session);
  pass(MINUTE - 1);
  t.equal(reasonOf(granted), undefined);
  pass(1);
  t.match(reasonOf(granted), { kind: "expired", message: /grant/, reference: session.id });
  t.equal(reasonOf(other), undefined);
});

t.test(
  "what was taken back ends its sessions at the next sweep, and one that opens just then at once",
  async (t) => {
    const clock = createFakeClock();
    const revoked = new Set<string>();
    const registry = new SessionRegistry({
      clock,
      limits: () => unlimited,
      revoked: ({ grant }) =>
        grant && revoked.has(grant.id) ? { kind: "revoked", message: "It was taken back." } : undefined,
    });
    const at = (id: string) => ({
      ...sampleSession,
      openedAt: clock.now(),
      grant: { id, until: clock.now() + HOUR },
    });
    const [one, other] = [registry.open(at("grt_1")), registry.open(at("grt_2"))];
    revoked.add("grt_1");
    registry.sweep();
    t.match(reasonOf(one), { kind: "revoked", reference: sampleSession.id });
    t.equal(reasonOf(other), undefined);
    t.match(reasonOf(registry.open(at("grt_1"))), { kind: "revoked" });
    t.equal(endOf({ kind: "revoked" }), "revoked");
  },
);
