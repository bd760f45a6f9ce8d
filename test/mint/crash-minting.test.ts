import t from "tap";
import { killAtEach, oneSession } from "./support/crash.ts";
import { mintSite } from "./support/site.ts";

/* kill -9 of the gateway between any two statements of a session whose user is made when it logs in. */

const site = await mintSite(t);
const config = await site.config("minting", { levels: "reader: { memberOf: [orders_read], ready: 0 }" });
const life = oneSession("a user that is made at log-in", "reader", 0);

t.test("before the server has the statement", (t) => killAtEach(t, site, config, life, "before"));
t.test("when the server has answered it", (t) => killAtEach(t, site, config, life, "answered"));
