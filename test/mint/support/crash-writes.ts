import type { Test } from "tap";
import { Ended } from "../../holds/gateway-process.ts";
import { settled, userOf } from "./crash.ts";
import { mintSite } from "./site.ts";

/* kill -9 of the gateway at each of its own writes, of the journal and of the audit log, in the life of a session. */

export async function killAtEachWrite(t: Test, moment: "before" | "after"): Promise<void> {
  const site = await mintSite(t);
  const config = await site.config("journal", { levels: "reader: { memberOf: [orders_read], ready: 1 }" });
  let kills = 0;
  for (;;) {
    const gateway = await config.start(t);
    await site.until("all is as before", settled(1));
    await site.clean();
    const over = new AbortController();
    const died = gateway.ended.then(() => {
      over.abort();
      return true;
    });
    const lived = (async () => {
      await gateway.ask({ do: "kill", write: kills + 1, moment });
      const client = await site.connect(t, gateway);
      await userOf(client);
      await client.end();
      await site.until("its user is gone", settled(1), over.signal);
      await gateway.ask({ do: "kill", write: 0, moment });
      return false;
    })();
    lived.catch((error: unknown) => error instanceof Ended);
    if (!(await Promise.race([died, lived.catch(() => died)]))) {
      await gateway.ask({ do: "stop" });
      break;
    }
    kills++;
  }
  t.ok(kills > 0, "it writes");
  t.comment(`figures: kills ${moment} a write ${kills}`);
  await site.clean();
}
