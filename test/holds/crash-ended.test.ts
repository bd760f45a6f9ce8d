import t from "tap";
import { query } from "./client.ts";
import { dieAtEachWrite, figures, type Life, type Tried } from "./crash.ts";
import { siteFor } from "./site.ts";

/* kill -9 at each write of the life of a held command that its time, its client or the gateway's own stop has ended. */

const LIVES: readonly Life[] = [
  {
    name: "expired",
    table: "one_yes",
    rate: 50,
    moments: ["before", "after"],
    async live(scene) {
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
    async live(scene) {
      scene.client.send(query(scene.text));
      await scene.until("outcome");
    },
  },
  {
    name: "cancelled",
    table: "one_yes",
    moments: ["before", "after"],
    async live(scene) {
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
    async live(scene) {
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
    async live(scene) {
      scene.client.send(query(scene.text));
      await scene.until("requested");
      await scene.gateway.ask({ do: "stop" });
    },
  },
];

const site = await siteFor(t);
const tried: Tried[] = [];
for (const life of LIVES) {
  await t.test(life.name, { timeout: 110_000 }, async (t) => {
    tried.push(await dieAtEachWrite(t, site, life));
  });
}
figures(t, tried);
