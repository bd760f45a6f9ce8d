import t from "tap";
import { disturbAtEach, oneSession, settled, userOf } from "./support/crash.ts";
import { mintSite } from "./support/site.ts";

/* The target goes away, at each statement, and comes back. The gateway lives. */

const site = await mintSite(t);
const config = await site.config("target", { levels: "reader: { memberOf: [orders_read], ready: 1 }" });
const life = oneSession("a session", "reader", 1);

t.test("the connection ends when the server has done the statement, and nobody hears of it", (t) =>
  disturbAtEach(t, site, config, life, {
    moment: "answered",
    async disturb(stopped) {
      stopped.cut();
    },
  }),
);

t.test("the server crashes in the middle of the statement", (t) =>
  disturbAtEach(t, site, config, life, {
    moment: "after",
    async disturb(stopped) {
      await site.server.crash();
      stopped.cut();
      await site.server.start();
    },
  }),
);

t.test("the target is away when the session ends", async (t) => {
  const gateway = await config.start(t);
  const client = await site.connect(t, gateway);
  const user = await userOf(client);
  site.proxy.cutAll();
  await t.rejects(userOf(client));
  await t.rejects(site.connect(t, gateway), "nobody gets in meanwhile");
  t.match((await site.state()).taken, [user], "its user is there");
  site.proxy.restore();
  await site.until("it is gone", settled(1));
  await site.clean();
  const again = await site.connect(t, gateway);
  t.not(await userOf(again), user);
  await again.end();
  await gateway.ask({ do: "stop" });
  await site.clean();
});

t.test("the target is away when the gateway dies, and when it starts", async (t) => {
  const gateway = await config.start(t);
  await userOf(await site.connect(t, gateway));
  await gateway.kill();
  site.proxy.cutAll();
  const next = await config.start(t);
  await t.rejects(site.connect(t, next));
  site.proxy.restore();
  await site.until("the dead one's users are gone", settled(1));
  await site.clean();
  await next.ask({ do: "stop" });
  await site.clean();
});
