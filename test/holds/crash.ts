import type { Approval } from "@gatehouse/core";
import type { Test } from "tap";
import { verifyState } from "../environment.ts";
import { Client } from "./client.ts";
import { Ended, type Event, GatewayProcess, Refused } from "./gateway-process.ts";
import type { Moment } from "./kill-at-write.ts";
import { disagreements, readExecutions, violations } from "./record.ts";
import { execution, type GatewayConfig, type Site, siteFor, type Table } from "./site.ts";

/** No life has more writes: a count that does not end would be a test that does not. */
const MOST_WRITES = 60;

/** A held command in the course of its life, at a gateway that may die at any step. */
export class Scene {
  readonly id: string;
  readonly text: string;
  readonly client: Client;
  readonly gateway: GatewayProcess;
  readonly #site: Site;
  readonly #events: Event[] = [];
  #wake = Promise.withResolvers<undefined>();

  constructor(site: Site, gateway: GatewayProcess, client: Client, table: Table, id: string) {
    this.#site = site;
    this.gateway = gateway;
    this.client = client;
    this.id = id;
    this.text = execution(table, id);
    gateway.listen((event) => {
      if (event.text !== this.text) return;
      this.#events.push(event);
      this.#wake.resolve(undefined);
      this.#wake = Promise.withResolvers();
    });
  }

  /** Waits until something has happened to the command's approval. @throws Ended */
  async until(event: Event["event"]): Promise<string> {
    for (;;) {
      const found = this.#events.find((happened) => happened.event === event);
      if (found) return found.id;
      if (!this.gateway.alive) throw new Ended("The gateway has died.");
      await Promise.race([this.#wake.promise, this.gateway.ended]);
    }
  }

  /** Somebody answers it, as soon as there is something to answer. @throws Ended */
  async answer(who: keyof Site["approvers"], answer: "approve" | "deny"): Promise<void> {
    const id = await this.until("requested");
    await this.gateway.ask({ do: "answer", token: this.#site.approvers[who], id, answer });
  }
}

export interface Life {
  readonly name: string;
  readonly table: Table;
  readonly rate?: number;
  readonly moments: readonly Moment[];
  /** From the asking to the end, with all that is put on record of it. @throws Ended, where the gateway dies */
  readonly live: (scene: Scene) => Promise<unknown>;
}

/** What has been tried, for the figures. */
export interface Tried {
  kills: number;
  commands: number;
  approvals: number;
  executions: number;
}

/**
 * Lives through a life again and again, with a gateway that dies at its first write, right before it; at its second,
 * and so on; then behind them, and in the middle of them. After each death another one starts on what is left.
 */
async function dieAtEachWrite(t: Test, site: Site, life: Life): Promise<Tried> {
  const prefix = `${life.name} `;
  const config = await site.config(life.name.replaceAll(" ", "-"), { drain: "2s" });
  const start = () => started(t, site, config, life);
  const tried: Tried = { kills: 0, commands: 0, approvals: 0, executions: 0 };
  let gateway = await start();
  for (const moment of life.moments) {
    let died = true;
    for (let write = 1; died && write <= MOST_WRITES; write++) {
      const id = `${prefix}${moment} ${write}`;
      tried.commands++;
      died = await dies(site, gateway, life, id, { write, moment });
      if (died) tried.kills++;
      else t.ok(write > 3, `${id}: it has outlived all writes of ${life.name}`);
      if (!gateway.alive) {
        t.match(await verifyState(config.state), { ok: true }, `${id}: the log verifies`);
        gateway = await start();
      }
      t.same(await problems(site, config, gateway, prefix, id), [], id);
    }
    t.notOk(died, `${life.name}, ${moment}: it comes to its end`);
  }
  await gateway.ask({ do: "stop" });
  t.equal(await gateway.ended, 0, "nothing keeps the process from ending");
  t.match(await verifyState(config.state), { ok: true, torn: 0 });
  const executions = await readExecutions(site.superuser, config.state, prefix);
  t.same(violations(executions), []);
  tried.approvals = executions.histories.size;
  tried.executions = executions.rows.size;
  return tried;
}

export async function started(
  t: Test,
  site: Site,
  { configFile }: GatewayConfig,
  { rate = 1 }: Pick<Life, "rate"> = {},
): Promise<GatewayProcess> {
  const gateway = await GatewayProcess.start(t, configFile, { rate });
  if (!gateway) throw new Error("The gateway does not start on what another one has left.");
  await gateway.watch(site.approvers.human);
  return gateway;
}

/** @returns whether the gateway has died of its kill */
async function dies(
  site: Site,
  gateway: GatewayProcess,
  { table, live }: Life,
  id: string,
  kill: { readonly write: number; readonly moment: Moment },
): Promise<boolean> {
  const client = await Client.open(site.demo, gateway.port);
  const scene = new Scene(site, gateway, client, table, id);
  try {
    await gateway.ask({ do: "kill", ...kill });
    await live(scene);
    // From here on it lives, whatever else it writes.
    if (gateway.alive) await gateway.ask({ do: "kill", write: 0, moment: "before" });
    return !gateway.alive && (await gateway.ended) === "SIGKILL";
  } catch (error) {
    if (!(error instanceof Ended)) throw error;
    return (await gateway.ended) === "SIGKILL";
  } finally {
    client.vanish();
  }
}

/**
 * What is wrong at a gateway that was started behind a death; nothing where all is well.
 * @param id of the command that it died over, or the first words of the ids of several
 */
export async function problems(
  site: Site,
  { state }: GatewayConfig,
  gateway: GatewayProcess,
  prefix: string,
  id: string,
): Promise<string[]> {
  const token = site.approvers.human;
  const stored = await gateway.ask({ do: "list", token, limit: 400 });
  const executions = await readExecutions(site.superuser, state, prefix);
  const found = [...violations(executions), ...disagreements(executions, stored)];
  for (const approval of stored) {
    if (isOpen(approval)) found.push(`${approval.id}: it is ${approval.state} still`);
  }
  for (const [approval, history] of executions.histories) {
    if (history.id !== id && !history.id.startsWith(`${id} `)) continue;
    const expected = stored.some((one) => one.id === approval) ? "APPROVAL_ENDED" : "APPROVAL_UNKNOWN";
    const code = await codeOf(gateway.ask({ do: "answer", token, id: approval, answer: "approve" }));
    if (code !== expected) found.push(`${approval}: a yes afterwards comes to ${code}`);
  }
  return found;
}

function isOpen({ state, outcome }: Approval): boolean {
  return state === "pending" || state === "approved" || (state === "spent" && outcome === undefined);
}

async function codeOf(asked: Promise<unknown>): Promise<string> {
  try {
    await asked;
  } catch (error) {
    if (error instanceof Refused) return error.message;
    throw error;
  }
  return "an effect";
}

/** All that a test file of lives does. */
export async function dieInEach(t: Test, lives: readonly Life[]): Promise<void> {
  const site = await siteFor(t);
  const tried: Tried[] = [];
  for (const life of lives) {
    await t.test(life.name, { timeout: 110_000 }, async (t) => {
      tried.push(await dieAtEachWrite(t, site, life));
    });
  }
  figures(t, tried);
}

/** The figures of a file, as the test run shows them. */
export function figures(t: Test, all: readonly Tried[]): void {
  const sum = (key: keyof Tried) => all.reduce((total, tried) => total + tried[key], 0);
  t.comment(
    `figures: kills ${sum("kills")}, commands ${sum("commands")}, approvals ${sum("approvals")}, executions ${sum("executions")}, violations 0`,
  );
}
