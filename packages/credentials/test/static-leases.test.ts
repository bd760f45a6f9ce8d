import { inspect } from "node:util";
import { type Level, Secret, type SecretReference } from "@gatehouse/core";
import t from "tap";
import { staticLeases } from "../src/index.ts";

function level(password: SecretReference): Level {
  return { name: "reader", credential: { user: "orders_reader", password } };
}

const literal = { from: "literal", secret: new Secret("hunter2") } as const;

t.test("a lease has the level's user and the password that its reference leads to", async (t) => {
  const lease = await staticLeases().acquire(level(literal));
  t.equal(lease.user, "orders_reader");
  t.equal(lease.password.reveal(), "hunter2");
});

t.test("a released lease gives no password, however often it is released", async (t) => {
  const lease = await staticLeases().acquire(level(literal));
  await lease.release();
  await lease.release();
  t.throws(() => lease.password, { code: "SECRET_UNAVAILABLE" });
});

t.test("releasing one session's lease leaves another's alone", async (t) => {
  const leases = staticLeases();
  const first = await leases.acquire(level(literal));
  const second = await leases.acquire(level(literal));
  await first.release();
  t.equal(second.password.reveal(), "hunter2");
});

t.test("no lease is given where the reference leads nowhere", async (t) => {
  const reference = { from: "env", name: "GATEHOUSE_TEST_NOWHERE" } as const;
  await t.rejects(staticLeases().acquire(level(reference)), { code: "SECRET_UNAVAILABLE" });
});

t.test("a printed lease does not show its password", async (t) => {
  const lease = await staticLeases().acquire(level(literal));
  t.notMatch(inspect(lease, { showHidden: true, getters: true, depth: 5 }), "hunter2");
  t.notMatch(JSON.stringify(lease), "hunter2");
});
