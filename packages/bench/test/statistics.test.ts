import t from "tap";
import { median, quantile } from "../src/statistics.ts";

t.test("the median is the middle, whatever the order, or lies between the two in the middle", async (t) => {
  t.equal(median([9, 1, 5]), 5);
  t.equal(median([4, 1, 2, 100]), 3);
  t.throws(() => median([]), RangeError);
});

t.test("a quantile is a value that was there", async (t) => {
  const values = Array.from({ length: 100 }, (_, index) => 100 - index);
  t.equal(quantile(values, 0.5), 50);
  t.equal(quantile(values, 0.99), 99);
  t.equal(quantile(values, 1), 100);
  t.equal(quantile(values, 0), 1);
  t.equal(quantile([7], 0.99), 7);
  t.throws(() => quantile([], 0.5), RangeError);
});
