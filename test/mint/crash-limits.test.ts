import { execFileSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import pg from "pg";
import t from "tap";
import type { GatewayProcess } from "../holds/gateway-process.ts";
import { settled, userOf } from "./support/crash.ts";
import { ADMINISTRATOR, mintSite } from "./support/site.ts";

/* What a gateway needs is used up: the disk, connections of the target, the administrator's password. */

const site = await mintSite(t, {
  settings: { max_connections: "20", superuser_reserved_connections: "5" },
});
const config = await site.config("limits", { levels: "reader: { memberOf: [orders_read], ready: 1 }" });
const { ask } = site;

/** No file of its process can grow any more: as on a disk that is full. */
function fillDisk({ pid }: GatewayProcess): void {
  execFileSync("prlimit", ["--pid", String(pid), "--fsize=1:"]);
}

function emptyDisk({ pid }: GatewayProcess): void {
  execFileSync("prlimit", ["--pid", String(pid), "--fsize=unlimited:"]);
}

t.test("disk full", async (t) => {
  const gateway = await config.start(t);
  await site.until("one is ready", settled(1));
  const client = await site.connect(t, gateway);
  const user = await userOf(client);
  fillDisk(gateway);
  const before = site.proxy.statements.length;
  await t.rejects(site.connect(t, gateway), "nobody gets in");
  t.notOk(
    site.proxy.statements.slice(before).some((sql) => /create\s+role/i.test(sql)),
    "nothing is made that the journal does not have",
  );
  await client.end();
  await site.until("who was in is taken back nevertheless", ({ taken }) => !taken.includes(user));
  emptyDisk(gateway);
  const again = await config.start(t).catch(() => undefined);
  t.equal(again, undefined, "it lives: nobody else has the state folder");
  await gateway.kill();
  const next = await config.start(t);
  const later = await site.connect(t, next);
  t.not(await userOf(later), user);
  await later.end();
  await site.until("all is as before", settled(1));
  await site.clean();
  await next.ask({ do: "stop" });
});

t.test("disk full, and then kill -9", async (t) => {
  const gateway = await config.start(t);
  await site.until("one is ready", settled(1));
  await userOf(await site.connect(t, gateway));
  fillDisk(gateway);
  await t.rejects(site.connect(t, gateway));
  await gateway.kill();
  const next = await config.start(t);
  await site.until("all is as before", settled(1));
  await site.clean();
  await next.ask({ do: "stop" });
  await site.clean();
});

t.test("the target has no connection left", async (t) => {
  const gateway = await config.start(t);
  const client = await site.connect(t, gateway);
  await userOf(client);
  site.proxy.cutAll();
  const others: pg.Client[] = [];
  for (;;) {
    const other = new pg.Client({
      host: site.server.host,
      port: site.server.port,
      user: "bystander",
      password: "bystander",
      database: "orders",
    });
    other.on("error", () => undefined);
    try {
      await other.connect();
    } catch {
      break;
    }
    others.push(other);
  }
  site.proxy.restore();
  await t.rejects(site.connect(t, gateway), "nobody gets in");
  for (const other of others) await other.end();
  await site.until("the one before is gone", settled(1));
  await site.clean();
  await (await site.connect(t, gateway)).end();
  await gateway.ask({ do: "stop" });
  await site.clean();
});

t.test("the administrator's account has no connection left", async (t) => {
  const gateway = await config.start(t);
  await userOf(await site.connect(t, gateway));
  await ask(`alter role ${ADMINISTRATOR} connection limit 0`);
  site.proxy.cutAll();
  site.proxy.restore();
  await t.rejects(site.connect(t, gateway), "nobody gets in");
  await ask(`alter role ${ADMINISTRATOR} connection limit -1`);
  await site.until("the one before is gone", settled(1));
  await site.clean();
  await gateway.ask({ do: "stop" });
  await site.clean();
});

t.test("the administrator's password is another one", async (t) => {
  const gateway = await config.start(t);
  await userOf(await site.connect(t, gateway));
  await ask(`alter role ${ADMINISTRATOR} password 'another'`);
  site.proxy.cutAll();
  site.proxy.restore();
  await t.rejects(site.connect(t, gateway), "nobody gets in by the old one");
  await writeFile(site.passwordFile, "another", { mode: 0o600 });
  await site.until("the one before is gone, without a restart", settled(1));
  const again = await site.connect(t, gateway);
  await userOf(again);
  await again.end();
  await site.until("and so is the next", settled(1));
  // The password is the only thing that was changed, and this test has changed it.
  await gateway.ask({ do: "stop" });
  await site.until("nobody is left", ({ users }) => users.length === 0);
});
