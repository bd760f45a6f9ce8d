import t from "tap";
import { cpuOf, cpuSeconds, residentBytes } from "../src/process-figures.ts";

t.test("a process's time is read past a name that looks like fields", async (t) => {
  t.equal(cpuOf("7 (a) R 1) S 1 7 7 0 -1 4194560 900 0 3 0 250 50 0 0 20 0 11 0 100 1 2"), 3);
  t.throws(() => cpuOf("7 (node) S 1"));
});

t.test("this process has taken time and memory, and what is gone has none", async (t) => {
  t.ok((await cpuSeconds(process.pid)) > 0);
  const { rss } = process.memoryUsage();
  const read = await residentBytes(process.pid);
  t.ok(read > rss / 2 && read < rss * 2, `${read} is near ${rss}`);
  // The highest number that Linux gives to a process is below 2 ** 22.
  await t.rejects(cpuSeconds(2 ** 22 + 1));
});
