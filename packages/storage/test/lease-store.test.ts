import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { LeaseRecord } from "@gatehouse/credentials";
import t, { type Test } from "tap";
import { openLeaseStore } from "../src/index.ts";

const written = { durability: "written" } as const;

function lease(id: string, changed: Partial<LeaseRecord> = {}): LeaseRecord {
  return {
    kind: "minted",
    target: "orders",
    id,
    level: "reader",
    epoch: "0123abcd",
    state: "intended",
    addresses: ["db.internal:5432"],
    ...changed,
  };
}

function fileIn(t: Test): string {
  return join(t.testdir(), "leases.db");
}

t.test("leases come back as they were saved last, also after the file was closed", (t) => {
  for (const durability of ["written", "synced"] as const) {
    const file = fileIn(t);
    const before = openLeaseStore(file, { durability });
    const full = { state: "revoking", session: "ses_1", subject: "crew", why: "released" } as const;
    before.write({ save: [lease("a"), lease("b")] });
    before.write({ save: [lease("a", full), lease("c", { kind: "issued" })], forget: [lease("b")] });
    before.close();
    const after = openLeaseStore(file, { durability });
    t.same(after.all(), [lease("c", { kind: "issued" }), lease("a", full)]);
    after.close();
    after.close();
  }
  t.end();
});

t.test("the same id is another lease at another target, and of another kind", (t) => {
  const store = openLeaseStore(fileIn(t), written);
  const others = [lease("a", { kind: "issued" }), lease("a", { target: "stock" })];
  store.write({ save: [lease("a"), ...others] });
  store.write({ forget: [lease("a")] });
  t.same(store.all(), others);
  store.close();
  t.end();
});

t.test("a run is told of those before it, and none has an epoch that was there", (t) => {
  const file = fileIn(t);
  for (const [epoch, before] of [
    ["first", []],
    ["second", ["first"]],
    ["third", ["first", "second"]],
  ] as const) {
    const store = openLeaseStore(file, written);
    t.same(store.begin(epoch), before);
    store.close();
  }
  const store = openLeaseStore(file, written);
  t.throws(() => store.begin("second"), { code: "STORE_FAILED" });
  t.same(store.begin("fourth"), ["first", "second", "third"], "what failed is not noted");
  store.close();
  t.end();
});

t.test("the newest thousand runs are remembered", (t) => {
  const file = fileIn(t);
  openLeaseStore(file, written).close();
  // In one transaction: each run that begins waits for the disk.
  const database = new DatabaseSync(file);
  database.exec(`
    WITH RECURSIVE run (number) AS (SELECT 0 UNION ALL SELECT number + 1 FROM run WHERE number < 1004)
    INSERT INTO runs (epoch) SELECT 'run ' || number FROM run`);
  database.close();
  const store = openLeaseStore(file, written);
  store.begin("newer");
  const before = store.begin("last");
  t.equal(before.length, 1000);
  t.same([before[0], before.at(-1)], ["run 6", "newer"]);
  store.close();
  t.end();
});

t.test("of a change that can't be written as a whole nothing is", (t) => {
  const file = fileIn(t);
  const store = openLeaseStore(file, written);
  store.write({ save: [lease("a")] });
  const bad: unknown = { ...lease("b"), target: null };
  t.throws(() => store.write({ save: [lease("c"), bad as LeaseRecord], forget: [lease("a")] }), {
    code: "STORE_FAILED",
  });
  t.same(store.all(), [lease("a")]);
  store.write({ save: [lease("d")] });
  t.same(store.all(), [lease("a"), lease("d")], "and the next one is");
  store.close();
  t.end();
});

t.test("the file is its owner's alone, and one process has it", (t) => {
  const folder = t.testdir();
  const file = join(folder, "leases.db");
  const store = openLeaseStore(file, written);
  store.write({ save: [lease("a")] });
  for (const name of readdirSync(folder)) t.equal(statSync(join(folder, name)).mode & 0o777, 0o600, name);
  t.throws(() => openLeaseStore(file, written), { code: "STORE_FAILED", message: /Another gateway/ });
  store.close();
  t.end();
});

t.test("a record that can't be read is an error, which does not quote it", (t) => {
  const file = fileIn(t);
  const records = {
    cut: JSON.stringify(lease("cut")).slice(0, -5),
    other: JSON.stringify(lease("another")),
    state: JSON.stringify({ ...lease("state"), state: "hunter2" }),
  };
  for (const [id, record] of Object.entries(records)) {
    openLeaseStore(file, written).close();
    const database = new DatabaseSync(file);
    database.exec("DELETE FROM leases");
    database.prepare("INSERT INTO leases VALUES ('minted', 'orders', ?, ?)").run(id, record);
    database.close();
    const store = openLeaseStore(file, written);
    t.throws(() => store.all(), { code: "STORE_FAILED", message: new RegExp(`record of ${id}`) });
    try {
      store.all();
    } catch (error) {
      t.notMatch(String(error), /hunter2/);
    }
    store.close();
  }
  t.end();
});
