import t from "tap";
import { whenAborted } from "../src/abort-listeners.ts";

t.test("all who listen are told once, and nobody who has ended it", (t) => {
  const ending = new AbortController();
  const told: string[] = [];
  whenAborted(ending.signal, () => told.push("first"));
  const end = whenAborted(ending.signal, () => told.push("second"));
  whenAborted(ending.signal, () => told.push("third"));
  end();
  end();
  ending.abort();
  ending.abort();
  t.same(told, ["first", "third"]);
  t.end();
});

t.test("whoever comes too late is told at once", (t) => {
  let told = 0;
  whenAborted(AbortSignal.abort(), () => told++);
  t.equal(told, 1);
  t.end();
});

t.test("signals do not hear of each other", (t) => {
  const [one, other] = [new AbortController(), new AbortController()];
  let told = 0;
  whenAborted(one.signal, () => told++);
  other.abort();
  t.equal(told, 0);
  t.end();
});
