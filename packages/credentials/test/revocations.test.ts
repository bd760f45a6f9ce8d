import { createFakeClock, createMemoryLog } from "@gatehouse/testkit";
import t from "tap";
import { Revocations } from "../src/revocations.ts";

const GATHER = 200;

function create(gather?: number) {
  const clock = createFakeClock();
  const calls: string[][] = [];
  const revocations = new Revocations({
    remove: (ids) => {
      calls.push([...ids]);
      return Promise.resolve(ids.map((name) => ({ name, outcome: "removed", owned: [] }) as const));
    },
    settled: () => Promise.resolve(),
    ...(gather === undefined ? {} : { gather }),
    ...{ clock, log: createMemoryLog(), random: () => 0.5, about: {} },
  });
  const add = (id: string) => revocations.add({ id, why: "released" });
  return { clock, calls, revocations, add };
}

t.test("one waits for others from the first on, not from the last: there is always a next one", async (t) => {
  const { clock, calls, revocations, add } = create(GATHER);
  const begun = clock.now();
  for (const id of ["one", "two", "three"]) {
    add(id);
    t.equal(revocations.begin(), undefined);
    t.equal(revocations.next, begun + GATHER);
    clock.advance(GATHER / 3);
  }
  clock.advance(1);
  await revocations.begin();
  t.same(calls, [["one", "two", "three"]]);
  t.equal(revocations.backlog, 0);
  add("four");
  t.equal(revocations.begin(), undefined, "the next ones gather again");
  clock.advance(GATHER);
  await revocations.begin();
  t.same(calls.slice(1), [["four"]]);
});

t.test("who is in a hurry waits for nobody", async (t) => {
  const { calls, revocations, add } = create(GATHER);
  add("one");
  revocations.urge();
  await revocations.begin();
  t.same(calls, [["one"]]);
});

t.test("a clock that is set back keeps nobody", async (t) => {
  const { clock, calls, revocations, add } = create(GATHER);
  add("one");
  clock.advance(-GATHER * 1000);
  await revocations.begin();
  t.same(calls, [["one"]]);
});

t.test("where nothing is gathered, each goes at once", async (t) => {
  const { calls, revocations, add } = create();
  add("one");
  await revocations.begin();
  t.same(calls, [["one"]]);
});
