import { Secret, systemClock, type Target } from "@gatehouse/core";
import { createMemoryLog } from "@gatehouse/testkit";
import t, { type Test } from "tap";
import { Catalogs } from "../../src/catalog/catalogs.ts";
import { targetAt } from "../support/target.ts";

function catalogsOf(t: Test) {
  const asked: string[] = [];
  const lease = (target: Target) => {
    asked.push(target.name);
    return Promise.reject(new Error("no credential"));
  };
  const catalogs = new Catalogs({
    clock: systemClock,
    lease,
    learned: () => undefined,
    log: createMemoryLog(),
  });
  t.teardown(() => catalogs.dispose());
  return { catalogs, asked };
}

const address = { host: "127.0.0.1", port: 1 };

t.test(
  "each target has one catalog, which a new config keeps where it leads to it in the same way",
  async (t) => {
    const { catalogs } = catalogsOf(t);
    const target: Target = targetAt([address]);
    const cache = catalogs.of(target);
    t.equal(catalogs.of(target), cache);
    t.equal(catalogs.of(targetAt([address])), cache);
    t.equal(catalogs.of({ ...target, tags: new Map([["pii", ["public.people.email"]]]) }), cache);
    t.not(catalogs.of({ ...target, name: "people" }), cache);
  },
);

t.test("another server, database or credential has another one; open sessions keep theirs", async (t) => {
  const { catalogs } = catalogsOf(t);
  const target: Target = targetAt([address]);
  const cache = catalogs.of(target);
  for (const change of [
    { addresses: [{ host: "127.0.0.1", port: 2 }] as const },
    { credential: { user: "other" } },
    { credential: { user: "gatehouse", password: { from: "literal", secret: new Secret("a") } as const } },
    { credential: { user: "gatehouse", password: { from: "literal", secret: new Secret("b") } as const } },
    { settings: { database: "other" } },
  ]) {
    const other = { ...target, ...change };
    t.not(catalogs.of(other), cache);
    t.equal(catalogs.of(other), catalogs.of(other));
  }
  t.equal(catalogs.of(target), cache);
});

t.test("a catalog is read with the lease of its target", async (t) => {
  const { catalogs, asked } = catalogsOf(t);
  const cache = catalogs.of({ ...targetAt([address]), name: "people" });
  if (cache === undefined) throw new Error("The target has no catalog.");
  t.same(asked, [], "and only when somebody wants to know");
  await t.rejects(cache.fresh(), { message: /"people" can't be read.*no credential/ });
  t.same(asked, ["people"]);
  catalogs.dispose();
  await t.rejects(cache.fresh(), { message: /shutting down/ });
});

t.test("a catalog that is not to be read is none", async (t) => {
  const { catalogs } = catalogsOf(t);
  const target = targetAt([address]);
  t.equal(catalogs.of({ ...target, settings: { ...target.settings, catalog: "off" } }), undefined);
});
