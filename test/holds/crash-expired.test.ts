import t from "tap";
import { query } from "./client.ts";
import { dieInEach } from "./crash.ts";

/* kill -9 at each write of the life of a held command that nobody has answered in time, and between any two of them. */

await dieInEach(t, [
  {
    name: "expired",
    table: "one_yes",
    rate: 50,
    moments: ["before", "after"],
    live: async (scene) => {
      scene.client.send(query(scene.text));
      await scene.until("expired");
      await scene.client.answer();
    },
  },
  {
    name: "masked for want of an answer",
    table: "masked",
    rate: 50,
    moments: ["before", "after"],
    live: async (scene) => {
      scene.client.send(query(scene.text));
      await scene.until("outcome");
    },
  },
]);
