import { setTimeout as pause } from "node:timers/promises";
import type { Approval } from "@gatehouse/core";
import t from "tap";
import { eventually, verifyState } from "../environment.ts";
import { Approvers } from "./approver.ts";
import { GatewayProcess } from "./gateway-process.ts";
import { Random } from "./random.ts";
import { disagreements, type Executions, lastOf, readExecutions, violations } from "./record.ts";
import { type Asked, Requester } from "./requester.ts";
import { type Rules, siteFor } from "./site.ts";

/*
 * Requesters, approvers, the clock, policies and the gateway's own ends of sessions, each at random and all at once, at
 * a gateway's process in front of PostgreSQL. What each of them does comes from the seed; which of them is first, the
 * machine decides. Nothing here says what is to come of a command: only what must never be.
 */
const SEED = Number(process.env["GATEHOUSE_TEST_SEED"] ?? 20_261_121);
const ROUNDS = Number(process.env["GATEHOUSE_TEST_ROUNDS"] ?? 3000);
const SESSIONS = 16;
/** An approval's ten seconds are half of one, and a session's longest minute is three. */
const RATE = 20;
/** Milliseconds between two changes of the rules, at most. */
const CHANGES = 600;

const random = new Random(SEED);
const site = await siteFor(t);
const config = await site.config("interleavings", { sessions: "{ length: 1m }", drain: "20s" });
const token = site.approvers.human;

async function everyStored(gateway: GatewayProcess): Promise<Approval[]> {
  const all: Approval[] = [];
  for (;;) {
    const before = all.at(-1)?.id;
    const page = await gateway.ask({ do: "list", token, limit: 200, ...(before ? { before } : {}) });
    if (page.length === 0) return all;
    all.push(...page);
  }
}

/** Changes the rules from time to time, until it is told to stop. */
async function changeRules(gateway: GatewayProcess, random: Random, until: () => boolean): Promise<number> {
  let rules: Rules = "usual";
  for (let changes = 0; ; changes++) {
    await pause(random.below(rules === "closed" ? CHANGES / 10 : CHANGES));
    rules = until() ? "usual" : random.one<Rules>({ usual: 7, other: 3, closed: 2 });
    await config.rule(rules);
    const problems = await gateway.ask({ do: "reload" });
    if (problems.length > 0) throw new Error(`The rules have problems: ${JSON.stringify(problems)}`);
    if (until()) return changes;
  }
}

/** What clients were told that is not so, and what has come to no good end though nothing stood in its way. */
function contradictions(asked: readonly Asked[], { histories, rows }: Executions): string[] {
  const found: string[] = [];
  const byId = new Map([...histories.values()].map((history) => [history.id, history]));
  for (const { id, deed, answers, own, transaction } of asked) {
    const count = rows.get(id) ?? 0;
    const say = (what: string) => found.push(`${id} (${deed}, ${JSON.stringify(answers)}): ${what}`);
    const kept = answers[own] === "done" && (!transaction || answers[own + 1] === "done");
    if (kept && transaction !== "rollback" && count !== 1) say(`answered, and executed ${count} times`);
    if (kept && transaction === "rollback" && count > 0) say("executed, and rolled back");
    const history = byId.get(id);
    if (!history) {
      if (count > 0) say("executed without an approval");
      continue;
    }
    const last = lastOf(history);
    if (last?.type !== "approval.void") continue;
    const reason = {
      client_gone: ["vanishes", "closes", "terminates"].includes(deed),
      canceled: deed === "cancels",
      session_ended: answers.includes("end"),
      policy_changed: true,
      overtaken: false,
      changed: false,
      not_recorded: false,
      unused: false,
      gateway_restarted: false,
    }[last.why];
    if (!reason) say(`void: ${last.why}`);
  }
  return found;
}

await t.test(
  `${ROUNDS} rounds of ${SESSIONS} sessions, by the seed ${SEED}`,
  { timeout: 110_000 },
  async (t) => {
    const gateway = await GatewayProcess.start(t, config.configFile, { rate: RATE });
    if (!gateway) throw new Error("The gateway does not start.");
    const approvers = new Approvers(gateway, site, random.fork());
    await gateway.watch(token);

    const requesters = Array.from(
      { length: SESSIONS },
      (_, n) => new Requester(site.demo, gateway.port, `of${n}`, random.fork()),
    );
    const asked: Asked[] = [];
    let left = ROUNDS;
    const changing = changeRules(gateway, random.fork(), () => left <= 0);
    await Promise.all(
      requesters.map(async (requester) => {
        while (left-- > 0) asked.push(await requester.ask());
        requester.leave();
      }),
    );
    const changes = await changing;
    await eventually(async () => (await gateway.ask({ do: "sessions" })) === 0);
    await approvers.done();
    await eventually(async () => {
      const states = ["pending", "approved"] as const;
      return (await gateway.ask({ do: "list", token, states, limit: 1 })).length === 0;
    });

    const stored = await everyStored(gateway);
    await gateway.ask({ do: "stop" });
    t.equal(await gateway.ended, 0, "no timer, socket or session is left that keeps the process from ending");
    t.match(await verifyState(config.state), { ok: true, torn: 0 });
    const executions = await readExecutions(site.superuser, config.state, "of");
    const never = [
      ...violations(executions),
      ...disagreements(executions, stored),
      ...contradictions(asked, executions),
      ...approvers.surprises,
    ];
    t.same(never, [], `seed ${SEED}`);

    const states = Map.groupBy(stored, ({ state }) => state);
    const outcomes = Map.groupBy(states.get("spent") ?? [], ({ outcome }) => outcome);
    const count = (state: Approval["state"]) => states.get(state)?.length ?? 0;
    const done = outcomes.get("done")?.length ?? 0;
    t.ok(executions.runs >= done && executions.runs <= count("spent"), "what the database counts");
    for (const state of ["spent", "denied", "expired", "void"] as const)
      t.ok(count(state) > ROUNDS / 100, `approvals that were ${state}: ${count(state)}`);
    const whys = Map.groupBy(states.get("void") ?? [], ({ why }) => why);
    const told = [...approvers.came].map(([code, n]) => `${code} ${n}`).join(", ");
    t.comment(
      `figures: seed ${SEED}, rounds ${asked.length}, sessions ${SESSIONS}, approvals ${stored.length}, executions ${executions.runs} (in doubt ${outcomes.get("in_doubt")?.length ?? 0}, failed ${outcomes.get("failed")?.length ?? 0}), denied ${count("denied")}, expired ${count("expired")}, void ${[...whys].map(([why, all]) => `${why} ${all.length}`).join(", ")}`,
    );
    t.comment(`figures: answers ${told}; changes of the rules ${changes}; violations ${never.length}`);
  },
);
