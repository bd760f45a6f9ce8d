import t from "tap";
import { extended, query, sync } from "./client.ts";
import { dieInEach } from "./crash.ts";

/* kill -9 at each write of the life of a held command that two people approve, or one denies, and between any two of them. */

await dieInEach(t, [
  {
    name: "approved by two",
    table: "two_yeses",
    moments: ["before", "after"],
    live: async (scene) => {
      scene.client.send(extended(scene.text), sync);
      await scene.answer("human", "approve");
      await scene.answer("agent", "approve");
      await scene.until("outcome");
    },
  },
  {
    name: "denied",
    table: "one_yes",
    moments: ["before", "after"],
    live: async (scene) => {
      scene.client.send(query(scene.text));
      await scene.answer("human", "deny");
      await scene.client.answer();
    },
  },
]);
