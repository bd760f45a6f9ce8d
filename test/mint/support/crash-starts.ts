import type { Test } from "tap";
import { settled, userOf } from "./crash.ts";
import type { Moment } from "./proxy.ts";
import { mintSite } from "./site.ts";

/* kill -9 of a gateway that takes back what the ones before it have left: at each statement of its start. */

export async function killAtEachStart(t: Test, moment: Moment): Promise<void> {
  const site = await mintSite(t);
  const config = await site.config("boot", { levels: "writer: { memberOf: [orders_write], ready: 2 }" });
  // Somebody has died with a session open, which has made a table.
  const first = await config.start(t);
  const client = await site.connect(t, first, "writer");
  const user = await userOf(client);
  await client.query(`create table left_${moment} (id int)`);
  await first.kill();
  let kills = 0;
  for (;;) {
    const stop = site.proxy.stopAt(kills + 1, moment);
    const gateway = await config.start(t);
    const over = new AbortController();
    const all = site.until("it is ready", settled(2), over.signal).then(() => "ready" as const);
    // Where it dies, it is never ready.
    all.catch(() => undefined);
    const came = await Promise.race([stop.reached, all]);
    stop.forget();
    over.abort();
    await gateway.kill();
    if (came === "ready") break;
    came.cut();
    kills++;
  }
  t.ok(kills > 0);
  t.comment(`figures: starts: kills ${moment} a statement ${kills}`);
  const last = await config.start(t);
  await site.until("all is as before", settled(2));
  await site.clean();
  t.notOk((await site.state()).users.includes(user));
  await last.ask({ do: "stop" });
  await site.until("the ready ones are gone, too", ({ users }) => users.length === 0);
}
