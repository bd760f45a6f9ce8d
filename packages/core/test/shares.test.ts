import t from "tap";
import { Shares } from "../src/index.ts";

t.test("a share is taken and given back, and nothing is kept of who has none", async (t) => {
  const shares = new Shares(1);
  const back = shares.take("a");
  t.equal(shares.take("a"), undefined);
  t.ok(shares.take("b"));
  back?.();
  back?.();
  t.ok(shares.take("a"));
  t.equal(shares.take("a"), undefined);
});
