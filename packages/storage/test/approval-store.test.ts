import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Approval } from "@gatehouse/core";
import t from "tap";
import { openApprovalStore } from "../src/index.ts";
import { approval } from "./support.ts";

const written = { durability: "written" } as const;

t.test("an approval comes back as it was saved, also after the file was closed", async (t) => {
  for (const durability of ["written", "synced"] as const) {
    const file = join(t.testdir(), "approvals.db");
    const plain = approval("apr_plain", { answers: [], surroundings: {}, reused: 0 });
    const { reason: _, ...bare } = plain;
    const before = openApprovalStore(file, { durability });
    before.save(approval("apr_1"));
    before.save(bare);
    before.save(approval("apr_apart", { detached: true, state: "void", why: "unused" }));
    before.save(approval("apr_1", { state: "void", why: "canceled", changedAt: 1700 }));
    before.close();
    const after = openApprovalStore(file, { durability });
    t.same(after.get("apr_1"), approval("apr_1", { state: "void", why: "canceled", changedAt: 1700 }));
    t.same(after.get("apr_plain"), bare);
    t.same(after.get("apr_apart"), approval("apr_apart", { detached: true, state: "void", why: "unused" }));
    t.equal(after.get("apr_2"), undefined);
    after.close();
    after.close();
  }
});

t.test("who was proved by a key or a certificate comes back with what that rests on", (t) => {
  const store = openApprovalStore(join(t.testdir(), "approvals.db"), written);
  const { requester, answers } = approval("apr_1");
  const proof = { provider: "corp", issuer: "https://idp.example.com", key: "SHA256:abc" };
  const asked = {
    ...requester,
    proof: { ...proof, method: "ssh-certificate", tokenId: "t", serial: "7" },
  } as const;
  const by = { ...requester, proof: { ...proof, method: "ssh-key" } } as const;
  const saved = approval("apr_1", {
    requester: asked,
    answers: answers.map((answer) => ({ ...answer, by })),
  });
  store.save(saved);
  t.strictSame(store.get("apr_1"), saved);
  store.close();
  t.end();
});

t.test(
  "what is unfinished is what is open, and what was let through with no word of its outcome",
  async (t) => {
    const store = openApprovalStore(join(t.testdir(), "approvals.db"), written);
    const states: readonly Partial<Approval>[] = [
      { state: "pending" },
      { state: "approved" },
      { state: "denied" },
      { state: "expired" },
      { state: "void", why: "changed" },
      { state: "spent" },
      { state: "spent", outcome: "in_doubt" },
    ];
    for (const [at, state] of states.entries())
      store.save(approval(`apr_${at}`, { ...state, changedAt: 10 + at }));
    t.same(
      store.unfinished().map(({ id }) => id),
      ["apr_0", "apr_1", "apr_5"],
    );
    t.equal(store.forget(13), 1, "denied, at 12");
    t.equal(store.forget(1000), 3);
    t.equal(store.unfinished().length, 3, "what is open is never forgotten");
    store.close();
  },
);

t.test("they are listed newest first, page by page, by state", async (t) => {
  const store = openApprovalStore(join(t.testdir(), "approvals.db"), written);
  for (let at = 0; at < 6; at++) {
    // Two of each moment: the id decides.
    const state = at % 2 === 0 ? "pending" : "denied";
    store.save(approval(`apr_${at}`, { state, requestedAt: 1000 + Math.floor(at / 2) }));
  }
  const ids = (query: Parameters<typeof store.list>[0]) =>
    store.list(query).map(({ id }) => Number(id.slice(4)));
  t.same(ids({ limit: 4 }), [5, 4, 3, 2]);
  t.same(ids({ limit: 4, before: "apr_2" }), [1, 0]);
  t.same(ids({ limit: 9, states: ["denied"] }), [5, 3, 1]);
  t.same(ids({ limit: 9, states: ["denied", "pending"], before: "apr_3" }), [2, 1, 0]);
  t.same(ids({ limit: 9, states: [] }), []);
  t.same(ids({ limit: 9, before: "apr_none" }), []);
  store.close();
});

t.test("the file and what SQLite puts beside it are their owner's alone", async (t) => {
  const folder = t.testdir();
  const store = openApprovalStore(join(folder, "approvals.db"), written);
  store.save(approval("apr_1"));
  const files = readdirSync(folder);
  t.ok(files.length > 1);
  for (const file of files) t.equal(statSync(join(folder, file)).mode & 0o777, 0o600, file);
  store.close();
});

t.test("one process has it at a time", async (t) => {
  const file = join(t.testdir(), "approvals.db");
  const child = spawn(process.execPath, [join(import.meta.dirname, "writer.ts"), file, "other"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(child.stdout, "data");
  t.throws(() => openApprovalStore(file, written), { code: "STORE_FAILED", message: /Another gateway/ });
  const closed = once(child, "close");
  child.kill("SIGKILL");
  await closed;
  const store = openApprovalStore(file, written);
  t.throws(() => openApprovalStore(file, written), { code: "STORE_FAILED" }, "nor twice in one");
  store.save(approval("apr_1"));
  store.close();
});

t.test("what is no store, or another version's, is an error", async (t) => {
  const folder = t.testdir();
  writeFileSync(join(folder, "text.db"), "this is no database, but a text of some length\n".repeat(100));
  t.throws(() => openApprovalStore(join(folder, "text.db"), written), { code: "STORE_FAILED" });
  t.throws(() => openApprovalStore(join(folder, "none", "approvals.db"), written), { code: "STORE_FAILED" });
  const later = join(folder, "later.db");
  const database = new DatabaseSync(later);
  database.exec("PRAGMA user_version = 99");
  database.close();
  t.throws(() => openApprovalStore(later, written), { code: "STORE_FAILED", message: /layout 99/ });
});

t.test("a record that can't be read is an error of its own, and the others are there", async (t) => {
  const file = join(t.testdir(), "approvals.db");
  const records = {
    cut: JSON.stringify(approval("cut")).slice(0, -5),
    other: JSON.stringify(approval("another")),
    state: JSON.stringify({ ...approval("state"), state: "granted" }),
    holds: JSON.stringify({ ...approval("holds"), holds: [] }),
    text: "null",
  };
  openApprovalStore(file, written).close();
  const database = new DatabaseSync(file);
  const insert = database.prepare("INSERT INTO approvals VALUES (?, 'approved', 1, 1, 1, ?)");
  for (const [id, record] of Object.entries(records)) insert.run(id, record);
  database.close();
  const store = openApprovalStore(file, written);
  store.save(approval("good"));
  for (const id of Object.keys(records)) {
    t.throws(() => store.get(id), {
      code: "STORE_FAILED",
      message: new RegExp(`no readable record of ${id}`),
    });
  }
  t.throws(
    () => store.unfinished(),
    { code: "STORE_FAILED" },
    "an open one that can't be read stops a start",
  );
  t.throws(() => store.list({ limit: 100 }), { code: "STORE_FAILED" });
  t.equal(store.get("good")?.id, "good");
  store.close();
  t.throws(() => store.save(approval("late")), { code: "STORE_FAILED" });
  t.throws(() => store.get("good"), { code: "STORE_FAILED" });
});
