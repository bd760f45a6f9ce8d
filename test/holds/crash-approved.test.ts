import t from "tap";
import { query } from "./client.ts";
import { dieInEach } from "./crash.ts";

/* kill -9 at each write of the life of a held command that somebody has approved, and between any two of them. */

await dieInEach(t, [
  {
    name: "approved",
    table: "one_yes",
    moments: ["before", "after", "torn"],
    live: async (scene) => {
      scene.client.send(query(scene.text));
      await scene.answer("human", "approve");
      await scene.until("outcome");
    },
  },
]);
