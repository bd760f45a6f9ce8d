import { startControlPlane } from "@gatehouse/api";
import type { ApprovalBody } from "@gatehouse/api/bodies";
import { createMemoryLog } from "@gatehouse/testkit";
import type { Test } from "tap";
import { Approver, type Says } from "../approver.ts";
import { auditLines, eventually } from "../environment.ts";
import { patients, waits } from "./patient.ts";
import { gatewayFor, type World } from "./world.ts";

/** Deletes wait for dana: from `brief` as short as a rule may say, and from `shared` one yes is for all sessions. */
export const HOLDS = `policy: holds
who: { groups: [crew-ops] }
targets: [orders]
rules:
  - allow: everything else
    when: sql.access in ["read", "write"]
  - hold: deletes
    when: '"DELETE" in sql.verbs && "public.held" in sql.writes'
    approvers: { groups: [dba] }
    message: Ask dana.
  - hold: brief
    when: '"DELETE" in sql.verbs && "public.brief" in sql.writes'
    approvers: { groups: [dba] }
    expires: 10s
  - hold: shared
    when: '"DELETE" in sql.verbs && "public.shared" in sql.writes'
    approvers: { groups: [dba] }
    scope: { same: command, for: 15m }
  - block: emptying tables
    when: '"TRUNCATE" in sql.verbs'
`;

/** What is deleted from. The first word of a row says what becomes of the command that deletes it: see FATES. */
export const HELD_TABLES = ["held", "brief", "shared"]
  .map((name) => `create table ${name} (word text primary key); grant all on ${name} to public;`)
  .join("\n");

/** Milliseconds until dana says yes to what is for later. */
const LATER = 10_000;
const DENIED = "Not on a Friday.";

/** What comes of a command, by the word that stands in it. Nobody answers the last three. */
const FATES = {
  approve: { state: "spent", outcome: "done" },
  later: { state: "spent", outcome: "done" },
  shared: { state: "spent", outcome: "done" },
  deny: { state: "denied" },
  expire: { state: "expired" },
  cancel: { state: "void", why: "canceled" },
  leave: { state: "void", why: "client_gone" },
} as const;
type Fate = keyof typeof FATES;

function fateOf({ command }: ApprovalBody): Fate | undefined {
  const about = [command.text, ...(command.parameters ?? [])].join(" ");
  const words = Object.keys(FATES) as Fate[];
  return words.find((word) => new RegExp(`\\b${word} `).test(about));
}

/** @param later milliseconds until she says yes to what is for later */
export function dana(later: number): Says {
  return (approval) => {
    const fate = fateOf(approval);
    if (fate === "approve" || fate === "shared") return { answer: "approve", reason: "Go on." };
    if (fate === "later") return { answer: "approve", reason: "Now.", after: later };
    return fate === "deny" ? { answer: "deny", reason: DENIED } : undefined;
  };
}

/**
 * A gateway that holds deletes, with dana at its control plane. When the world's programs have been played, every one of
 * the approvals has to have come to what its command's word says, and what it has let through is done once.
 * @param world has its patient clients wait meanwhile
 */
export async function heldWorld(
  t: Test,
  world: string,
  play: (env: NodeJS.ProcessEnv, held: World) => Promise<void>,
): Promise<void> {
  // They wait more than they work.
  t.jobs = 10;
  const lines = { approvals: "{ perIdentity: 100 }" };
  const held = await gatewayFor(t, HOLDS, HELD_TABLES, lines);
  const control = await startControlPlane({ gateway: held.gateway, log: createMemoryLog() });
  if (!control) throw new Error("The demo's config has a control listener.");
  t.teardown(() => control.close());
  const approver = await Approver.at(held.demo, control.address.port, dana(LATER));
  t.teardown(() => approver.close());
  const { env, superuser } = held;
  const url = `https://localhost:${control.address.port}`;
  const mine = Object.keys(patients).filter((driver) => patients[driver]?.world === world);
  const both = mine.flatMap((driver) =>
    [false, true].map((inTransaction) => ({
      driver,
      inTransaction,
      word: `later ${driver} ${inTransaction}.`,
    })),
  );
  for (const { word } of both) await superuser.query("insert into held values ($1)", [word]);
  const patiently = both.map(({ driver, inTransaction, word }) =>
    t.test(
      `${driver} waits long, in ${inTransaction ? "a" : "no"} transaction`,
      { buffered: true },
      async (t) => {
        const { done, notices, output } = await waits(driver, word, inTransaction, env);
        t.ok(done, output);
        t.equal(notices, 1, "it says once that it waits");
      },
    ),
  );
  await Promise.all([...patiently, play({ ...env, GATEHOUSE_URL: url, DENIED }, held)]);
  t.same(approver.wrong, []);
  await t.test("each command came to what its word says", async (t) => {
    let all: readonly ApprovalBody[] = [];
    // A client that leaves is seen to have left a little later.
    await eventually(async () => {
      all = await approver.all();
      return all.every(({ state, outcome }) => state !== "pending" && (state !== "spent" || outcome));
    });
    for (const approval of all) {
      const fate = fateOf(approval);
      const { text, parameters } = approval.command;
      t.match(approval, fate ? FATES[fate] : { fate }, `${text} ${parameters?.join() ?? ""}`);
    }
    const shared = all.filter((approval) => fateOf(approval) === "shared");
    const asked = shared.filter(({ id }) => approver.answered.has(id));
    const texts = asked.map(({ command }) => [command.text, ...(command.parameters ?? [])].join(" "));
    t.same(texts, [...new Set(texts)], "a tool with ten sessions needs one answer");
    for (const { word } of both.filter(({ inTransaction }) => inTransaction)) {
      const approval = all.find(({ command }) => [command.text, command.parameters].join().includes(word));
      const locks = [{ on: "public.held", mode: "ROW EXCLUSIVE" }];
      t.match(approval?.surroundings.transaction, { locks }, "the approver sees what it has locked");
    }
    const left = await superuser.query<{ word: string }>(
      "select word from (table held union all table brief) as rows where word ~ '^(approve|later) '",
    );
    t.same(left.rows, [], "what was approved is gone");
  });
  await t.test("no delete was run without a yes, and none by a yes to another", async (t) => {
    const run = (await auditLines(held.state)).flatMap((line) => {
      if (line.type !== "command" || line.decision.effect !== "allow") return [];
      const { kind, text, verbs } = line.command;
      // To prepare and to bind is not to run; more of an answer by parts is on the log too.
      if (!verbs.includes("DELETE") || kind === "prepare" || kind === "bind") return [];
      const byParts = text.includes("starts_with");
      return [{ text, approval: line.decision.approval, many: byParts || text.includes("shared") }];
    });
    t.ok(run.length > 0);
    t.same(
      run.filter(({ approval }) => approval === undefined),
      [],
    );
    const once = run.filter(({ many }) => !many).map(({ approval }) => approval);
    t.equal(new Set(once).size, once.length);
  });
}
