import { once } from "node:events";
import { setImmediate as turn } from "node:timers/promises";
import type { Refusal } from "@gatehouse/core";
import { sampleSession as session } from "@gatehouse/testkit";
import t from "tap";
import { SessionRegistry } from "../src/index.ts";

const reason: Refusal = { kind: "busy", message: "The gateway is shutting down.", reference: "ref_1" };
/** Long enough that a test which waits for it fails. */
const NEVER = 3_600_000;

t.test("a session is counted from open to close, and closes once", async (t) => {
  const registry = new SessionRegistry();
  const first = registry.open(session);
  registry.open(session);
  t.equal(registry.size, 2);
  first.close();
  first.close();
  t.equal(registry.size, 1);
});

t.test("a session that is open is not ended, idle or busy, while nothing drains", async (t) => {
  const registered = new SessionRegistry().open(session);
  registered.idle(true);
  registered.idle(false);
  t.notOk(registered.ended.aborted);
});

t.test("draining with nothing open is done at once", async (t) => {
  t.equal(await new SessionRegistry().drain(reason, NEVER, NEVER), 0);
});

t.test(
  "draining ends idle sessions at once, with the reason, and waits until they have closed",
  async (t) => {
    const registry = new SessionRegistry();
    const idle = registry.open(session);
    idle.idle(true);
    let drained = false;
    const draining = registry.drain(reason, NEVER, NEVER).then((left) => {
      drained = true;
      return left;
    });
    t.ok(idle.ended.aborted);
    t.equal(idle.ended.reason, reason);
    await turn();
    t.notOk(drained, "it was told, and has not closed");
    idle.close();
    t.equal(await draining, 0);
  },
);

t.test("draining leaves a busy session alone until it is idle", async (t) => {
  const registry = new SessionRegistry();
  const busy = registry.open(session);
  const draining = registry.drain(reason, NEVER, NEVER);
  await turn();
  t.notOk(busy.ended.aborted);
  busy.idle(false);
  t.notOk(busy.ended.aborted);
  busy.idle(true);
  t.ok(busy.ended.aborted);
  busy.close();
  t.equal(await draining, 0);
});

t.test("a session that was idle and is busy again counts as busy", async (t) => {
  const registry = new SessionRegistry();
  const busy = registry.open(session);
  busy.idle(true);
  busy.idle(false);
  const draining = registry.drain(reason, NEVER, NEVER);
  t.notOk(busy.ended.aborted);
  busy.close();
  t.equal(await draining, 0);
});

t.test("draining ends what is still busy at the deadline", async (t) => {
  const registry = new SessionRegistry();
  const busy = registry.open(session);
  const draining = registry.drain(reason, 1, NEVER);
  await once(busy.ended, "abort");
  t.equal(busy.ended.reason, reason);
  busy.close();
  t.equal(await draining, 0);
});

t.test("draining gives up on a session that does not close, and says how many there are", async (t) => {
  const registry = new SessionRegistry();
  registry.open(session);
  registry.open(session).close();
  t.equal(await registry.drain(reason, 1, 1), 1);
});

t.test("a session that is opened while draining is ended at once, and waited for", async (t) => {
  const registry = new SessionRegistry();
  const busy = registry.open(session);
  const draining = registry.drain(reason, NEVER, NEVER);
  const late = registry.open(session);
  t.ok(late.ended.aborted);
  t.equal(late.ended.reason, reason);
  busy.close();
  t.equal(registry.size, 1);
  late.close();
  t.equal(await draining, 0);
});
