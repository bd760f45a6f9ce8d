import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { openAuditLog } from "@gatehouse/audit";
import { systemClock } from "@gatehouse/core";
import { createMemoryLog } from "@gatehouse/testkit";
import t, { type Test } from "tap";
import { gatehouse } from "./gatehouse.ts";

async function stateFolder(t: Test): Promise<string> {
  const state = t.testdir();
  const folder = join(state, "audit");
  const audit = await openAuditLog({
    folder,
    durability: "written",
    clock: systemClock,
    log: createMemoryLog(),
  });
  for (const reason of ["one", "two", "three"]) await audit.append({ type: "gateway.stopped", reason });
  await audit.close();
  return state;
}

t.test("a whole log verifies from the state folder, the audit folder and the file", async (t) => {
  const state = await stateFolder(t);
  for (const path of [state, join(state, "audit"), join(state, "audit", "audit.jsonl")]) {
    const { code, stdout } = await gatehouse(["audit", "verify", path]);
    t.equal(code, 0);
    t.match(stdout, /3 events/);
    t.match(stdout, /head 3:[0-9a-f]{64}/);
  }
});

t.test("an edited line is named, and the exit code is 1", async (t) => {
  const state = await stateFolder(t);
  const file = join(state, "audit", "audit.jsonl");
  await writeFile(file, (await readFile(file, "utf8")).replace("two", "tow"));
  const words = await gatehouse(["audit", "verify", state]);
  t.equal(words.code, 1);
  t.match(words.stderr, /audit\.jsonl:2: /);
  const json = await gatehouse(["audit", "verify", state, "--json"]);
  t.equal(json.code, 1);
  t.match(JSON.parse(json.stdout), { ok: false, line: 2, problem: "edited" });
});

t.test("with a head that was kept, a cut tail is found", async (t) => {
  const state = await stateFolder(t);
  const file = join(state, "audit", "audit.jsonl");
  const { stdout } = await gatehouse(["audit", "verify", state]);
  const [, head = ""] = /head (\S+)/.exec(stdout) ?? [];
  t.equal((await gatehouse(["audit", "verify", state, "--head", head])).code, 0);
  const lines = (await readFile(file, "utf8")).split("\n");
  await writeFile(file, `${lines.slice(0, 2).join("\n")}\n`);
  t.equal((await gatehouse(["audit", "verify", state])).code, 0, "without the head it looks whole");
  t.equal((await gatehouse(["audit", "verify", state, "--head", head])).code, 1);
});

t.test("a head that is none is a wrong call, and a missing log a failure", async (t) => {
  t.equal((await gatehouse(["audit", "verify", "--head", "abc"])).code, 2);
  const { code, stderr } = await gatehouse(["audit", "verify", join(t.testdir(), "nowhere")]);
  t.equal(code, 1);
  t.match(stderr, /nowhere/);
});
