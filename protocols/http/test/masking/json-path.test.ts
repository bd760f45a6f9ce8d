import t from "tap";
import { followPaths, type PathState } from "../../src/masking/json-path.ts";

const at = (from: PathState, ...keys: (string | number)[]) =>
  keys.reduce((state, key) => state.child(key), from).hits;

t.test("paths lead where they say, and nowhere else", (t) => {
  const paths = followPaths(["$.a[*].b", "$..ssn", "$.a[0]", "$['a'].*", "$..x..y", "$"]);
  t.same(at(paths), [5]);
  t.same(at(paths, "a"), []);
  t.same(at(paths, "a", 0), [2, 3]);
  t.same(at(paths, "a", 1), [3]);
  t.same(at(paths, "a", "0"), [3], "a member is no item");
  t.same(at(paths, "a", 7, "b"), [0]);
  t.same(at(paths, "a", 7, "b", "b"), []);
  t.same(at(paths, "b", 7, "b"), []);
  t.same(at(paths, "ssn"), [1]);
  t.same(at(paths, "ssn", 3, "ssn"), [1]);
  t.same(at(paths, "a", "ssn"), [1, 3]);
  t.same(at(paths, "q", "x", "q", "y", "y"), [4]);
  t.same(at(paths, "y", "x"), []);
  t.same(at(paths, "__proto__", "constructor"), []);
  t.end();
});

t.test("a path that is none hides everything", (t) => {
  t.same(at(followPaths(["customers.email"])), [0]);
  t.same(at(followPaths([]), "a"), []);
  t.end();
});

t.test("what leads to more states than are kept is followed all the same", (t) => {
  const paths = followPaths([`$..a${"[*]".repeat(14)}`]);
  let ends = 0;
  for (let walk = 0; walk < 4096; walk++) {
    const keys = Array.from({ length: 15 }, (_, bit) => ((walk >> bit) & 1 ? "a" : "b"));
    const hits = at(paths, ...keys);
    if (hits.length !== (keys[0] === "a" ? 1 : 0)) t.fail(keys.join(""));
    ends += hits.length;
  }
  t.equal(ends, 2048);
  t.end();
});
