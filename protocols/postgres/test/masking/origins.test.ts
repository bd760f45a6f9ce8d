import t from "tap";
import type { Origin } from "../../src/lineage/lineage.ts";
import { fitsOrigins, type Origins } from "../../src/masking/origins.ts";

const at = (relation: number, column: number): Origin => ({ relation, column });
const COMPUTED = at(0, 0);

t.test("columns fit where each is one of those that it may be", async (t) => {
  const either: Origins = [[at(1, 1)], [at(1, 2), at(2, 1), COMPUTED], undefined];
  for (const second of [at(1, 2), at(2, 1), COMPUTED])
    t.ok(fitsOrigins([at(1, 1), second, COMPUTED], either));
  t.notOk(fitsOrigins([at(1, 1), at(2, 2), COMPUTED], either), "another column");
  t.notOk(fitsOrigins([at(3, 1), COMPUTED, COMPUTED], either), "another relation");
  t.notOk(fitsOrigins([COMPUTED, COMPUTED, COMPUTED], either), "computed");
  t.notOk(fitsOrigins([at(1, 1), COMPUTED, at(1, 3)], either), "a column in place of a computation");
  t.notOk(fitsOrigins([at(1, 1), COMPUTED, at(1, 0)], either), "a whole row in its place");
});

t.test("ctid and its like are nobody's", async (t) => {
  t.ok(fitsOrigins([at(9, -1)], [undefined]));
});

t.test("of another number of columns, all have to be computed, and were planned to be", async (t) => {
  t.ok(fitsOrigins([COMPUTED, COMPUTED], []), "a function's rows");
  t.notOk(fitsOrigins([COMPUTED, at(1, 1)], []));
  t.notOk(fitsOrigins([COMPUTED, COMPUTED], [[at(1, 1)]]));
  t.notOk(fitsOrigins([at(1, 1), at(1, 2)], [[at(1, 1)]]), "one more");
});
