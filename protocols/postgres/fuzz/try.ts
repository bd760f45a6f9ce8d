import { appendFileSync, writeFileSync } from "node:fs";
import { conversation } from "./conversations.ts";
import { difference, startSite, straight, through } from "./differential.ts";
import { Random } from "./random.ts";
import type { Step } from "./steps.ts";
const [from = "1", count = "50", broken = "0.02", stray = "0.2"] = process.argv.slice(2);
const site = await startSite();
const seen = new Set<string>();
async function differs(steps: readonly Step[], seed: number) {
  const a = await straight(site, steps);
  const b = await through(site, steps, new Random(seed));
  return difference(a, b);
}
async function shrink(steps: Step[], seed: number) {
  let now = steps;
  let budget = 60;
  for (let size = Math.ceil(now.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < now.length && budget > 0; ) {
      const less = [...now.slice(0, at), ...now.slice(at + size)];
      budget--;
      if (less.length < now.length && (await differs(less, seed)) !== undefined) now = less;
      else at += size;
    }
  }
  return now;
}
try {
  for (let seed = Number(from); seed < Number(from) + Number(count); seed++) {
    const steps = conversation(new Random(seed), { length: 8, stray: Number(stray), broken: Number(broken) });
    let d: string | undefined;
    try {
      d = await differs(steps, seed);
    } catch (e) {
      process.stdout.write(`seed ${seed} threw ${e}\n`);
      continue;
    }
    if (d === undefined) continue;
    const small = await shrink(steps, seed);
    const text = JSON.stringify(small);
    const key = small.map((s) => s[0]).join();
    process.stdout.write(
      `seed ${seed}: ${text}\n  ${(await differs(small, seed)) ?? "(not again) " + d}\n${seen.has(key) ? "(same key)\n" : ""}`,
    );
    seen.add(key);
  }
  process.stdout.write(`done to ${Number(from) + Number(count)}\n`);
} finally {
  await site.close();
}
