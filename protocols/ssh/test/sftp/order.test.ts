import t from "tap";
import { Names } from "../../src/sftp/names.ts";
import { Order, type Subject, type Turn } from "../../src/sftp/order.ts";

const reads = (...paths: string[]): Subject => ({ paths, writes: false, structural: false });
const writes = (...paths: string[]): Subject => ({ paths, writes: true, structural: false });
const moves = (...paths: string[]): Subject => ({ paths, writes: true, structural: true });

/** Lets subjects in, in order; tells which of them have begun. */
function entered(...subjects: readonly Subject[]): {
  order: Order;
  begun: number[];
  turns: Map<number, Turn>;
} {
  const order = new Order();
  const begun: number[] = [];
  const turns = new Map<number, Turn>();
  for (const [at, subject] of subjects.entries()) {
    order.enter(subject, (turn) => {
      begun.push(at);
      turns.set(at, turn);
    });
  }
  return { order, begun, turns };
}

t.test("what is about one file is done in order, what is not goes ahead", (t) => {
  const { begun, turns } = entered(writes("/a"), reads("/a"), reads("/b"), writes("/a/b"), reads("/a"));
  t.same(begun, [0, 2, 3]);
  turns.get(0)?.leave();
  t.same(begun, [0, 2, 3, 1, 4]);
  t.end();
});

t.test("who moves a name goes before and behind all that is below it", (t) => {
  const below = entered(moves("/a"), reads("/a/b/c"), reads("/ab"));
  t.same(below.begun, [0, 2]);
  const above = entered(reads("/a/b/c"), moves("/a"));
  t.same(above.begun, [0]);
  above.turns.get(0)?.leave();
  t.same(above.begun, [0, 1]);
  t.end();
});

t.test("one that waits for two waits for both, and leaves once", (t) => {
  const { order, begun, turns } = entered(writes("/a"), writes("/b"), moves("/a", "/b"));
  turns.get(0)?.leave();
  turns.get(0)?.leave();
  t.same(begun, [0, 1]);
  turns.get(1)?.leave();
  t.same(begun, [0, 1, 2]);
  t.equal(order.size, 1);
  t.end();
});

t.test("later ones go by where a path was found to lead, too", (t) => {
  const { order, turns } = entered(writes("/link"));
  t.equal(order.holds(reads("/real")), false);
  turns.get(0)?.widen(["/real"]);
  t.equal(order.holds(reads("/real")), true);
  t.equal(order.holds(reads("/link")), true);
  t.end();
});

t.test("nobody acts on a look while names change, and nobody changes them under a look", async (t) => {
  const names = new Names();
  const seen = names.generation;
  const release = names.changeNow(seen);
  t.ok(release);
  t.equal(names.generation, undefined, "what is seen now may be of before or after");
  t.equal(names.unchanged(seen), false);
  t.equal(names.changeNow(names.generation), undefined);
  const happened: string[] = [];
  const looks = names.turn(false).then((release) => {
    happened.push("look");
    return release;
  });
  const change = names.turn(true).then((release) => {
    happened.push("change");
    return release;
  });
  const late = names.turn(false).then((release) => {
    happened.push("late look");
    return release;
  });
  release?.();
  release?.();
  const look = await looks;
  t.same(happened, ["look"]);
  look();
  (await change)();
  (await late)();
  t.same(happened, ["look", "change", "late look"]);
  t.equal(names.unchanged(seen), false);
  t.equal(names.unchanged(names.generation), true);
});
