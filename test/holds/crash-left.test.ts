import t from "tap";
import { query } from "./client.ts";
import { dieInEach } from "./crash.ts";

/* kill -9 at each write of the life of a held command that its client or the gateway has given up, and between any two of them. */

await dieInEach(t, [
  {
    name: "cancelled",
    table: "one_yes",
    moments: ["before", "after"],
    live: async (scene) => {
      scene.client.send(query(scene.text));
      await scene.until("requested");
      await scene.client.cancel();
      await scene.until("void");
      await scene.client.answer();
    },
  },
  {
    name: "left",
    table: "one_yes",
    moments: ["before", "after"],
    live: async (scene) => {
      scene.client.send(query(scene.text));
      await scene.until("requested");
      scene.client.vanish();
      await scene.until("void");
    },
  },
  {
    name: "stopped",
    table: "one_yes",
    rate: 50,
    moments: ["before", "after"],
    live: async (scene) => {
      scene.client.send(query(scene.text));
      await scene.until("requested");
      await scene.gateway.ask({ do: "stop" });
    },
  },
]);
