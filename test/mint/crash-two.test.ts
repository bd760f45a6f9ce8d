import pg from "pg";
import t from "tap";
import type { GatewayProcess } from "../holds/gateway-process.ts";
import { settled, userOf } from "./support/crash.ts";
import { type GatewayConfig, mintSite } from "./support/site.ts";

/*
 * Several gateways at one target. The time of the one that looks goes by faster, so that it is the eager one: what it spares it
 * spares for what it sees, and not since it has not looked yet.
 */

const EAGER = { rate: 30 };
const site = await mintSite(t);
const levels = "writer: { memberOf: [orders_write], ready: 1 }";
// Only the looker's statements are counted: the other one has a way of its own.
const looker = await site.config("looker", { levels });
const other = await site.config("other", { levels, straight: true });
/** Its looks at the target, several times as many as it takes to give somebody up. */
const LOOKS = 12;

async function looks(gateway: GatewayProcess): Promise<void> {
  // A look is a statement at the least; sessions there are none.
  const enough = site.proxy.stopAt(LOOKS, "answered");
  (await enough.reached).go();
  await gateway.ask({ do: "sessions" });
}

async function both(
  one: GatewayConfig,
  two: GatewayConfig,
  options: typeof EAGER,
): Promise<[GatewayProcess, GatewayProcess]> {
  return [await one.start(t, options), await two.start(t)];
}

t.test("neither takes the other's users, and what is left of one the other takes back", async (t) => {
  const [eager, calm] = await both(looker, other, EAGER);
  await site.until("each has one ready", ({ users }) => users.length === 2);
  const client = await site.connect(t, calm, "writer");
  const user = await userOf(client);
  const mine = await site.connect(t, eager, "writer");
  const ready = (await site.until("each has one ready again", ({ users }) => users.length === 4)).users;
  await looks(eager);
  t.equal(await userOf(client), user, "its session goes on");
  t.strictSame((await site.state()).users, ready, "and all that were there are there");

  await calm.kill();
  const own = await userOf(mine);
  await site.until("the dead one's are taken back", ({ users }) => users.length === 2);
  await site.clean([own]);
  t.equal(await userOf(mine), own, "its own session goes on");
  await mine.end();
  await site.until("one is ready", settled(1));
  await site.clean();
  await eager.ask({ do: "stop" });
});

t.test("a gateway that stands still is not dead", async (t) => {
  const [eager, calm] = await both(looker, other, EAGER);
  const client = await site.connect(t, calm, "writer");
  const user = await userOf(client);
  const { users } = await site.until("each has one ready", ({ users }) => users.length === 3);
  calm.signal("SIGSTOP");
  await looks(eager);
  t.strictSame((await site.state()).users, users);
  calm.signal("SIGCONT");
  t.equal(await userOf(client), user);
  await client.end();
  await site.until("its user is gone", settled(2));
  await calm.ask({ do: "stop" });
  await eager.ask({ do: "stop" });
  await site.clean();
});

t.test("one whose own connection is cut keeps its sessions", async (t) => {
  // The one that looks goes straight; the other's administrator can be cut off.
  const eager = await other.start(t, EAGER);
  const cut = await looker.start(t);
  const client = await site.connect(t, cut, "writer");
  const user = await userOf(client);
  await site.until("each has one ready", ({ users }) => users.length === 3);
  site.proxy.cutAdministrators();
  await site.until("its ready one is given up", ({ users }) => users.length === 2);
  t.equal(await userOf(client), user, "who is connected stays");
  site.proxy.restore();
  await client.end();
  await site.until("its user is gone", ({ taken }) => taken.length === 0);
  // It takes for ready what is not there any more, and finds out.
  const next = await site.connect(t, cut, "writer");
  await userOf(next);
  await next.end();
  await site.until("each has one ready", settled(2));
  await cut.ask({ do: "stop" });
  await eager.ask({ do: "stop" });
  await site.clean();
});

t.test("nobody is taken for a gateway by what they call themselves", async (t) => {
  const [eager, calm] = await both(looker, other, EAGER);
  const client = await site.connect(t, calm, "writer");
  const user = await userOf(client);
  const [, epoch = ""] = /^gh_([^_]+)_/.exec(user) ?? [];
  const impostor = new pg.Client({
    host: site.server.host,
    port: site.server.port,
    user: "bystander",
    password: "bystander",
    database: "orders",
    application_name: `gatehouse ${epoch}`,
  });
  await impostor.connect();
  await calm.kill();
  await site.until("what the dead one has left is taken back", ({ users }) => users.length === 1);
  await impostor.end();
  await eager.ask({ do: "stop" });
  await site.clean();
});
