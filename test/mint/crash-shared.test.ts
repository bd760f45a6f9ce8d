import t from "tap";
import { killAtEach, settled, sharedSessions, userOf } from "./support/crash.ts";
import { mintSite } from "./support/site.ts";

/* Sessions of one identity at one time, with one user together and with one each, and kill -9 in the middle of them. */

const site = await mintSite(t);
const config = await site.config("shared");

t.test("a user for one identity's sessions lives as long as the last of them", async (t) => {
  const gateway = await config.start(t);
  const clients = await Promise.all(Array.from({ length: 5 }, () => site.connect(t, gateway, "shared")));
  const other = await site.connect(t, gateway, "shared", "other");
  const users = await Promise.all(clients.map(userOf));
  t.equal(new Set(users).size, 1, "one user for all of them");
  t.not(await userOf(other), users[0], "and another one for somebody else");
  for (const client of clients.slice(1)) await client.end();
  const [last] = clients;
  if (!last) throw new Error("There is no last one.");
  t.equal(await userOf(last), users[0], "the last one goes on");
  await site.clean([users[0] ?? "", await userOf(other)]);
  await last.end();
  await other.end();
  await site.clean();
  await gateway.kill();
});

t.test("without sharing, each has its own", async (t) => {
  const gateway = await config.start(t);
  const clients = await Promise.all(Array.from({ length: 8 }, () => site.connect(t, gateway, "writer")));
  const users = await Promise.all(clients.map(userOf));
  t.equal(new Set(users).size, clients.length);
  await gateway.kill();
  const next = await config.start(t);
  await site.until("the users of the dead are gone", settled(2));
  await site.clean();
  await next.kill();
});

t.test("kill -9 under shared ones", async (t) => {
  const alone = await site.config("shared-alone", {
    levels: "shared: { memberOf: [orders_read], ready: 0, share: identity }",
  });
  // What the gateways before have left is a strange gateway's to this one.
  const before = await config.start(t);
  await before.ask({ do: "stop" });
  await site.until("nobody is there", ({ users }) => users.length === 0);
  await killAtEach(t, site, alone, sharedSessions, "answered");
});
