import t from "tap";
import { dieAtEachWrite, figures, type Life, type Tried } from "./crash.ts";
import { extended, query, sync } from "./client.ts";
import { siteFor } from "./site.ts";

/* kill -9 at each write of the life of a held command that people have answered, and between any two of them. */

const LIVES: readonly Life[] = [
  {
    name: "approved",
    table: "one_yes",
    moments: ["before", "after", "torn"],
    async live(scene) {
      scene.client.send(query(scene.text));
      await scene.answer("human", "approve");
      await scene.until("outcome");
    },
  },
  {
    name: "approved by two",
    table: "two_yeses",
    moments: ["before", "after"],
    async live(scene) {
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
    async live(scene) {
      scene.client.send(query(scene.text));
      await scene.answer("human", "deny");
      await scene.client.answer();
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
