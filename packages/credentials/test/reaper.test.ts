import { GatehouseError } from "@gatehouse/core";
import t from "tap";
import {
  away,
  createGate,
  createWorld,
  getsIn,
  MemoryStore,
  minted,
  requestOf,
  SECOND,
  settle,
  startGateway,
  targetWith,
} from "./support.ts";

const target = targetWith([minted()]);

/** Two gateways on one database, each with a store of its own. */
function twoGateways() {
  const world = createWorld();
  const other = startGateway(world, [target], { store: new MemoryStore() });
  return { world, other, own: startGateway(world, [target]) };
}

t.test("another gateway's users are left alone as long as it is there", async (t) => {
  const { world, other, own } = twoGateways();
  const lease = await other.leases.acquire(requestOf("ses_1", target));
  for (let looks = 0; looks < 10; looks++) await own.pass(20 * SECOND);
  t.ok(world.database.users.has(lease.user));
  await other.leases.close(0);
  await own.leases.close(0);
});

t.test("another gateway's users are taken back when it was not there for a while", async (t) => {
  const { world, other, own } = twoGateways();
  await other.leases.sweep();
  const lease = await other.leases.acquire(requestOf("ses_1", target));
  await own.leases.sweep();
  other.crash();
  await own.pass(20 * SECOND);
  await own.pass(20 * SECOND);
  t.ok(world.database.users.has(lease.user), "two looks, 20 s apart");
  await own.pass(20 * SECOND);
  t.equal(world.database.users.size, 0);
  t.same(own.revoked(), ["revoked 1 gone"]);
  await own.leases.close(0);
});

t.test("a gateway that is seen again in between is not gone, however far the clock jumps", async (t) => {
  const { world, other, own } = twoGateways();
  await other.leases.sweep();
  const lease = await other.leases.acquire(requestOf("ses_1", target));
  await own.leases.sweep();
  for (let times = 0; times < 5; times++) {
    world.database.present.delete(other.epoch);
    await own.pass(20 * SECOND);
    await own.pass(3600 * SECOND);
    world.database.present.add(other.epoch);
    await own.pass(20 * SECOND);
  }
  t.ok(world.database.users.has(lease.user));
  world.database.present.delete(other.epoch);
  await own.pass(20 * SECOND);
  await own.pass(-3600 * SECOND);
  await own.pass(20 * SECOND);
  t.ok(world.database.users.has(lease.user), "it is counted anew where the clock was set back");
  await other.leases.close(0);
  await own.leases.close(0);
});

t.test("a user of a gateway that is gone stays as long as it is connected", async (t) => {
  const { world, other, own } = twoGateways();
  const lease = await other.leases.acquire(requestOf("ses_1", target));
  const user = world.database.users.get(lease.user);
  if (user) user.connections = 1;
  other.crash();
  for (let looks = 0; looks < 6; looks++) await own.pass(20 * SECOND);
  t.ok(world.database.users.has(lease.user));
  if (user) user.connections = 0;
  await own.pass(20 * SECOND);
  t.equal(world.database.users.size, 0);
  await own.leases.close(0);
});

t.test("who does not see themselves takes nobody for gone", async (t) => {
  const world = createWorld();
  const other = startGateway(world, [target], { store: new MemoryStore() });
  const lease = await other.leases.acquire(requestOf("ses_1", target));
  other.crash();
  const blind = startGateway(world, [target]);
  const survey = blind.provisioner.survey.bind(blind.provisioner);
  blind.provisioner.survey = async (of) => ({ ...(await survey(of)), present: new Set<string>() });
  for (let looks = 0; looks < 6; looks++) await blind.pass(20 * SECOND);
  t.ok(world.database.users.has(lease.user));
  await blind.leases.close(0);
});

t.test("what bears the mark, but no name of a gateway, is left alone, and told once", async (t) => {
  const world = createWorld();
  for (const name of ["postgres", "gh_alice", "gh_0123abcd_ready_x"]) world.database.add(name);
  world.database.add("gh_0123abcd_1", { marked: false });
  const { leases, messages, pass } = startGateway(world, [target]);
  for (let looks = 0; looks < 6; looks++) await pass(20 * SECOND);
  t.equal(world.database.users.size, 4);
  t.equal(messages().filter((message) => /left alone/.test(message)).length, 3);
  await leases.close(0);
});

t.test("a user of this run that no lease has is taken back", async (t) => {
  const world = createWorld();
  const { leases, epoch, pass, revoked } = startGateway(world, [target]);
  const lease = await leases.acquire(requestOf("ses_1", target));
  world.database.add(`gh_${epoch}_stray`);
  await pass(20 * SECOND);
  t.same([...world.database.users.keys()], [lease.user]);
  t.same(revoked(), ["revoked stray unknown"]);
  await leases.close(0);
});

t.test(
  "a look that takes long takes nobody's user: neither one that came meanwhile, nor one that went",
  async (t) => {
    const world = createWorld();
    const gate = createGate();
    const { leases, revoked } = startGateway(world, [target], {
      after: ({ method }) => (method === "survey" ? gate.passed() : undefined),
    });
    const gone = await leases.acquire(requestOf("ses_1", target));
    gate.shut();
    world.clock.advance(20 * SECOND);
    const sweeping = leases.sweep();
    await settle();
    const come = await leases.acquire(requestOf("ses_2", target));
    await gone.release();
    await settle();
    gate.open();
    await sweeping;
    t.ok(getsIn(world, come));
    t.same(revoked(), ["revoked 1 released"]);
    await leases.close(0);
  },
);

t.test("a user that is between intent and lease is not reaped", async (t) => {
  const world = createWorld();
  const gate = createGate();
  const { leases, pass } = startGateway(world, [target], {
    after: ({ method }) => (method === "mint" ? gate.passed() : undefined),
  });
  gate.shut();
  const acquiring = leases.acquire(requestOf("ses_1", target));
  await settle();
  t.equal(world.database.users.size, 1);
  for (let looks = 0; looks < 4; looks++) await pass(20 * SECOND);
  gate.open();
  t.ok(getsIn(world, await acquiring));
  await leases.close(0);
});

t.test("a target that can't be looked at is told of once, and looked at again", async (t) => {
  const world = createWorld();
  let reachable = false;
  const { leases, pass, messages, provisioner } = startGateway(world, [target], {
    before: ({ method }) => {
      if (method === "survey" && !reachable) throw away;
    },
  });
  for (let looks = 0; looks < 3; looks++) await pass(20 * SECOND);
  t.equal(messages().filter((message) => /could not be looked at/.test(message)).length, 1);
  t.match(leases.status(target), { ok: false, reason: /can't be looked at .*: orders could not be reached/ });
  reachable = true;
  await pass(20 * SECOND);
  t.same(leases.status(target), { ok: true });
  t.ok(provisioner.calls.some(({ method }) => method === "tidy"));
  await leases.close(0);
});

t.test("users are taken back in batches, and one that can't be does not hold up the others", async (t) => {
  const world = createWorld();
  const bad = (names: readonly string[]) => names.some((name) => name.endsWith("_77"));
  const { leases, provisioner, pass, messages } = startGateway(world, [target], {
    before: ({ method, names }) => {
      if (method === "remove" && bad(names)) throw new GatehouseError("MINT_FAILED", "No.");
    },
  });
  const held = [];
  for (let session = 0; session < 120; session++) {
    held.push(await leases.acquire(requestOf(`ses_${session}`, target)));
  }
  await Promise.all(held.map((lease) => lease.release()));
  for (let times = 0; times < 15; times++) await pass(400);
  t.same(
    [...world.database.users.keys()].map((name) => name.slice(12)),
    ["77"],
  );
  t.match(leases.status(target), {
    ok: false,
    reason: /^1 users wait to be taken back since 2026-.*: No\.$/,
  });
  const calls = provisioner.calls.filter(({ method }) => method === "remove");
  t.ok(calls.length < 25, `${calls.length} calls`);
  t.ok(calls.every(({ names }) => names.length <= 50));
  t.equal(messages().filter((message) => /not taken back/.test(message)).length <= 8, true);
  await leases.close(0);
});

t.test("one that is kept is told of once, tried again later, and is no backlog", async (t) => {
  const world = createWorld();
  const { leases, pass, revoked, provisioner, events } = startGateway(world, [target]);
  const lease = await leases.acquire(requestOf("ses_1", target));
  const user = world.database.users.get(lease.user);
  if (user) Object.assign(user, { inUse: true, owned: ["table public.mine"] });
  await lease.release();
  await leases.sweep();
  t.same(revoked(), ["kept 1 released"]);
  t.match(events, [{ detail: "table public.mine; a view rests on it" }]);
  t.equal(leases.figures.backlog, 0);
  t.same(world.store.states, [`revoking ${lease.user}`]);
  const calls = () => provisioner.calls.filter(({ method }) => method === "remove").length;
  const before = calls();
  for (let times = 0; times < 3; times++) await pass(20 * SECOND);
  t.equal(calls(), before, "nothing is to be gained by haste");
  await pass(300 * SECOND);
  t.same(revoked().length, 1);
  if (user) user.inUse = false;
  await pass(300 * SECOND);
  t.same(revoked(), ["kept 1 released", "revoked 1 released"]);
  t.same([world.database.users.size, world.store.rows.size], [0, 0]);
  await leases.close(0);
});
