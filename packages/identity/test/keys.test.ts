import { mock } from "node:test";
import { createFakeClock, createMemoryLog } from "@gatehouse/testkit";
import { createLocalJWKSet } from "jose";
import t, { type Test } from "tap";
import type { KeySet } from "../src/discovery.ts";
import {
  FIRST_RETRY,
  LONGEST_RETRY,
  ProviderKeys,
  REFRESH_AFTER,
  STALE_AFTER,
  UNKNOWN_KEY_INTERVAL,
} from "../src/keys.ts";

const keySet = (text: string): KeySet => ({ text, find: createLocalJWKSet({ keys: [] }) });
const unavailable = { code: "IDENTITY_UNAVAILABLE" };

/** Keys whose fetches the test answers, one by one or all alike. */
function underTest(t: Test) {
  const clock = createFakeClock(1_000_000);
  const log = createMemoryLog();
  const state = { fetches: 0, answer: (): Promise<KeySet> => Promise.resolve(keySet("one")) };
  const keys = new ProviderKeys({
    name: "corp",
    clock,
    log,
    load: () => {
      state.fetches += 1;
      return state.answer();
    },
  });
  t.teardown(() => keys.close());
  const down = () => Promise.reject(new Error("ECONNREFUSED"));
  return { clock, log, state, keys, down };
}

t.test("everybody who needs keys waits for the same fetch", async (t) => {
  const { keys, state } = underTest(t);
  const { promise, resolve } = Promise.withResolvers<KeySet>();
  state.answer = () => promise;
  const waiting = [keys.current(), keys.current(), keys.current()];
  const set = keySet("one");
  resolve(set);
  for (const got of await Promise.all(waiting)) t.equal(got, set);
  t.equal(state.fetches, 1);
});

t.test("keys older than ten minutes are refreshed behind, and serve meanwhile", async (t) => {
  const { keys, state, clock } = underTest(t);
  const first = await keys.current();
  clock.advance(REFRESH_AFTER - 1);
  t.equal(await keys.current(), first);
  t.equal(state.fetches, 1);

  const { promise, resolve } = Promise.withResolvers<KeySet>();
  state.answer = () => promise;
  clock.advance(1);
  t.equal(await keys.current(), first, "does not wait");
  t.equal(state.fetches, 2);
  const second = keySet("two");
  resolve(second);
  await keys.refresh();
  t.equal(keys.usable(), second);
});

t.test("the same keys fetched again stay the same set", async (t) => {
  const { keys } = underTest(t);
  const first = await keys.current();
  await keys.refresh();
  t.equal(await keys.current(), first);
});

t.test("an unknown key leads to one fetch per 30 seconds, however many tokens name one", async (t) => {
  const { keys, state, clock } = underTest(t);
  const known = await keys.current();
  for (let forged = 0; forged < 50; forged += 1) t.equal(await keys.newerThan(known), undefined);
  t.equal(state.fetches, 2);
  clock.advance(UNKNOWN_KEY_INTERVAL - 1);
  t.equal(await keys.newerThan(known), undefined);
  t.equal(state.fetches, 2);
  clock.advance(1);
  await Promise.all(Array.from({ length: 50 }, () => keys.newerThan(known)));
  t.equal(state.fetches, 3);
});

t.test(
  "an unknown key finds the provider's new keys, also those that somebody else has fetched",
  async (t) => {
    const { keys, state } = underTest(t);
    const known = await keys.current();
    const second = keySet("two");
    state.answer = () => Promise.resolve(second);
    t.equal(await keys.newerThan(known), second);
    t.equal(await keys.newerThan(known), second);
    t.equal(state.fetches, 2);
  },
);

t.test("an unknown key does not get round the back-off of a provider that is down", async (t) => {
  const { keys, state, clock, down } = underTest(t);
  const known = await keys.current();
  state.answer = down;
  await keys.refresh();
  await t.rejects(keys.newerThan(known), unavailable);
  t.equal(state.fetches, 2);
  clock.advance(FIRST_RETRY);
  await t.rejects(keys.newerThan(known), unavailable);
  t.equal(state.fetches, 3);
});

t.test("without keys, a provider that is down is asked at growing intervals, up to a minute", async (t) => {
  const { keys, state, clock, log, down } = underTest(t);
  state.answer = down;
  let wait = FIRST_RETRY;
  await t.rejects(keys.current(), unavailable);
  for (let failures = 1; failures < 10; failures += 1) {
    t.equal(state.fetches, failures);
    clock.advance(wait - 1);
    await t.rejects(keys.current(), unavailable);
    t.equal(state.fetches, failures, "too early");
    clock.advance(1);
    await t.rejects(keys.current(), unavailable);
    wait = Math.min(wait * 2, LONGEST_RETRY);
  }
  t.equal(wait, LONGEST_RETRY);
  t.match(log.entries.at(-1), { level: "warn", fields: { provider: "corp", reason: "ECONNREFUSED" } });
  t.strictSame(keys.status(), { name: "corp", ready: false, reason: "ECONNREFUSED" });

  state.answer = () => Promise.resolve(keySet("one"));
  clock.advance(wait);
  t.equal((await keys.current()).text, "one");
  t.strictSame(keys.status(), { name: "corp", ready: true });
  t.match(log.entries.at(-1), { level: "info", message: "the identity provider answers again" });
});

t.test("known keys serve for a day while the provider is down, and no longer", async (t) => {
  const { keys, state, clock, down } = underTest(t);
  const known = await keys.current();
  state.answer = down;
  clock.advance(REFRESH_AFTER);
  t.equal(await keys.current(), known);
  await keys.refresh();
  t.strictSame(keys.status(), { name: "corp", ready: true, reason: "ECONNREFUSED" });
  clock.advance(STALE_AFTER - REFRESH_AFTER - 1);
  t.equal(await keys.current(), known);
  await keys.refresh();
  clock.advance(1);
  await t.rejects(keys.current(), unavailable);
  t.equal(keys.usable(), undefined);
  t.equal(keys.status().ready, false);
});

t.test("a provider that comes back is found without anybody logging in", async (t) => {
  mock.timers.enable({ apis: ["setTimeout"] });
  t.teardown(() => mock.timers.reset());
  const { keys, state, clock, down } = underTest(t);
  state.answer = down;
  await keys.refresh();
  t.equal(keys.status().ready, false);
  state.answer = () => Promise.resolve(keySet("one"));
  clock.advance(FIRST_RETRY);
  mock.timers.tick(FIRST_RETRY);
  t.equal(state.fetches, 2);
  await keys.refresh();
  t.equal(state.fetches, 2, "joined the one that the timer had started");
  t.equal(keys.status().ready, true);
});

t.test("a fetch that takes too long is given up", async (t) => {
  const keys = new ProviderKeys({
    name: "corp",
    clock: createFakeClock(),
    log: createMemoryLog(),
    deadline: 1,
    load: (signal) =>
      new Promise((_resolve, reject) => {
        // Holds the process open, which the deadline's own timer does not.
        const open = setInterval(() => undefined, 1000);
        signal.addEventListener("abort", () => {
          clearInterval(open);
          reject(new Error("given up"));
        });
      }),
  });
  t.teardown(() => keys.close());
  await t.rejects(keys.current(), unavailable);
  t.strictSame(keys.status(), { name: "corp", ready: false, reason: "given up" });
});

t.test("once closed, it ends the fetch under way, starts none and warns of nothing", async (t) => {
  const { keys, state, log } = underTest(t);
  const { promise, reject } = Promise.withResolvers<KeySet>();
  state.answer = () => promise;
  const waiting = keys.current();
  keys.close();
  reject(new Error("aborted"));
  await t.rejects(waiting, unavailable);
  await t.rejects(keys.current(), unavailable);
  t.equal(state.fetches, 1);
  t.strictSame(log.entries, []);
});
