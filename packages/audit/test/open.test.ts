import { spawn } from "node:child_process";
import { once } from "node:events";
import { appendFile, mkdir, readdir, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createHash } from "node:crypto";
import t from "tap";
import { AUDIT_FILE, verifyAuditLog } from "../src/index.ts";
import { event, linesOf, logKeeper, logOf, openIn } from "./support.ts";

async function modeOf(path: string): Promise<string> {
  return ((await stat(path)).mode & 0o777).toString(8);
}

t.test("a new log is for its own user only, and starts at seq 1", async (t) => {
  const folder = join(t.testdir(), "state", "audit");
  const log = await openIn(folder);
  t.same(log.head(), { seq: 0, hash: "0".repeat(64) });
  await log.append(event(1));
  t.equal(log.head().seq, 1);
  await log.close();
  t.equal(await modeOf(folder), "700");
  for (const name of await readdir(folder)) t.equal(await modeOf(join(folder, name)), "600", name);
});

t.test("a log that is opened again goes on where it ended, with either durability", async (t) => {
  const folder = join(t.testdir(), "audit");
  for (const durability of ["written", "synced", "written"] as const) {
    const log = await openIn(folder, { durability });
    await Promise.all([1, 2, 3].map((n) => log.append(event(n))));
    await log.close();
  }
  t.match(await verifyAuditLog(join(folder, AUDIT_FILE)), { ok: true, events: 9, torn: 0 });
});

t.test("a torn last line is set aside and reported, and the log goes on, at every byte of it", async (t) => {
  const root = t.testdir();
  const whole = await logOf(join(root, "whole"), 2);
  const start = whole.indexOf("\n") + 1;
  for (let end = start + 1; end < whole.length; end++) {
    const folder = join(root, String(end));
    await mkdir(folder);
    await writeFile(join(folder, AUDIT_FILE), whole.subarray(0, end));
    const log = await openIn(folder);
    await log.append(event("after"));
    await log.close();

    const torn = whole.subarray(start, end);
    const sha256 = createHash("sha256").update(torn).digest("hex");
    const keptAs = `torn-2-${sha256.slice(0, 16)}.bin`;
    const path = join(folder, AUDIT_FILE);
    const result = await verifyAuditLog(path);
    const kept = await readFile(join(folder, keptAs));
    const reported: unknown = JSON.parse(linesOf(await readFile(path))[1] ?? "");
    t.match(result, { ok: true, events: 3, torn: 0 }, `cut at ${end}`);
    t.ok(kept.equals(torn));
    t.match(reported, { seq: 2, type: "log.recovered", tornBytes: torn.length, sha256, keptAs });
    t.equal(await modeOf(join(folder, keptAs)), "600");
    await rm(folder, { recursive: true });
  }
});

t.test("a log whose only line is torn starts anew, and says so in its first line", async (t) => {
  const folder = t.testdir({ [AUDIT_FILE]: '{"v":1,"seq":1,' });
  const keeper = logKeeper();
  await (await openIn(folder, { log: keeper })).close();
  t.match(linesOf(await readFile(join(folder, AUDIT_FILE)))[0], '"seq":1,');
  t.match(linesOf(await readFile(join(folder, AUDIT_FILE)))[0], "log.recovered");
  t.match(keeper.messages, ["A torn last line of the audit log was set aside."]);
});

t.test(
  "a torn line that was set aside is reported by the next open, if a crash kept it from the log",
  async (t) => {
    const folder = join(t.testdir(), "audit");
    const whole = await logOf(folder, 2);
    await writeFile(join(folder, "torn-3-0123456789abcdef.bin"), "torn");
    await writeFile(join(folder, "torn-2-0123456789abcdef.bin"), "reported long ago");
    await (await openIn(folder)).close();
    await (await openIn(folder)).close();
    const added = linesOf(await readFile(join(folder, AUDIT_FILE))).slice(linesOf(whole).length);
    t.equal(added.length, 1);
    t.match(JSON.parse(added[0] ?? ""), {
      type: "log.recovered",
      tornBytes: 4,
      keptAs: "torn-3-0123456789abcdef.bin",
    });
  },
);

t.test("a torn line that is longer than what is read at once is kept as a whole", async (t) => {
  const folder = join(t.testdir(), "audit");
  await logOf(folder, 1);
  const torn = Buffer.alloc(200_000, "torn ");
  await appendFile(join(folder, AUDIT_FILE), torn);
  await (await openIn(folder)).close();
  const [name = ""] = (await readdir(folder)).filter((entry) => entry.startsWith("torn-"));
  t.same(await readFile(join(folder, name)), torn);
});

t.test("a log whose last line is long is continued", async (t) => {
  const folder = join(t.testdir(), "audit");
  const log = await openIn(folder);
  await log.append(event("x".repeat(300_000)));
  await log.close();
  await logOf(folder, 1);
  t.match(await verifyAuditLog(join(folder, AUDIT_FILE)), { ok: true, events: 2 });
});

t.test("a log whose last line was edited is not continued, and not touched", async (t) => {
  const folder = join(t.testdir(), "audit");
  const edited = (await logOf(folder, 2)).toString().replace('"reason":"2"', '"reason":"3"');
  await writeFile(join(folder, AUDIT_FILE), edited);
  const expected = { code: "AUDIT_BROKEN", message: "seq 2", hint: "audit verify" };
  await t.rejects(openIn(folder), expected);
  await t.rejects(openIn(folder), expected, "the lock was let go of");
  t.equal(await readFile(join(folder, AUDIT_FILE), "utf8"), edited);
});

t.test("a last line of something else, or an endless one, is not continued", async (t) => {
  for (const [content, message] of [
    ["hello\n", "not JSON"],
    ["\n", "not JSON"],
    [`${"x".repeat(5 * 1024 * 1024)}\n`, "last line is longer than"],
  ] as const) {
    await t.rejects(openIn(t.testdir({ [AUDIT_FILE]: content })), { code: "AUDIT_BROKEN", message });
  }
});

t.test("a folder that can't be made or written is an error with its path", async (t) => {
  const folder = join(t.testdir({ file: "" }), "file", "audit");
  await t.rejects(openIn(folder), { code: "AUDIT_FAILED", message: folder });
});

t.test("a second open is refused while the first is open, and goes through after it", async (t) => {
  const folder = join(t.testdir(), "audit");
  const first = await openIn(folder);
  await t.rejects(openIn(folder), { code: "AUDIT_LOCKED" });
  await t.rejects(
    openIn(folder),
    { code: "AUDIT_LOCKED" },
    "a refused open does not let go of the other's lock",
  );
  await first.append(event("still writing"));
  await first.close();
  await first.close();
  const second = await openIn(folder);
  t.equal(second.head().seq, 1);
  await second.close();
});

t.test("another process holds the log until it dies, even by kill -9", async (t) => {
  const folder = join(t.testdir(), "audit");
  const child = spawn(process.execPath, [join(import.meta.dirname, "appender.ts"), folder, "holder"], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const closed = once(child, "close");
  let warnings = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (warnings += text));
  await once(child.stdout, "data");
  await t.rejects(openIn(folder), { code: "AUDIT_LOCKED", message: folder });
  child.kill("SIGKILL");
  child.stdout.resume();
  await closed;
  const log = await openIn(folder);
  t.ok(log.head().seq > 0);
  await log.close();
  t.equal(warnings, "", "nothing is printed about SQLite");
});

t.test("events for a log whose file was deleted or cut are refused", async (t) => {
  const folder = join(t.testdir(), "audit");
  const log = await openIn(folder);
  await log.append(event(1));
  await truncate(join(folder, AUDIT_FILE), 10);
  await t.rejects(log.append(event(2)), { code: "AUDIT_FAILED", message: "another program" });
  await rm(join(folder, AUDIT_FILE));
  await t.rejects(log.append(event(3)), { code: "AUDIT_FAILED", message: "was deleted while" });
  await log.close();
});
