import t from "tap";
import { Turns } from "../../src/analysis/turns.ts";

interface Item {
  readonly asker: string;
  readonly name: string;
}

const everybody = () => true;

function turnsOf(...names: string[]): Turns<Item> {
  const turns = new Turns<Item>();
  for (const name of names) turns.add(itemOf(name));
  return turns;
}

/** `a1` is a's. */
function itemOf(name: string): Item {
  return { asker: name.charAt(0), name };
}

/** What is taken, when each turn is over before the next begins. */
function drain(turns: Turns<Item>): string[] {
  const names: string[] = [];
  for (let item = turns.next(everybody); item; item = turns.next(everybody)) {
    names.push(item.name);
    turns.over(item.asker);
  }
  return names;
}

t.test("askers take turns, and what each asked for stays in order", (t) => {
  t.strictSame(drain(turnsOf("a1", "a2", "a3", "b1", "c1", "c2")), ["a1", "b1", "c1", "a2", "c2", "a3"]);
  t.end();
});

t.test("who comes while another has the turn is next", (t) => {
  const turns = turnsOf("a1", "a2");
  t.match(turns.next(everybody), { name: "a1" });
  for (const name of ["b1", "a3"]) turns.add(itemOf(name));
  turns.over("a");
  t.strictSame(drain(turns), ["b1", "a2", "a3"]);
  t.end();
});

t.test("who is passed over keeps the turn", (t) => {
  const turns = turnsOf("a1", "b1", "c1");
  const onlyB = (asker: string) => asker === "b";
  t.match(turns.next(onlyB), { name: "b1" });
  turns.over("b");
  t.equal(turns.next(onlyB), undefined);
  t.strictSame(drain(turns), ["a1", "c1"]);
  t.end();
});

t.test("what is taken out leaves the turns as they were", (t) => {
  const turns = turnsOf("a1", "a2", "b1", "c1");
  const removed = turns.remove(({ name }) => name === "a1" || name === "b1");
  t.match(removed, [{ name: "a1" }, { name: "b1" }]);
  t.strictSame(drain(turns), ["a2", "c1"]);
  t.end();
});

t.test("an asker who has the turn while all of its others are taken out can ask again", (t) => {
  const turns = turnsOf("a1", "a2");
  t.match(turns.next(everybody), { name: "a1" });
  t.match(turns.remove(everybody), [{ name: "a2" }]);
  for (const name of ["b1", "a3"]) turns.add(itemOf(name));
  turns.over("a");
  t.strictSame(drain(turns), ["b1", "a3"]);
  t.end();
});
