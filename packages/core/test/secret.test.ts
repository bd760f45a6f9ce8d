import { inspect } from "node:util";
import t from "tap";
import { Secret } from "../src/index.ts";

t.test("a secret is printed by no common way of printing", async (t) => {
  const secret = new Secret("hunter2");
  for (const printed of [
    String(secret),
    "".concat(String(secret)),
    JSON.stringify({ secret }),
    inspect({ secret }, { showHidden: true, depth: 9 }),
  ]) {
    t.notMatch(printed, "hunter2");
    t.match(printed, "[secret]");
  }
  t.equal(secret.reveal(), "hunter2");
});
