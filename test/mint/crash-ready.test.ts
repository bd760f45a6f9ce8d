import t from "tap";
import { killAtEach, oneSession } from "./support/crash.ts";
import { mintSite } from "./support/site.ts";

/* kill -9 of the gateway between any two statements of a session that takes a user that was made ready. */

const site = await mintSite(t);
const config = await site.config("ready", { levels: "writer: { memberOf: [orders_write], ready: 2 }" });
const life = oneSession("a user that was ready", "writer", 2);

t.test("before the server has the statement", (t) => killAtEach(t, site, config, life, "before"));
t.test("when the server has answered it", (t) => killAtEach(t, site, config, life, "answered"));
