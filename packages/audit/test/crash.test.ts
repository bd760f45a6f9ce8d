import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";
import { AUDIT_FILE, verifyAuditLog } from "../src/index.ts";
import { event, linesOf, openIn } from "./support.ts";

const RUNS = 20;

/** Starts an appender, kills it once it acknowledged `count` events, and gives all that it acknowledged. */
async function killAfter(folder: string, run: number, count: number): Promise<string[]> {
  const child = spawn(process.execPath, [join(import.meta.dirname, "appender.ts"), folder, String(run)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const closed = once(child, "close");
  let printed = "";
  let seen = 0;
  for await (const chunk of child.stdout.setEncoding("utf8") as AsyncIterable<string>) {
    printed += chunk;
    seen += chunk.split("\n").length - 1;
    if (seen >= count) child.kill("SIGKILL");
  }
  await closed;
  return printed.split("\n").slice(0, -1);
}

t.test(
  "after kill -9 at any point the log goes on, verifies, and has every acknowledged event",
  async (t) => {
    const folder = join(t.testdir(), "audit");
    // A linear congruential generator with a fixed seed, so that a failing run can be had again.
    let random = 20261120;
    const acknowledged: string[] = [];
    for (let run = 0; run < RUNS; run++) {
      random = (Math.imul(random, 1664525) + 1013904223) >>> 0;
      acknowledged.push(...(await killAfter(folder, run, 1 + (random % 1500))));
      const log = await openIn(folder);
      await log.append(event(`reopened ${run}`));
      await log.close();
    }
    t.match(await verifyAuditLog(join(folder, AUDIT_FILE)), { ok: true, torn: 0 });
    const lines = linesOf(await readFile(join(folder, AUDIT_FILE)));
    const written = new Set(lines.map((line) => /"reason":"([^"]*)"/.exec(line)?.[1]));
    t.same(
      acknowledged.filter((name) => !written.has(name)),
      [],
      "no acknowledged event is missing",
    );
    t.ok(acknowledged.length > RUNS, `${acknowledged.length} events were acknowledged`);
  },
);
