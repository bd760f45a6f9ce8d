import { Random } from "@gatehouse/testkit";
import t from "tap";
import { Pending } from "../src/pending.ts";
import { type ProvisionalEntry, ProvisionalNames } from "../src/provisional-names.ts";

/** What a name means for a message of this segment, at once. */
function now(names: ProvisionalNames<string>, name: string, segment: number): string | undefined {
  const known = names.lookUp(name, segment);
  if (known instanceof Pending) throw new Error(`${name} is not known yet`);
  return known;
}

t.test("a name means the newest that was sent, at once within its segment", async (t) => {
  const names = new ProvisionalNames<string>();
  names.assign("s", "a", 0);
  t.equal(now(names, "s", 0), "a");
  names.assign("s", "b", 0);
  t.equal(now(names, "s", 0), "b");
  names.assign("s", undefined, 0);
  t.equal(now(names, "s", 0), undefined);
});

t.test("a failure brings the older meaning back", async (t) => {
  const names = new ProvisionalNames<string>();
  names.settle(names.assign("s", "a", 0, 1), true);
  const close = names.assign("s", undefined, 1);
  const again = names.assign("s", "b", 1, 1);
  names.settle(close, false);
  names.settle(again, false);
  t.equal(now(names, "s", 2), "a");
  t.equal(names.size, 1);
});

t.test("a Close that worked is not undone by a Parse that did not", async (t) => {
  const names = new ProvisionalNames<string>();
  names.settle(names.assign("s", "a", 0, 1), true);
  const close = names.assign("s", undefined, 1);
  const again = names.assign("s", "b", 1, 1);
  names.settle(close, true);
  names.settle(again, false);
  t.equal(now(names, "s", 2), undefined);
  t.strictSame([names.size, names.count], [0, 0]);
});

t.test("another segment is told when to ask again, and then what the server has", async (t) => {
  for (const [done, expected] of [
    [true, "a"],
    [false, undefined],
  ] as const) {
    const names = new ProvisionalNames<string>();
    const entry = names.assign("s", "a", 0);
    const pending = names.lookUp("s", 1);
    if (!(pending instanceof Pending)) throw new Error("it is known too early");
    let known = false;
    const waiting = pending.known.then(() => {
      known = true;
    });
    await new Promise(setImmediate);
    t.notOk(known);
    names.settle(entry, done);
    await waiting;
    t.equal(now(names, "s", 1), expected);
  }
});

t.test("who waits for a name that was given again in between has to wait for that one too", async (t) => {
  const names = new ProvisionalNames<string>();
  const first = names.assign("s", "a", 0);
  const pending = names.lookUp("s", 1);
  const second = names.assign("s", "b", 0);
  names.settle(first, true);
  if (pending instanceof Pending) await pending.known;
  t.ok(names.lookUp("s", 1) instanceof Pending);
  names.settle(second, true);
  t.equal(now(names, "s", 1), "b");
});

t.test("an answer that comes twice changes nothing", async (t) => {
  const names = new ProvisionalNames<string>();
  const entry = names.assign("s", "a", 0, 5);
  names.settle(entry, false);
  names.settle(entry, true);
  t.equal(now(names, "s", 1), undefined);
  t.strictSame([names.size, names.count], [0, 0]);
});

t.test("all names are taken back together, and come back where the server refuses", async (t) => {
  for (const [done, expected] of [
    [true, [undefined, undefined]],
    [false, ["a", "b"]],
  ] as const) {
    const names = new ProvisionalNames<string>();
    names.settle(names.assign("s", "a", 0, 1), true);
    names.settle(names.assign("t", "b", 0, 1), true);
    const entries = names.assignNothing(1);
    t.equal(entries.length, 2);
    t.strictSame([now(names, "s", 1), now(names, "t", 1)], [undefined, undefined]);
    for (const entry of entries) names.settle(entry, done);
    t.strictSame([now(names, "s", 2), now(names, "t", 2)], expected);
    t.equal(names.size, done ? 0 : 2);
  }
});

t.test("the end of a transaction forgets what is settled and not kept, and nothing under way", async (t) => {
  const names = new ProvisionalNames<string>();
  names.settle(names.assign("p", "a", 0, 1), true);
  names.settle(names.assign("h", "held", 0, 4), true);
  const pending = names.assign("q", "b", 1, 2);
  names.forgetSettled((value) => value === "held");
  t.strictSame([now(names, "p", 1), now(names, "q", 1), now(names, "h", 1)], [undefined, "b", "held"]);
  t.equal(names.size, 6);
  names.settle(pending, true);
  names.forgetSettled(() => false);
  t.strictSame([names.size, names.count], [0, 0]);
});

t.test("it agrees with a server that is played beside it, whatever is sent", async (t) => {
  for (let seed = 1; seed <= 300; seed++) {
    const random = new Random(seed);
    const names = new ProvisionalNames<string>();
    /** What the server has, once it has answered all. */
    const server = new Map<string, string>();
    let segment: { name: string; value: string | undefined; entry: ProvisionalEntry<string> }[] = [];
    const checkSize = (place: string) => {
      if (names.size !== server.size * 10) t.equal(names.size, server.size * 10, `seed ${seed}, ${place}`);
    };
    for (let number = 0; number < 20; number++) {
      for (let i = random.below(6); i > 0; i--) {
        const name = `n${random.below(3)}`;
        const value = random.chance(0.3) ? undefined : `v${number}.${i}`;
        segment.push({ name, value, entry: names.assign(name, value, number, value === undefined ? 0 : 10) });
        if (names.size < 0) t.fail(`seed ${seed}: a size below zero`);
      }
      // The server answers in order; after its first refusal it does none of the rest.
      let failed = false;
      for (const { name, value, entry } of segment) {
        failed ||= random.chance(0.1) || (value !== undefined && server.has(name));
        if (!failed && value === undefined) server.delete(name);
        else if (!failed && value !== undefined) server.set(name, value);
        names.settle(entry, !failed);
      }
      segment = [];
      for (const name of ["n0", "n1", "n2"]) {
        const known = now(names, name, number + 1);
        if (known !== server.get(name)) t.equal(known, server.get(name), `seed ${seed}, segment ${number}`);
      }
      checkSize(`segment ${number}`);
      if (random.chance(0.1)) {
        const done = random.chance(0.5);
        for (const entry of names.assignNothing(number)) names.settle(entry, done);
        if (done) server.clear();
        checkSize("all taken back");
      }
      if (random.chance(0.1)) {
        const kept = (value: string) => value.endsWith("1");
        names.forgetSettled(kept);
        for (const [name, value] of server) if (!kept(value)) server.delete(name);
        checkSize("a transaction's end");
      }
    }
    names.forgetSettled(() => false);
    if (names.size !== 0 || names.count !== 0) t.fail(`seed ${seed}: something is left`);
  }
  t.pass("300 seeds");
});
