import t from "tap";
import { createFakeClock, createMemoryLog } from "../src/index.ts";

t.test("a fake clock stands still until it is moved", async (t) => {
  const clock = createFakeClock(1000);
  t.equal(clock.now(), 1000);
  clock.advance(5);
  t.equal(clock.now(), 1005);
});

t.test("a memory log keeps what it was told, in order", async (t) => {
  const log = createMemoryLog();
  log.warn({ a: 1 }, "first");
  log.info({}, "second");
  t.strictSame(log.entries, [
    { level: "warn", fields: { a: 1 }, message: "first" },
    { level: "info", fields: {}, message: "second" },
  ]);
});
