import t from "tap";
import { ChainedLog, type Durability } from "../src/chained-log.ts";
import { emptyHead } from "../src/head.ts";
import { verifyAuditLog } from "../src/index.ts";
import { MAX_LINE } from "../src/line.ts";
import { MemoryFile } from "./memory-file.ts";
import { chunked, event, linesOf, logKeeper, stoppedClock } from "./support.ts";

function logOn(file: MemoryFile, durability: Durability = "written") {
  const keeper = logKeeper();
  const options = { path: "audit.jsonl", durability, clock: stoppedClock, log: keeper };
  return { log: new ChainedLog(file, { head: emptyHead, length: 0 }, options), messages: keeper.messages };
}

function reasons(file: MemoryFile): unknown[] {
  return linesOf(file.bytes).map((line) => /"reason":"([^"]*)"/.exec(line)?.[1]);
}

/** How each of several appends ended. */
async function outcomes(appends: readonly Promise<void>[]): Promise<string[]> {
  return (await Promise.allSettled(appends)).map(({ status }) => status);
}

t.test("events are chained in the order of the calls and share their writes", async (t) => {
  const file = new MemoryFile();
  const { log } = logOn(file);
  const names = Array.from({ length: 1000 }, (_, n) => String(n));
  await Promise.all(names.map((name) => log.append(event(name))));
  t.same(reasons(file), names);
  t.equal(file.writes, 1);
  t.match(await verifyAuditLog(chunked(file.bytes)), { ok: true, events: 1000, head: log.head() });
});

t.test("what comes during a sync waits for its end, and goes with the next write", async (t) => {
  const file = new MemoryFile();
  const { log } = logOn(file, "synced");
  const gate = Promise.withResolvers<undefined>();
  file.gate = gate.promise;
  const first = log.append(event("first"));
  while (file.busy === 0) await new Promise(setImmediate);
  const rest = Array.from({ length: 10 }, (_, n) => log.append(event(n)));
  await new Promise(setImmediate);
  t.equal(log.head().seq, 0, "the head is what is on the disk");
  gate.resolve(undefined);
  await Promise.all([first, ...rest]);
  t.equal(file.writes, 2);
  t.equal(file.busiest, 1, "there is never a second sync under way");
  t.match(await verifyAuditLog(chunked(file.bytes)), { ok: true, events: 11 });
});

t.test("an append is not acknowledged before it is as safe as the durability says", async (t) => {
  for (const durability of ["written", "synced"] as const) {
    const file = new MemoryFile();
    const { log } = logOn(file, durability);
    const gate = Promise.withResolvers<undefined>();
    file.gate = gate.promise;
    let written = 0;
    const append = log.append(event(1)).then(() => {
      t.equal(file.busy, 0, "no sync is under way any more");
      written = file.bytes.length;
    });
    while (durability === "synced" && file.busy === 0) await new Promise(setImmediate);
    t.equal(written, 0, durability);
    gate.resolve(undefined);
    await append;
    t.ok(written > 0, durability);
  }
});

t.test("a file that takes a few bytes at a time gets all of them", async (t) => {
  const file = new MemoryFile();
  file.atOnce = 7;
  const { log } = logOn(file);
  await Promise.all([1, 2, 3].map((n) => log.append(event(n))));
  t.match(await verifyAuditLog(chunked(file.bytes)), { ok: true, events: 3, torn: 0 });
});

t.test("on a full disk every event of the write is refused, and nothing of them stays", async (t) => {
  const file = new MemoryFile();
  const { log, messages } = logOn(file);
  await log.append(event("kept"));
  const kept = file.bytes;
  file.room = kept.length + 50;
  t.same(await outcomes([log.append(event("a")), log.append(event("b"))]), ["rejected", "rejected"]);
  t.same(file.bytes, kept);
  t.match(log.status(), { ok: false, reason: "ENOSPC" });
  await t.rejects(log.append(event("d")), { code: "AUDIT_FAILED", message: "ENOSPC" });
  t.equal(messages.length, 1, "one outage is one entry in the gateway's own log");

  file.room = Number.POSITIVE_INFINITY;
  await log.append(event("later"));
  t.same(reasons(file), ["kept", "later"]);
  t.same(log.status(), { ok: true });
  t.match(await verifyAuditLog(chunked(file.bytes)), { ok: true, events: 2, torn: 0 });
});

t.test("what a failed write left is taken off later, when it can't be at once", async (t) => {
  const file = new MemoryFile();
  const { log } = logOn(file);
  await log.append(event("kept"));
  file.room = file.bytes.length + 50;
  file.refuses.add("truncate");
  await t.rejects(log.append(event("a")), { code: "AUDIT_FAILED" });
  file.room = Number.POSITIVE_INFINITY;
  await t.rejects(log.append(event("b")), { code: "AUDIT_FAILED", message: "truncate" });
  t.match(await verifyAuditLog(chunked(file.bytes)), { ok: true, events: 1, torn: 50 });
  file.refuses.clear();
  await log.append(event("c"));
  t.same(reasons(file), ["kept", "c"]);
});

t.test("an event that could not be synced is refused and taken off again", async (t) => {
  const file = new MemoryFile();
  const { log } = logOn(file, "synced");
  file.refuses.add("sync");
  await t.rejects(log.append(event("a")), { code: "AUDIT_FAILED" });
  file.refuses.clear();
  await log.append(event("b"));
  t.same(reasons(file), ["b"]);
});

t.test("a file that another program cut or wrote to is left as it is and not continued", async (t) => {
  for (const change of [Buffer.alloc(0), Buffer.from("somebody else's\n")]) {
    const file = new MemoryFile();
    const { log } = logOn(file);
    await log.append(event("a"));
    file.bytes = change.length === 0 ? change : Buffer.concat([file.bytes, change]);
    const changed = file.bytes;
    await t.rejects(log.append(event("b")), { code: "AUDIT_FAILED", message: "another program" });
    t.same(file.bytes, changed);
  }
});

t.test("an event that is longer than a line can be is refused, and the next one is not", async (t) => {
  const file = new MemoryFile();
  const { log } = logOn(file);
  await t.rejects(log.append(event("x".repeat(MAX_LINE))), { code: "AUDIT_FAILED", message: "longer" });
  await log.append(event("short"));
  const frame = file.bytes.length - "short".length;
  await log.append(event("x".repeat(MAX_LINE - frame)));
  t.match(await verifyAuditLog(chunked(file.bytes, 65536)), { ok: true, events: 2 });
});

t.test("events beyond what may wait are refused, until the others are written or refused", async (t) => {
  const file = new MemoryFile();
  const { log } = logOn(file);
  const mebibyte = event("x".repeat(1024 * 1024));
  const burst = (count: number) => outcomes(Array.from({ length: count }, () => log.append(mebibyte)));
  t.same(await burst(70), [...Array<string>(63).fill("fulfilled"), ...Array<string>(7).fill("rejected")]);
  file.refuses.add("write");
  t.same(await burst(63), Array<string>(63).fill("rejected"));
  file.refuses.clear();
  t.same(await burst(63), Array<string>(63).fill("fulfilled"), "as many may wait as before");
  t.match(await verifyAuditLog(chunked(file.bytes, 65536)), { ok: true, events: 126 });
});

t.test("what came during a sync that failed is refused even when the disk is well by then", async (t) => {
  const file = new MemoryFile();
  const { log, messages } = logOn(file, "synced");
  const gate = Promise.withResolvers<undefined>();
  file.gate = gate.promise;
  file.refuses.add("sync");
  const inSync = log.append(event("a")).catch((error: unknown) => {
    file.refuses.clear();
    throw error;
  });
  while (file.busy === 0) await new Promise(setImmediate);
  const behind = log.append(event("b"));
  gate.resolve(undefined);
  t.same(
    await outcomes([inSync, behind]),
    ["rejected", "rejected"],
    "b was chained to a line that is not there",
  );
  t.equal(messages.length, 1, "one outage is one entry in the gateway's own log");
  await log.append(event("c"));
  t.same(reasons(file), ["c"]);
  t.match(await verifyAuditLog(chunked(file.bytes)), { ok: true, events: 1 });
});

t.test("close waits for what was appended, and refuses what comes later", async (t) => {
  for (const durability of ["written", "synced"] as const) {
    const file = new MemoryFile();
    const { log } = logOn(file, durability);
    const gate = Promise.withResolvers<undefined>();
    file.gate = gate.promise;
    const appends = [log.append(event("first"))];
    while (file.writes === 0) await new Promise(setImmediate);
    appends.push(log.append(event("last")));
    const closed = log.close();
    await t.rejects(log.append(event("late")), { code: "AUDIT_FAILED", message: "closed" });
    gate.resolve(undefined);
    await closed;
    t.same(reasons(file), ["first", "last"]);
    await Promise.all(appends);
    await log.close();
  }
});

t.test("each line has the time of its own append", async (t) => {
  const file = new MemoryFile();
  let now = stoppedClock.now();
  const options = { path: "audit.jsonl", durability: "written", log: logKeeper() } as const;
  const log = new ChainedLog(
    file,
    { head: emptyHead, length: 0 },
    { ...options, clock: { now: () => now++ } },
  );
  await Promise.all([1, 2, 3].map((n) => log.append(event(n))));
  const times = linesOf(file.bytes).map((line) => /"time":"([^"]*)"/.exec(line)?.[1]);
  t.same(times, ["2026-11-20T10:15:30.123Z", "2026-11-20T10:15:30.124Z", "2026-11-20T10:15:30.125Z"]);
});
