import t, { type Test } from "tap";
import { eventually, verifyState } from "../environment.ts";
import { Client, query } from "./client.ts";
import { figures, problems, Scene, started, type Tried } from "./crash.ts";
import { GatewayProcess } from "./gateway-process.ts";
import type { Moment } from "./kill-at-write.ts";
import { readExecutions, violations } from "./record.ts";
import { siteFor, type Table } from "./site.ts";

/*
 * kill -9 while one held command waits and the server runs another one, and then again at each write of the start that
 * brings to an end what is left of them.
 */

const PREFIX = "started ";
/** No start has more writes. */
const MOST_WRITES = 40;

const site = await siteFor(t);
const { superuser, demo } = site;
const config = await site.config("started");
const tried: Tried = { kills: 0, commands: 0, approvals: 0, executions: 0 };

async function asked(gateway: GatewayProcess, table: Table, id: string): Promise<Scene> {
  const scene = new Scene(site, gateway, await Client.open(demo, gateway.port), table, id);
  scene.client.send(query(scene.text));
  await scene.until("requested");
  tried.commands++;
  return scene;
}

/** Kills a gateway that has one command waiting, and another one let through which the server is not done with. */
async function leaveOpen(gateway: GatewayProcess, id: string): Promise<void> {
  await superuser.query("begin");
  await superuser.query("lock table two_yeses in exclusive mode");
  const running = await asked(gateway, "two_yeses", `${id} runs`);
  await running.answer("human", "approve");
  await running.answer("agent", "approve");
  await eventually(async () => {
    const { rows } = await superuser.query("select from pg_locks where not granted");
    return rows.length > 0;
  });
  const waiting = await asked(gateway, "one_yes", `${id} waits`);
  await gateway.kill();
  tried.kills++;
  // Nobody hears of it any more, and the server does it.
  await superuser.query("commit");
  for (const { client } of [running, waiting]) client.vanish();
}

async function dieAtStart(t: Test, moment: Moment): Promise<void> {
  let gateway = await started(t, site, config);
  for (let write = 1, again = true; again && write <= MOST_WRITES; write++) {
    const id = `${PREFIX}${moment} ${write}`;
    await leaveOpen(gateway, id);
    const killed = await GatewayProcess.start(t, config.configFile, { kill: { write, moment } });
    again = killed === undefined;
    if (again) tried.kills++;
    else t.ok(write > 3, `${id}: it has outlived all writes of a start`);
    // One that lives is killed too: that it has brought everything to an end is on record.
    await killed?.kill();
    t.match(await verifyState(config.state), { ok: true }, `${id}: the log verifies`);
    gateway = await started(t, site, config);
    t.same(await problems(site, config, gateway, PREFIX, id), [], id);
    const { human: token } = site.approvers;
    const stored = await gateway.ask({ do: "list", token, limit: 2 });
    t.match(
      stored.map(({ state, why, outcome }) => ({ state, why, outcome })),
      [
        { state: "void", why: "gateway_restarted" },
        { state: "spent", outcome: "in_doubt" },
      ],
      `${id}: what is said of them`,
    );
    t.notOk(write === MOST_WRITES && again, "it starts in the end");
  }
  await gateway.ask({ do: "stop" });
  t.equal(await gateway.ended, 0);
}

for (const moment of ["before", "torn"] as const) {
  await t.test(`${moment}: a start that dies at each of its writes`, { timeout: 110_000 }, (t) =>
    dieAtStart(t, moment),
  );
}

await t.test("what waited is executed by nobody, what ran once at the most", async (t) => {
  const executions = await readExecutions(superuser, config.state, PREFIX);
  t.same(violations(executions), []);
  t.ok([...executions.rows.keys()].every((id) => id.endsWith(" runs")));
  tried.approvals = executions.histories.size;
  tried.executions = executions.rows.size;
  figures(t, [tried]);
});
