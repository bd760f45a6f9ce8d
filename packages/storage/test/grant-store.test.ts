import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Grant } from "@gatehouse/core";
import t from "tap";
import { openGrantStore } from "../src/index.ts";
import { approval } from "./support.ts";

const written = { durability: "written" } as const;

function grant(id: string, changed: Partial<Grant> = {}): Grant {
  const { requester, holds, answers } = approval("apr_1");
  return {
    ...{ id, identity: requester, target: "orders", level: "writer", from: 1000, until: 2000, holds },
    ...{ approval: "apr_1", by: answers.map(({ by }) => by), reason: "INC-1" },
    ...changed,
  };
}

const revoked = { by: approval("apr_1").requester, at: 1500, reason: "done" };

t.test("a grant comes back as it was saved, also after the file was closed", async (t) => {
  for (const durability of ["written", "synced"] as const) {
    const file = join(t.testdir(), "grants.db");
    const { reason: _, ...bare } = grant("grt_2", { by: [] });
    const before = openGrantStore(file, { durability });
    before.save(grant("grt_1"));
    before.save(bare);
    before.save(grant("grt_1", { revoked }));
    before.close();
    const after = openGrantStore(file, { durability });
    t.same(after.get("grt_1"), grant("grt_1", { revoked }));
    t.same(after.get("grt_2"), bare);
    t.equal(after.get("grt_3"), undefined);
    after.close();
    after.close();
  }
});

t.test("the living are those whose time is not over, and that nobody has taken back", async (t) => {
  const store = openGrantStore(join(t.testdir(), "grants.db"), written);
  store.save(grant("grt_late", { from: 1200, until: 3000 }));
  store.save(grant("grt_early"));
  store.save(grant("grt_back", { revoked }));
  const ids = (now: number) => store.living(now).map(({ id }) => id);
  t.same(ids(1100), ["grt_early", "grt_late"], "also where the clock was set back since");
  t.same(ids(1999), ["grt_early", "grt_late"]);
  t.same(ids(2000), ["grt_late"]);
  t.equal(store.forget(1600), 1, "the one that was taken back, at 1500");
  t.equal(store.forget(2500), 1);
  t.same(ids(0), ["grt_late"]);
  store.close();
});

t.test("a record that can't be read is an error: nobody gets in by it", async (t) => {
  const file = join(t.testdir(), "grants.db");
  openGrantStore(file, written).close();
  const database = new DatabaseSync(file);
  const insert = database.prepare("INSERT INTO grants VALUES (?, 1000, 2000, ?)");
  const records = {
    cut: JSON.stringify(grant("cut")).slice(0, -5),
    other: JSON.stringify(grant("another")),
    until: JSON.stringify({ ...grant("until"), until: "2030" }),
    holds: JSON.stringify({ ...grant("holds"), holds: [] }),
  };
  for (const [id, record] of Object.entries(records)) insert.run(id, record);
  database.close();
  const store = openGrantStore(file, written);
  for (const id of Object.keys(records)) {
    t.throws(() => store.get(id), {
      code: "STORE_FAILED",
      message: new RegExp(`no readable record of ${id}`),
    });
  }
  t.throws(() => store.living(1500), { code: "STORE_FAILED" });
  store.close();
  t.throws(() => store.save(grant("late")), { code: "STORE_FAILED" });
});
