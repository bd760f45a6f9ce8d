import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import t from "tap";
import { openApprovalStore } from "../src/index.ts";

const RUNS = 10;

/** Starts a writer, kills it once it has told of `count` saves, and gives all that it told of. */
async function killAfter(file: string, run: number, count: number): Promise<string[]> {
  const child = spawn(process.execPath, [join(import.meta.dirname, "writer.ts"), file, String(run)], {
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
  "after kill -9 at any point the store opens, and has all that was saved, as it was saved last",
  async (t) => {
    const file = join(t.testdir(), "approvals.db");
    /** What each approval was said to be at the least. */
    const saved = new Map<string, string>();
    for (let run = 0; run < RUNS; run++) {
      for (const line of await killAfter(file, run, 1 + run * 37)) {
        const [id = "", state = ""] = line.split(" ");
        saved.set(id, state);
      }
      const store = openApprovalStore(file, { durability: "written" });
      const found = new Map(store.unfinished().map(({ id, state }) => [id, state]));
      store.close();
      for (const [id, state] of saved) {
        const now = found.get(id);
        if (now !== state && !(state === "pending" && now === "approved"))
          t.fail(`${id}: ${state}, found ${now}`);
      }
    }
    t.ok(saved.size > RUNS, `${saved.size} were saved`);
  },
);
