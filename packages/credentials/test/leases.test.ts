import { inspect } from "node:util";
import { GatehouseError, type Lease, type Target } from "@gatehouse/core";
import t from "tap";
import type { LeaseRecord } from "../src/index.ts";
import {
  administrator,
  away,
  createGate,
  createWorld,
  getsIn,
  MINUTE,
  minted,
  requestOf,
  SECOND,
  settle,
  startGateway,
  targetWith,
} from "./support.ts";

const plain = targetWith([minted()]);
const pooled = targetWith([minted({ ready: 2 })]);
const shared = targetWith([minted({ share: "identity" })]);

t.test("a session's user is there when its lease is, and gone after it", async (t) => {
  const world = createWorld();
  const { leases, epoch, events } = startGateway(world, [plain]);
  const lease = await leases.acquire(requestOf("ses_ABC", plain));
  t.equal(lease.user, `gh_${epoch}_abc`);
  t.ok(getsIn(world, lease));
  t.same(world.store.states, [`leased ${lease.user}`]);
  await lease.release();
  t.same(world.store.states, [`revoking ${lease.user}`], "on record before anything else");
  await leases.sweep();
  t.equal(world.database.users.size, 0);
  t.same(world.store.states, []);
  t.same(events, [
    {
      ...{ type: "lease.revoked", target: "orders", user: lease.user, why: "released" },
      ...{ session: "ses_ABC", subject: "crew-analyst" },
    },
  ]);
  await leases.close(0);
});

t.test("a released lease gives no password, and is released once", async (t) => {
  const { leases, provisioner } = startGateway(createWorld(), [plain]);
  const lease = await leases.acquire(requestOf("ses_1", plain));
  const shown = inspect(lease, { showHidden: true, getters: true, depth: 5 }) + JSON.stringify(lease);
  t.notMatch(shown, lease.password?.reveal() ?? "?");
  await lease.release();
  await lease.release();
  await leases.sweep();
  t.throws(() => lease.password, { code: "SECRET_UNAVAILABLE" });
  t.equal(provisioner.calls.filter(({ method }) => method === "remove").length, 1);
  await leases.close(0);
});

t.test("a level with a credential of the config is leased that, and so is the target's own", async (t) => {
  const target = targetWith([{ ...minted(), credential: { user: "orders_reader" } }]);
  const { leases, provisioner } = startGateway(createWorld(), [target]);
  t.equal((await leases.acquire(requestOf("ses_1", target))).user, "orders_reader");
  t.equal((await leases.acquireOwn(target)).user, administrator.user);
  t.same(provisioner.calls, []);
  await leases.close(0);
});

t.test("an engine's level is the engine's, with what it has left before", async (t) => {
  const target = targetWith([{ ...minted(), credential: { vault: "database/creds/reader" } }]);
  const world = createWorld();
  const told: unknown[] = [];
  const record: LeaseRecord = {
    kind: "issued",
    target: "orders",
    id: "lease/1",
    level: "reader",
    epoch: "00000000",
    state: "leased",
    addresses: [],
  };
  world.store.rows.set("left", record);
  const lease: Lease = { user: "v-1", password: undefined, release: () => Promise.resolve() };
  const { leases } = startGateway(world, [target], {
    engine: () => ({
      recover: (left) => void told.push(...left),
      acquire: ({ session }, path) => {
        told.push([session, path]);
        return Promise.resolve(lease);
      },
      trouble: undefined,
      sweep: () => Promise.resolve(),
      close: () => Promise.resolve(),
    }),
  });
  t.equal((await leases.acquire(requestOf("ses_1", target))).user, "v-1");
  t.same(told, [record, ["ses_1", "database/creds/reader"]]);
  await leases.close(0);
  const without = startGateway(createWorld(), [target]);
  await t.rejects(without.leases.acquire(requestOf("ses_1", target)), { code: "VAULT_FAILED" });
  await without.leases.close(0);
});

t.test("users are made ready ahead, can't log in, and one becomes the session's", async (t) => {
  const world = createWorld();
  const { leases, provisioner, epoch, revoked } = startGateway(world, [pooled]);
  await leases.sweep();
  t.same(leases.figures, { ready: 2, living: 0, backlog: 0 });
  t.same(world.database.open, []);
  const lease = await leases.acquire(requestOf("ses_1", pooled));
  t.equal(lease.user, `gh_${epoch}_1`);
  t.ok(getsIn(world, lease));
  await leases.sweep();
  t.same(leases.figures, { ready: 2, living: 1, backlog: 0 }, "another is made for it");
  t.notOk(provisioner.calls.some(({ method }) => method === "mint"));
  t.equal(world.store.rows.size, 3);
  await lease.release();
  await leases.close(1000);
  t.equal(world.database.users.size, 0, "and at the end they are all given back");
  t.same(
    revoked()
      .sort()
      .map((line) => line.split(" ").at(-1)),
    ["unused", "unused", "released"].sort(),
  );
  t.equal(world.store.rows.size, 0);
});

t.test("where the pool is empty the session does not wait for it", async (t) => {
  const world = createWorld();
  const gate = createGate();
  gate.shut();
  const { leases } = startGateway(world, [pooled], {
    before: ({ method }) => (method === "prepare" ? gate.passed() : undefined),
  });
  const lease = await leases.acquire(requestOf("ses_1", pooled));
  t.ok(getsIn(world, lease));
  gate.open();
  await leases.sweep();
  t.equal(leases.figures.ready, 2);
  await leases.close(1000);
});

t.test("a ready user that somebody has removed is given back, and one is made at once", async (t) => {
  const world = createWorld();
  const { leases, provisioner, epoch } = startGateway(world, [pooled]);
  await leases.sweep();
  for (const name of world.database.users.keys()) world.database.users.delete(name);
  const lease = await leases.acquire(requestOf("ses_1", pooled));
  t.equal(
    lease.user,
    `gh_${epoch}_1_2`,
    "by another name: what may be left of the first is removed by its own",
  );
  await leases.sweep();
  t.ok(getsIn(world, lease));
  t.same(
    provisioner.calls.flatMap(({ method, names }) => (method === "mint" ? names : [])),
    [`gh_${epoch}_1_2`],
  );
  await leases.close(1000);
});

t.test("an activation whose answer is lost leaves nobody who can log in but the session", async (t) => {
  const world = createWorld();
  let lost = true;
  const { leases } = startGateway(world, [pooled], {
    after: ({ method }) => {
      if (method === "activate" && lost) throw new GatehouseError("MINT_FAILED", "The connection was lost.");
    },
  });
  await leases.sweep();
  const lease = await leases.acquire(requestOf("ses_1", pooled));
  lost = false;
  await leases.sweep();
  t.same(world.database.open, [lease.user]);
  t.ok(getsIn(world, lease));
  await leases.close(1000);
});

t.test(
  "where the target is away a log-in is refused at once, and what may be there is taken back",
  async (t) => {
    const world = createWorld();
    let reachable = false;
    const { leases, messages, pass } = startGateway(world, [plain], {
      before: ({ method }) => {
        if (!reachable && method !== "mint") throw away;
      },
      after: () => {
        if (!reachable) throw away;
      },
    });
    await t.rejects(leases.acquire(requestOf("ses_1", plain)), { code: "TARGET_UNREACHABLE" });
    t.equal(world.database.open.length, 1, "it was made all the same");
    for (let times = 0; times < 5; times++) await pass(20 * SECOND);
    t.match(leases.status(plain), { ok: false, reason: /orders could not be reached/ });
    t.equal(messages().filter((message) => /not taken back/.test(message)).length, 1, "logged once");
    reachable = true;
    await pass(20 * SECOND);
    t.equal(world.database.users.size, 0);
    t.same(leases.status(plain), { ok: true });
    await leases.close(0);
  },
);

t.test("no user is made that is not on record", async (t) => {
  for (const target of [plain, pooled]) {
    const world = createWorld();
    const { leases, provisioner } = startGateway(world, [target]);
    await leases.sweep();
    const calls = provisioner.calls.length;
    const { ready } = leases.figures;
    world.store.failing = true;
    await t.rejects(leases.acquire(requestOf("ses_1", target)), { code: "STORE_FAILED" });
    t.equal(provisioner.calls.length, calls, "nothing was asked of the target");
    t.equal(leases.figures.ready, ready, "what was ready is ready still");
    world.store.failing = false;
    const lease = await leases.acquire(requestOf("ses_1", target));
    t.ok(getsIn(world, lease));
    await leases.close(1000);
  }
});

t.test("a user is taken back though that can't be put on record", async (t) => {
  const world = createWorld();
  const { leases, auditing, messages } = startGateway(world, [plain]);
  const first = await leases.acquire(requestOf("ses_1", plain));
  const second = await leases.acquire(requestOf("ses_2", plain));
  world.store.failing = true;
  auditing.failing = true;
  await first.release();
  await second.release();
  await leases.sweep();
  t.equal(world.database.users.size, 0);
  t.equal(world.store.rows.size, 2);
  t.equal(messages().filter((message) => /not written/.test(message)).length, 1, "logged once");
  t.equal(messages().filter((message) => /audit failed/.test(message)).length, 2);
  world.store.failing = false;
  await leases.sweep();
  t.equal(world.store.rows.size, 0, "and written when it can be");
  await leases.close(0);
});

t.test("parallel sessions of one identity share a user until the last of them ends", async (t) => {
  const world = createWorld();
  const { leases, provisioner, epoch } = startGateway(world, [shared]);
  const [first, second] = await Promise.all([
    leases.acquire(requestOf("ses_1", shared)),
    leases.acquire(requestOf("ses_2", shared)),
  ]);
  const other = await leases.acquire(requestOf("ses_3", shared, "eve"));
  t.same([first.user, second.user, other.user], [`gh_${epoch}_1`, `gh_${epoch}_1`, `gh_${epoch}_3`]);
  await first.release();
  await first.release();
  await leases.sweep();
  t.ok(getsIn(world, second), "the second has it still, however often the first is released");
  t.throws(() => first.password, { code: "SECRET_UNAVAILABLE" });
  await second.release();
  await leases.sweep();
  t.same([...world.database.users.keys()], [other.user]);
  const next = await leases.acquire(requestOf("ses_4", shared));
  t.equal(next.user, `gh_${epoch}_4`);
  t.equal(provisioner.calls.filter(({ method }) => method === "mint").length, 3);
  await leases.close(0);
});

t.test(
  "where a shared user can't be made, all who wait for it are refused, and the next one tries",
  async (t) => {
    const world = createWorld();
    let failing = true;
    const { leases } = startGateway(world, [shared], {
      before: ({ method }) => {
        if (method === "mint" && failing) throw away;
      },
    });
    const both = await Promise.allSettled(
      ["ses_1", "ses_2"].map((session) => leases.acquire(requestOf(session, shared))),
    );
    t.same(
      both.map(({ status }) => status),
      ["rejected", "rejected"],
    );
    failing = false;
    t.ok(getsIn(world, await leases.acquire(requestOf("ses_3", shared))));
    await leases.close(0);
  },
);

t.test(
  "a session that comes after a change of policies shares nobody's user, and takes none of before",
  async (t) => {
    const world = createWorld();
    const both = targetWith([minted({ share: "identity", ready: 1 })]);
    const gate = createGate();
    const { leases, revoked } = startGateway(world, [both], {
      before: ({ method }) => (method === "prepare" ? gate.passed() : undefined),
    });
    await leases.sweep();
    const before = await leases.acquire(requestOf("ses_1", both));
    await leases.sweep();
    const [ready] = [...world.database.users].filter(([, { canLogIn }]) => !canLogIn);
    leases.policiesChanged();
    const after = await leases.acquire(requestOf("ses_2", both));
    t.not(after.user, before.user);
    await leases.sweep();
    t.notOk(world.database.users.has(ready?.[0] ?? ""), "what was ready is gone");
    t.ok(getsIn(world, before), "who has one keeps it");
    await before.release();
    await after.release();

    gate.shut();
    leases.policiesChanged();
    await settle();
    leases.policiesChanged();
    gate.open();
    await leases.sweep();
    t.equal(leases.figures.ready, 1);
    t.equal(world.database.users.size, 1, "one that was being made meanwhile is given back too");
    t.ok(revoked().filter((line) => line.endsWith("unused")).length >= 3);
    await leases.close(1000);
  },
);

t.test("living users are renewed at half of their time, at once; what fails is tried again", async (t) => {
  const world = createWorld();
  let failing = false;
  const { leases, provisioner, messages, pass } = startGateway(world, [plain], {
    before: ({ method }) => {
      if (method === "renew" && failing) throw away;
    },
  });
  const renewals = () => provisioner.calls.filter(({ method }) => method === "renew");
  const held = await Promise.all(["ses_1", "ses_2"].map((id) => leases.acquire(requestOf(id, plain))));
  await pass(7 * MINUTE);
  t.equal(renewals().length, 0);
  await pass(MINUTE);
  t.same(
    renewals().map(({ names }) => names.length),
    [2],
  );
  await pass(8 * MINUTE);
  t.ok(
    held.every((lease) => getsIn(world, lease)),
    "longer than they would have been there by themselves",
  );
  failing = true;
  const before = renewals().length;
  await pass(8 * MINUTE);
  await pass(10 * SECOND);
  await pass(10 * SECOND);
  t.equal(renewals().length, before + 3);
  t.equal(messages().filter((message) => /not renewed/.test(message)).length, 1, "logged once");
  failing = false;
  await pass(10 * SECOND);
  t.ok(held.every((lease) => getsIn(world, lease)));
  await Promise.all(held.map((lease) => lease.release()));
  const last = renewals().length;
  await pass(30 * MINUTE);
  t.equal(renewals().length, last, "nobody's user is not renewed");
  await leases.close(0);
});

t.test("a clock that is set back keeps nothing from being done", async (t) => {
  const world = createWorld();
  let reachable = true;
  const { leases, pass } = startGateway(world, [plain], {
    before: () => {
      if (!reachable) throw away;
    },
  });
  const [first, second] = await Promise.all(
    ["ses_1", "ses_2"].map((id) => leases.acquire(requestOf(id, plain))),
  );
  reachable = false;
  await first?.release();
  await pass(0);
  reachable = true;
  await pass(-24 * 60 * MINUTE);
  t.same([...world.database.users.keys()], [second?.user]);
  await pass(8 * MINUTE);
  await pass(14 * MINUTE);
  t.ok(second && getsIn(world, second));
  await leases.close(0);
});

t.test("what an earlier run has left is taken back at once, whoever is connected by it", async (t) => {
  const world = createWorld();
  const first = startGateway(world, [pooled]);
  await first.leases.sweep();
  const lease = await first.leases.acquire(requestOf("ses_1", pooled));
  const user = world.database.users.get(lease.user);
  if (user) user.connections = 3;
  first.crash();
  const second = startGateway(world, [plain]);
  await second.leases.sweep();
  t.same(world.database.open, []);
  t.same([...world.database.users.keys()], []);
  t.ok(second.revoked().includes("revoked 1 gone"));
  t.equal(world.store.rows.size, 0);
  t.match(
    second.events.find((event) => event.type === "lease.revoked" && event.user === lease.user),
    { session: "ses_1", subject: "crew-analyst" },
    "and the log says whose it was",
  );
  await second.leases.close(0);
});

t.test("what is on no record is found by its epoch", async (t) => {
  const world = createWorld();
  const first = startGateway(world, [plain]);
  await first.leases.acquire(requestOf("ses_1", plain));
  first.crash();
  world.store.rows.clear();
  const second = startGateway(world, [plain]);
  await second.leases.sweep();
  t.equal(world.database.users.size, 0);
  await second.leases.close(0);
});

t.test(
  "users at a target that the config does not have are kept on record until it has it again",
  async (t) => {
    const world = createWorld();
    const first = startGateway(world, [plain]);
    await first.leases.acquire(requestOf("ses_1", plain));
    first.crash();
    world.database.users.clear();
    const elsewhere = targetWith([minted()], { addresses: [{ host: "other.internal", port: 5432 }] });
    for (const targets of [[], [elsewhere]]) {
      const run = startGateway(world, targets);
      await run.leases.sweep();
      t.same([...run.leases.stranded], [["orders", 1]]);
      t.equal(run.messages().filter((message) => /does not have any more/.test(message)).length, 1);
      t.equal(world.store.rows.size, 1);
      run.leases.adopt(targets);
      t.equal(run.messages().filter((message) => /does not have any more/.test(message)).length, 1, "once");
      run.crash();
    }
    world.database.add([...world.store.rows.values()][0]?.id ?? "");
    const last = startGateway(world, []);
    last.leases.adopt([targetWith([])]);
    await last.leases.sweep();
    t.equal(world.database.users.size, 0, "also where its levels have no users of their own any more");
    t.same([...last.leases.stranded], []);
    t.equal(world.store.rows.size, 0);
    await last.leases.close(0);
  },
);

t.test("on a reload ready users stay where nothing has changed, and go where something has", async (t) => {
  const world = createWorld();
  const { leases, provisioner, revoked } = startGateway(world, [pooled]);
  await leases.sweep();
  const same = () => targetWith([minted({ ready: 2 })]);
  leases.adopt([same()]);
  await leases.sweep();
  t.same(revoked(), []);
  const current = same();
  leases.adopt([current]);
  await leases.acquire(requestOf("ses_1", current));
  t.ok(
    provisioner.calls.some(({ method }) => method === "activate"),
    "and are taken",
  );
  await leases.sweep();
  leases.adopt([targetWith([{ ...minted({ ready: 2 }), settings: { memberOf: ["other"] } }])]);
  await leases.sweep();
  t.equal(revoked().length, 2);
  t.equal(leases.figures.ready, 2);
  leases.adopt([targetWith([])]);
  await leases.sweep();
  t.equal(revoked().length, 4);
  t.same(leases.figures, { ready: 0, living: 1, backlog: 0 }, "a session that lives goes on");
  await leases.close(0);
});

t.test(
  "a session at a target that has left the config has its user taken back where it was made",
  async (t) => {
    const world = createWorld();
    const { leases, provisioner } = startGateway(world, [plain]);
    const lease = await leases.acquire(requestOf("ses_1", plain));
    const moved: Target = targetWith([minted()], { addresses: [{ host: "new.internal", port: 5432 }] });
    const hosts: string[] = [];
    const remove = provisioner.remove.bind(provisioner);
    provisioner.remove = (target, names) => {
      const [address] = target.addresses;
      hosts.push("host" in address ? address.host : "");
      return remove(target, names);
    };
    leases.adopt([moved]);
    await leases.sweep();
    t.ok(getsIn(world, lease));
    await lease.release();
    await leases.sweep();
    t.same(hosts, ["db.internal"]);
    t.equal(world.database.users.size, 0);
    await leases.close(0);
  },
);

t.test("close waits for what is being made and taken back, as long as it may", async (t) => {
  const world = createWorld();
  const gate = createGate();
  const { leases } = startGateway(world, [pooled], {
    before: ({ method }) => (method === "mint" || method === "remove" ? gate.passed() : undefined),
  });
  gate.shut();
  const late = leases.acquire(requestOf("ses_1", targetWith([minted({}, "other")])));
  await settle();
  const closing = leases.close(MINUTE);
  await t.rejects(leases.acquire(requestOf("ses_2", pooled)), { code: "MINT_FAILED" });
  gate.open();
  await t.rejects(late, { code: "MINT_FAILED", message: /ending/ });
  await closing;
  t.equal(world.database.users.size, 0);
  t.equal(world.store.rows.size, 0);

  gate.shut();
  const stuck = startGateway(world, [plain], {
    before: ({ method }) => (method === "remove" ? gate.passed() : undefined),
  });
  await (await stuck.leases.acquire(requestOf("ses_3", plain))).release();
  await stuck.leases.close(1);
  t.equal(world.store.rows.size, 1, "the rest is for the next run");
  t.ok(stuck.messages().some((message) => /for the next run/.test(message)));
  stuck.crash();
  const next = startGateway(world, [plain]);
  await next.leases.sweep();
  t.equal(world.database.users.size, 0);
  await next.leases.close(0);
});

t.test("a target that is away can't fill the store", async (t) => {
  const world = createWorld();
  const { leases, provisioner } = startGateway(world, [plain], {
    before: () => {
      throw away;
    },
  });
  const codes = new Map<string, number>();
  for (let session = 0; session < 1005; session++) {
    const error: unknown = await leases
      .acquire(requestOf(`ses_${session}`, plain))
      .catch((reason: unknown) => reason);
    if (error instanceof GatehouseError) codes.set(error.code, (codes.get(error.code) ?? 0) + 1);
  }
  t.same(
    [...codes],
    [
      ["TARGET_UNREACHABLE", 1000],
      ["MINT_FAILED", 5],
    ],
  );
  t.equal(world.store.rows.size, 1000);
  t.equal(provisioner.calls.filter(({ method }) => method === "mint").length, 1000);
  await leases.close(0);
});

t.test("a target that never answers holds nothing for ever, and what it does late is found", async (t) => {
  // As a gateway's listeners do: deadlines alone keep no process.
  const alive = setInterval(() => undefined, MINUTE);
  t.teardown(() => clearInterval(alive));
  const world = createWorld();
  const gate = createGate();
  let lost = false;
  const { leases, pass } = startGateway(world, [plain], {
    before: ({ method }) => {
      if (method === "mint") return gate.passed();
      if (method !== "remove" || lost) return undefined;
      lost = true;
      return new Promise(() => undefined);
    },
    limits: { making: 1, looking: 1000, removing: 1 },
  });
  gate.shut();
  await t.rejects(leases.acquire(requestOf("ses_1", plain)), { code: "MINT_FAILED", message: /answered/ });
  await leases.sweep();
  t.equal(leases.figures.backlog, 1);
  await pass(SECOND);
  t.equal(leases.figures.backlog, 0, "a call that is lost is made again");
  gate.open();
  await settle();
  t.equal(world.database.open.length, 1, "it is made after all");
  await pass(20 * SECOND);
  t.equal(world.database.users.size, 0);
  await leases.close(0);
});
