import t from "tap";
import { type ProvisionalEntry, ProvisionalNames } from "../src/provisional-names.ts";

t.test("a name means the newest that was sent, at once within its segment", async (t) => {
  const names = new ProvisionalNames<string>();
  names.assign("s", "a", 0);
  t.equal(await names.resolve("s", 0), "a");
  names.assign("s", "b", 0);
  t.equal(await names.resolve("s", 0), "b");
  names.assign("s", undefined, 0);
  t.equal(await names.resolve("s", 0), undefined);
});

t.test("a failure brings the older meaning back", async (t) => {
  const names = new ProvisionalNames<string>();
  names.settle(names.assign("s", "a", 0, 1), true);
  const close = names.assign("s", undefined, 1);
  const again = names.assign("s", "b", 1, 1);
  names.settle(close, false);
  names.settle(again, false);
  t.equal(await names.resolve("s", 2), "a");
  t.equal(names.size, 1);
});

t.test("a Close that worked is not undone by a Parse that did not", async (t) => {
  const names = new ProvisionalNames<string>();
  names.settle(names.assign("s", "a", 0, 1), true);
  const close = names.assign("s", undefined, 1);
  const again = names.assign("s", "b", 1, 1);
  names.settle(close, true);
  names.settle(again, false);
  t.equal(await names.resolve("s", 2), undefined);
  t.strictSame([names.size, names.count], [0, 0]);
});

t.test("another segment waits until the name's fate is known", async (t) => {
  for (const [done, expected] of [
    [true, "a"],
    [false, undefined],
  ] as const) {
    const names = new ProvisionalNames<string>();
    const entry = names.assign("s", "a", 0);
    let known = false;
    const waiting = Promise.resolve(names.resolve("s", 1)).then((value) => {
      known = true;
      return value;
    });
    await new Promise(setImmediate);
    t.notOk(known);
    names.settle(entry, done);
    t.equal(await waiting, expected);
  }
});

t.test("a name that is forgotten while another segment waits for it means nothing", async (t) => {
  const names = new ProvisionalNames<string>();
  const entry = names.assign("s", "a", 0, 5);
  const waiting = names.resolve("s", 1);
  names.forget(["s"]);
  t.equal(await waiting, undefined);
  names.settle(entry, true);
  t.equal(await names.resolve("s", 1), undefined, "an answer that comes later does not bring it back");
  t.strictSame([names.size, names.count], [0, 0]);
});

t.test("the end of a transaction forgets what is settled, and not what is under way", async (t) => {
  const names = new ProvisionalNames<string>();
  names.settle(names.assign("p", "a", 0, 1), true);
  names.assign("q", "b", 1, 2);
  names.forgetSettled();
  t.equal(await names.resolve("p", 1), undefined);
  t.equal(await names.resolve("q", 1), "b");
  t.equal(names.size, 2);
  names.forget("all");
  t.strictSame([names.size, names.count], [0, 0]);
});

/** A generator of numbers below 1 that a failing run can be repeated with (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

t.test("it agrees with a server that is played beside it, whatever is sent", async (t) => {
  for (let seed = 1; seed <= 300; seed++) {
    const random = seeded(seed);
    const pick = (n: number) => Math.floor(random() * n);
    const names = new ProvisionalNames<string>();
    /** What the server has, once it has answered all. */
    const server = new Map<string, string>();
    let segment: { name: string; value: string | undefined; entry: ProvisionalEntry<string> }[] = [];
    for (let number = 0; number < 20; number++) {
      for (let i = pick(6); i > 0; i--) {
        const name = `n${pick(3)}`;
        const value = random() < 0.3 ? undefined : `v${number}.${i}`;
        segment.push({ name, value, entry: names.assign(name, value, number, value === undefined ? 0 : 10) });
        if (names.size < 0) t.fail(`seed ${seed}: a size below zero`);
      }
      // The server answers in order; after its first refusal it does none of the rest.
      let failed = false;
      for (const { name, value, entry } of segment) {
        failed ||= random() < 0.1 || (value !== undefined && server.has(name));
        if (!failed && value === undefined) server.delete(name);
        else if (!failed && value !== undefined) server.set(name, value);
        names.settle(entry, !failed);
      }
      segment = [];
      for (const name of ["n0", "n1", "n2"]) {
        const known = await names.resolve(name, number + 1);
        if (known !== server.get(name)) t.equal(known, server.get(name), `seed ${seed}, segment ${number}`);
      }
      if (names.size !== server.size * 10) t.equal(names.size, server.size * 10, `seed ${seed}, size`);
      if (random() < 0.1) {
        names.forget("all");
        server.clear();
      }
    }
    names.forget("all");
    if (names.size !== 0) t.equal(names.size, 0, `seed ${seed}`);
  }
  t.pass("300 seeds");
});
