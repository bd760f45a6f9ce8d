import t from "tap";
import { configFolder, gatehouse } from "./gatehouse.ts";

// That it prints the catalog of a target that runs, the demo's tests show.

t.test("a target that can't be asked is said to be one, and nothing is printed", async (t) => {
  const { config } = await configFolder(t);
  const args = ["policy", "catalog", "orders", "--config", config];
  const { code, stdout, stderr } = await gatehouse(args, { READER_PASSWORD: "secret-of-the-reader" });
  t.same([code, stdout], [1, ""]);
  t.match(stderr, /^✘ The catalog of "orders" can't be read, .*\n.*\n {2}CATALOG_UNAVAILABLE\n$/);
  t.notMatch(stderr, /secret-of-the-reader/);
});

t.test("an unknown target is answered with the nearest one", async (t) => {
  const { config } = await configFolder(t);
  const { code, stderr } = await gatehouse(["policy", "catalog", "order", "--config", config]);
  t.same([code, stderr], [1, 'no target "order"; did you mean "orders"?\n']);
});
