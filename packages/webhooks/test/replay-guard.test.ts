import { createFakeClock } from "@gatehouse/testkit";
import t from "tap";
import { MAX_REMEMBERED, ReplayGuard } from "../src/replay-guard.ts";

const signature = (index: number) => Buffer.from(String(index));

t.test("a signature is new once", async (t) => {
  const clock = createFakeClock(0);
  const guard = new ReplayGuard(clock);
  t.equal(guard.take(signature(1), 1000), "new");
  t.equal(guard.take(signature(1), 1000), "seen");
  t.equal(guard.take(signature(2), 1000), "new");
});

t.test("when it is full, nothing is forgotten that would still be taken", async (t) => {
  const clock = createFakeClock(0);
  const guard = new ReplayGuard(clock);
  for (let index = 0; index < MAX_REMEMBERED; index++) guard.take(signature(index), index === 0 ? 10 : 20);
  t.equal(guard.take(signature(-1), 20), "full");
  t.equal(guard.take(signature(0), 10), "seen");
  clock.advance(10);
  t.equal(guard.take(signature(-1), 20), "full", "one is taken up to its time, and that included");
  clock.advance(1);
  t.equal(guard.take(signature(-1), 20), "new");
  t.equal(guard.take(signature(-2), 20), "full");
  t.equal(guard.take(signature(1), 20), "seen");
});
