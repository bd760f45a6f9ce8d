import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { inspect } from "node:util";
import { createAuthority } from "@gatehouse/certs";
import {
  type AuditEvent,
  GatehouseError,
  type LeaseRequest,
  type Level,
  Secret,
  type VaultSettings,
} from "@gatehouse/core";
import {
  createFakeClock,
  createMemoryLog,
  type RunningVaultServer,
  sampleSession,
  startVaultServer,
  type VaultServerOptions,
} from "@gatehouse/testkit";
import t, { type Test } from "tap";
import { createSecrets, IssuedLeases, type LeaseRecord, Leases, type LeaseStore } from "../../src/index.ts";

const SECOND = 1000;
const HOUR = 3600 * SECOND;
const REVOKE = /sys\/leases\/revoke/;
const RENEW = /sys\/leases\/renew/;
const CREDS = /database\/creds/;

const authority = await createAuthority({ name: "Test CA", now: Date.now() });
const pair = await authority.issue({
  use: "server",
  commonName: "vault",
  names: ["127.0.0.1"],
  now: Date.now(),
});

const level: Level = { name: "reader", credential: { vault: "database/creds/reader" }, settings: {} };

function requestOf(session: string): LeaseRequest {
  return { session, target: sampleSession.target, level, identity: sampleSession.identity };
}

/** What is kept between runs. */
class Kept {
  readonly rows = new Map<string, LeaseRecord>();
  readonly #runs: string[] = [];
  /** Writes that go well before the others fail. */
  room = Number.POSITIVE_INFINITY;

  /** As one run has it. A run that was killed writes no more. */
  open(run: { readonly killed: boolean }): LeaseStore {
    const usable = () => {
      if (run.killed || this.room-- <= 0) throw new GatehouseError("STORE_FAILED", "The store has no room.");
    };
    return {
      begin: (epoch) => [...this.#runs.splice(0, this.#runs.length, ...this.#runs, epoch)],
      write: ({ save = [], forget = [] }) => {
        usable();
        for (const record of save) this.rows.set(record.id, record);
        for (const { id } of forget) this.rows.delete(id);
      },
      all: () => [...this.rows.values()],
      close: () => undefined,
    };
  }
}

async function site(t: Test, options: Partial<VaultServerOptions> = {}) {
  const tls = { cert: pair.certificatePem, key: pair.key.reveal() };
  const server = await startVaultServer({ tls, roles: { reader: { lasts: 3600 } }, ...options });
  t.teardown(() => server.stop());
  const ca = join(t.testdir(), "ca.crt");
  writeFileSync(ca, authority.certificatePem);
  const kept = new Kept();
  const clock = createFakeClock();
  const log = createMemoryLog();
  const events: AuditEvent[] = [];
  const set: { vault: VaultSettings | undefined } = {
    vault: { address: server.address, ca, token: { from: "literal", secret: new Secret(server.token) } },
  };
  const secrets = createSecrets({ vault: () => set.vault, deadline: 1000 });
  let runs = 0;

  /** Another run of the gateway. */
  function run() {
    const state = { killed: false };
    const audit = { append: (event: AuditEvent) => Promise.resolve(void events.push(event)) };
    const common = { audit, clock, log, epoch: `epoch${++runs}`, random: () => 0 };
    const leases = new Leases({
      ...common,
      store: kept.open(state),
      randomBytes: (size) => new Uint8Array(size),
      perIdentity: () => 100,
      configured: () => Promise.reject(new Error("not asked for")),
      engine: (parts) => new IssuedLeases({ ...common, ...parts, engine: secrets.vault }),
      provisioner: () => undefined,
    });
    leases.start([]);
    t.teardown(() => leases.close(0));
    return Object.assign(leases, {
      kill: () => {
        state.killed = true;
      },
    });
  }
  return { server, kept, clock, log, events, set, run };
}

function asked(server: RunningVaultServer, path: RegExp): number {
  return server.requests.filter((request) => path.test(request.path)).length;
}

t.test("a session has a credential of its own, which is taken back when it ends", async (t) => {
  const { server, kept, events, run } = await site(t);
  const leases = run();
  const [one, two] = await Promise.all([
    leases.acquire(requestOf("ses_1")),
    leases.acquire(requestOf("ses_2")),
  ]);
  t.not(one.user, two.user);
  const known = server.leases.find(({ user }) => user === one.user);
  t.equal(one.password?.reveal(), known?.password);
  const { password } = one;
  await one.release();
  await one.release();
  t.throws(() => one.password, { code: "SECRET_UNAVAILABLE" });
  t.throws(() => password?.reveal(), { code: "SECRET_UNAVAILABLE" }, "what was given out is wiped");
  await leases.sweep();
  t.same(
    server.leases.map(({ user }) => user),
    [two.user],
  );
  t.match(events, [
    {
      ...{ type: "lease.revoked", target: "orders", user: one.user },
      ...{ why: "released", session: "ses_1", subject: "crew-analyst" },
    },
  ]);
  t.equal(asked(server, REVOKE), 1);
  t.same(
    [...kept.rows.values()].map(({ state, session }) => [state, session]),
    [["leased", "ses_2"]],
  );
});

t.test("neither the store nor anything printed has the password", async (t) => {
  const { server, kept, log, events, run } = await site(t);
  const leases = run();
  const lease = await leases.acquire(requestOf("ses_1"));
  const password = server.leases[0]?.password ?? "";
  t.ok(password.length > 10);
  for (const holder of [lease, leases, kept, log.entries, events]) {
    t.notOk(inspect(holder, { showHidden: true, getters: true, depth: 20 }).includes(password));
    if (holder !== leases) t.notOk(JSON.stringify(holder).includes(password));
  }
});

t.test("a lease is renewed at half of its time, as long as a session has it", async (t) => {
  const { server, clock, run } = await site(t);
  const leases = run();
  const lease = await leases.acquire(requestOf("ses_1"));
  const renewals = () => server.leases[0]?.renewals;
  clock.advance(HOUR / 2 - 1);
  await leases.sweep();
  t.equal(renewals(), 0);
  clock.advance(1);
  await leases.sweep();
  t.equal(renewals(), 1);
  server.fault({ status: 503 }, RENEW);
  clock.advance(HOUR / 2);
  await leases.sweep();
  t.equal(renewals(), 1);
  server.fault(undefined);
  clock.advance(10 * SECOND);
  await leases.sweep();
  t.equal(renewals(), 2, "what has failed is tried again soon");
  await lease.release();
  await leases.sweep();
  clock.advance(HOUR);
  await leases.sweep();
  t.equal(asked(server, RENEW), 3);
});

t.test("one that the engine has ended is renewed no more, and told", async (t) => {
  const { server, clock, log, run } = await site(t);
  const leases = run();
  const lease = await leases.acquire(requestOf("ses_1"));
  server.expire(server.leases[0]?.id ?? "");
  for (let i = 0; i < 3; i++) {
    clock.advance(HOUR);
    await leases.sweep();
  }
  t.equal(asked(server, RENEW), 1);
  t.match(
    log.entries.filter((entry) => entry.level === "error"),
    [{ fields: { session: "ses_1", target: "orders" }, message: /it has ended/ }],
  );
  await lease.release();
  await leases.sweep();
  t.equal(asked(server, REVOKE), 1);
});

t.test("what can't be taken back is tried again without an end, and later each time", async (t) => {
  const { server, clock, log, events, kept, run } = await site(t);
  const leases = run();
  const lease = await leases.acquire(requestOf("ses_1"));
  for (const fault of [{ status: 503 }, { status: 403 }, { status: 500 }, "garbage"] as const) {
    server.fault(fault, REVOKE);
    await lease.release();
    await leases.sweep();
    clock.advance(20 * SECOND);
  }
  await server.stop();
  await leases.sweep();
  t.equal(asked(server, REVOKE), 4);
  await server.start();
  await leases.sweep();
  t.equal(asked(server, REVOKE), 4, "not before its time");
  server.fault(undefined);
  t.same(events, []);
  t.match([...kept.rows.values()], [{ state: "revoking", why: "released" }]);
  t.equal(log.entries.filter(({ message }) => /were not taken back/.test(message)).length, 1);
  clock.advance(20 * SECOND);
  await leases.sweep();
  t.same(server.leases, []);
  t.match(events, [{ type: "lease.revoked" }]);
  t.equal(kept.rows.size, 0);
});

t.test("one that can't be taken back holds up no other", async (t) => {
  const users: string[] = [];
  const { server, clock, run } = await site(t, {
    roles: {
      reader: {
        lasts: 3600,
        create: (user) => Promise.resolve(void users.push(user)),
        revoke: (user) =>
          user === users[3] ? Promise.reject(new Error("it owns a table")) : Promise.resolve(),
      },
    },
  });
  const leases = run();
  const sessions = Array.from({ length: 20 }, (_, index) => leases.acquire(requestOf(`ses_${index}`)));
  for (const lease of await Promise.all(sessions)) await lease.release();
  for (let i = 0; i < 12; i++) {
    await leases.sweep();
    clock.advance(20 * SECOND);
  }
  t.same(
    server.leases.map(({ user }) => user),
    [users[3]],
  );
});

t.test("what a killed gateway has left is taken back by its next run", async (t) => {
  const { server, kept, events, run } = await site(t);
  const first = run();
  await first.acquire(requestOf("ses_1"));
  const released = await first.acquire(requestOf("ses_2"));
  server.fault({ status: 503 }, REVOKE);
  await released.release();
  await first.sweep();
  first.kill();
  server.fault(undefined);
  const ids = server.leases.map(({ id }) => id);
  t.equal(ids.length, 2);
  const second = run();
  const living = await second.acquire(requestOf("ses_3"));
  await second.sweep();
  t.same(
    server.leases.map(({ user }) => user),
    [living.user],
  );
  t.same(
    new Set(events.map((event) => "why" in event && `${event.session} ${event.why}`)),
    new Set(["ses_1 gone", "ses_2 released"]),
  );
  t.match([...kept.rows.values()], [{ session: "ses_3", state: "leased" }]);
});

t.test("of what was asked for as the gateway ended, the operator is told", async (t) => {
  const { server, kept, log, run } = await site(t);
  const first = run();
  server.fault("silent", CREDS);
  const acquiring = first.acquire(requestOf("ses_1"));
  first.kill();
  await t.rejects(acquiring, { code: "VAULT_FAILED" });
  t.match([...kept.rows.values()], [{ state: "intended", session: "ses_1" }]);
  run();
  t.match(log.entries.at(-1), { level: "warn", fields: { sessions: ["ses_1"] } });
  t.equal(kept.rows.size, 0);
  t.same(server.leases, []);
});

t.test(
  "an answer that is lost on the way is a failure; what was revoked all the same is not missed",
  async (t) => {
    const { server, clock, kept, events, run } = await site(t);
    const leases = run();
    server.faultAfter("garbage", CREDS);
    await t.rejects(leases.acquire(requestOf("ses_1")), { code: "VAULT_FAILED" });
    t.equal(server.leases.length, 1, "nobody but the engine knows of it, which ends it in time");
    t.equal(kept.rows.size, 0);
    server.expire(server.leases[0]?.id ?? "");
    server.faultAfter(undefined);
    const lease = await leases.acquire(requestOf("ses_2"));
    server.faultAfter({ status: 503 }, REVOKE);
    await lease.release();
    await leases.sweep();
    t.same([server.leases, events], [[], []]);
    server.faultAfter(undefined);
    clock.advance(20 * SECOND);
    await leases.sweep();
    t.match(events, [{ type: "lease.revoked", session: "ses_2" }]);
    t.equal(kept.rows.size, 0);
  },
);

t.test("nothing is issued where the store has no room for it", async (t) => {
  const { server, kept, clock, run } = await site(t);
  const leases = run();
  kept.room = 0;
  await t.rejects(leases.acquire(requestOf("ses_1")), { code: "STORE_FAILED" });
  t.equal(asked(server, CREDS), 0);
  kept.room = 2;
  await t.rejects(leases.acquire(requestOf("ses_2")), { code: "STORE_FAILED" });
  kept.room = Number.POSITIVE_INFINITY;
  clock.advance(SECOND);
  await leases.sweep();
  t.equal(asked(server, CREDS), 1);
  t.same(server.leases, [], "what the store does not know of does not stay");
  t.equal(kept.rows.size, 0);
});

t.test("a log-in is refused where the engine gives nothing", async (t) => {
  const { server, set, kept, run } = await site(t);
  const leases = run();
  for (const fault of [{ status: 403 }, { status: 503 }, "garbage"] as const) {
    server.fault(fault, CREDS);
    await t.rejects(leases.acquire(requestOf("ses_1")), { code: "VAULT_FAILED" });
  }
  set.vault = undefined;
  await t.rejects(leases.acquire(requestOf("ses_1")), { code: "VAULT_FAILED", message: /no secrets engine/ });
  t.equal(kept.rows.size, 0);
});

t.test("a lease is not taken for gone because another engine does not know it", async (t) => {
  const { server, set, clock, events, kept, run } = await site(t);
  const other = await site(t);
  const leases = run();
  const before = set.vault;
  const lease = await leases.acquire(requestOf("ses_1"));
  set.vault = other.set.vault;
  await lease.release();
  await leases.sweep();
  t.equal(asked(other.server, REVOKE), 0);
  t.same(events, []);
  t.equal(kept.rows.size, 1);
  set.vault = before;
  clock.advance(20 * SECOND);
  await leases.sweep();
  t.same(server.leases, []);
  t.equal(kept.rows.size, 0);
});

t.test("the gateway's own token is renewed at half of its time", async (t) => {
  const { server, clock, run } = await site(t);
  server.tokenLasts = 600;
  const leases = run();
  await leases.sweep();
  const renewals = () => asked(server, /renew-self/);
  t.equal(renewals(), 1);
  clock.advance(300 * SECOND - 1);
  await leases.sweep();
  t.equal(renewals(), 1);
  clock.advance(1);
  await leases.sweep();
  t.equal(renewals(), 2);
});

t.test("a gateway that ends takes back what it can, within its grace", async (t) => {
  const { server, log, kept, run } = await site(t);
  const leases = run();
  const [one, two] = [await leases.acquire(requestOf("ses_1")), await leases.acquire(requestOf("ses_2"))];
  await one.release();
  await two.release();
  await leases.close(10 * SECOND);
  t.same(server.leases, []);
  t.equal(kept.rows.size, 0);
  await t.rejects(leases.acquire(requestOf("ses_3")), { code: "VAULT_FAILED", message: /is ending/ });

  const next = run();
  const lease = await next.acquire(requestOf("ses_4"));
  server.fault({ status: 503 }, REVOKE);
  await lease.release();
  await next.close(1);
  t.match([...kept.rows.values()], [{ state: "revoking", session: "ses_4" }]);
  t.match(log.entries.at(-1), { fields: { leases: 1 }, message: /left for the next run/ });
});
