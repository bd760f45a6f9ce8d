import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { Identity } from "@gatehouse/core";
import t, { type Test } from "tap";
import {
  admin,
  auditLines,
  connected,
  demoFor,
  eventually,
  refusal,
  variantGateway,
  writer,
} from "../environment.ts";

/* What hold rules ask for, by the whole gateway: who has to say yes, why, for how long, and how far a yes reaches. */

const demo = await demoFor(t);
const superuser = await admin(t, demo);
await superuser.query(`
  create table work (id int primary key, note text);
  create table done (id int);
  insert into work select n, 'note ' || n from generate_series(1, 1000) n;
  grant all on work, done to public`);

function person(subject: string, ...groups: string[]): Identity {
  const proof = { method: "oidc", provider: "demo", issuer: demo.provider.issuer } as const;
  return { subject, kind: "human", groups, proof, expiresAt: Number.MAX_SAFE_INTEGER };
}
const ann = person("ann", "dba");
const bo = person("bo", "dba", "security");
const cy = person("cy", "security");

async function gatewayWith(
  t: Test,
  name: string,
  hold: string,
  { rules = "", config = {} }: { rules?: string; config?: Readonly<Record<string, string>> } = {},
) {
  const policy = `policy: work
who: { everyone: true }
targets: [orders]
rules:
  - allow: all but what is held
    when: sql.access in ["read", "write"]
  - hold: deletes
    when: '"DELETE" in sql.verbs'
${hold}${rules}`;
  await writeFile(join(demo.folder, "policies", `${name}.holds`), policy);
  const running = await variantGateway(t, demo, name, {
    policies: `[file:policies/${name}.holds]`,
    ...config,
  });
  const { approvals: desk } = running.gateway;
  const pending = (viewer = bo) => desk.list(viewer, { states: ["pending"], limit: 100 }).approvals;
  const waiting = async (count = 1, viewer = bo) => {
    await eventually(() => pending(viewer).length >= count);
    return pending(viewer).map(({ approval }) => approval.id);
  };
  const open = () => connected(t, demo, { ...writer(demo), port: running.port });
  return { ...running, desk, pending, waiting, open, client: await open() };
}

async function left(...ids: number[]): Promise<number> {
  return (await superuser.query("select from work where id = any($1)", [ids])).rowCount ?? -1;
}

t.test("as many of each group as the rule wants, each person for one of them", async (t) => {
  const { client, desk, waiting } = await gatewayWith(
    t,
    "many",
    "    approvers: [{ groups: [dba], count: 2 }, { groups: [security] }]\n",
  );
  const deleted = client.query("delete from work where id = 1");
  const [id = ""] = await waiting();
  const yes = (who: Identity) => desk.answer(who, id, { answer: "approve" });
  t.match(await yes(bo), {
    approval: { state: "pending" },
    missing: { length: 2 },
    unanswerable: "APPROVAL_ANSWERED",
  });
  await t.rejects(yes(bo), { code: "APPROVAL_ANSWERED" });
  await t.rejects(yes(person("eve", "sre")), { code: "APPROVAL_NOT_YOURS" });
  t.match(await yes(ann), {
    approval: { state: "pending" },
    missing: [{ approvers: { groups: ["security"] } }],
  });
  t.equal(await left(1), 1);
  t.match((await yes(cy)).approval, { answers: [{ by: { subject: "bo" } }, { by: { subject: "ann" } }, {}] });
  t.equal((await deleted).rowCount, 1);
});

t.test("a reason of the requester's, and one of the approver's, where the rule wants them", async (t) => {
  const { client, desk, waiting, state } = await gatewayWith(
    t,
    "reasons",
    "    approvers: { groups: [dba] }\n    reason: [requester, approver]\n",
  );
  const without = await refusal(client.query("delete from work where id = 2"));
  t.match(without, { code: "42501", hint: /\/\* reason: .* \*\// });
  const deleted = client.query("/* reason: INC-1 */ delete from work where id = 2");
  const [id = ""] = await waiting();
  t.equal(desk.show(ann, id).approval.reason, "INC-1");
  await t.rejects(desk.answer(ann, id, { answer: "approve", reason: " " }), { code: "APPROVAL_REASON" });
  await desk.answer(ann, id, { answer: "approve", reason: "Seen." });
  t.equal((await deleted).rowCount, 1);
  t.match(
    (await auditLines(state)).filter(({ type }) => type.startsWith("approval.")),
    [
      { type: "approval.requested", reason: "INC-1", rules: [{ rule: "deletes" }] },
      { type: "approval.rejected", code: "APPROVAL_REASON", by: { subject: "ann" } },
      { type: "approval.answered", answer: "approve", reason: "Seen." },
      { type: "approval.approved", approval: id },
      { type: "approval.spent", approval: id, outcome: "done" },
    ],
  );
});

t.test("nobody answers: it is refused, or let through with a mask, as the rule says", async (t) => {
  const masked = await gatewayWith(t, "masked", "    approvers: { groups: [dba] }\n", {
    rules: `  - hold: notes in clear
    when: '"public.work" in sql.reads && sql.verbs == ["SELECT"]'
    approvers: { groups: [dba] }
    expires: 10s
    then: allow-with-mask
    columns: [public.work.note]
    with: redact
`,
  });
  const refused = await gatewayWith(t, "refused", "    approvers: { groups: [dba] }\n    expires: 10s\n");
  const clear = await masked.open();
  const unanswered = masked.client.query("select id, note from work where id = 3");
  const attempt = refusal(refused.client.query("delete from work where id = 3"));
  await masked.waiting();
  const answered = clear.query("select id, note from work where id = 4");
  const [newest = ""] = await masked.waiting(2);
  await masked.desk.answer(bo, newest, { answer: "approve" });
  t.same((await answered).rows, [{ id: 4, note: "note 4" }], "a yes is to all of it");
  t.same((await unanswered).rows, [{ id: 3, note: "[redacted]" }], "nobody said a word");
  t.match(await attempt, { code: "42501", message: /^Nobody answered within 10s/ });
  t.equal(await left(3), 1);
});

t.test(
  "a yes to a shape, for the session: other values pass, other statements and sessions wait",
  async (t) => {
    const { client, open, desk, waiting, pending, state } = await gatewayWith(
      t,
      "shape",
      "    approvers: { groups: [dba] }\n    scope: { same: shape, for: session }\n",
    );
    const first = client.query("delete from work where id = $1", [10]);
    const [id = ""] = await waiting();
    await desk.answer(ann, id, { answer: "approve" });
    await first;
    t.equal((await client.query("delete from work where id = $1", [11])).rowCount, 1);
    const other = client.query("delete from work where id < $1", [13]);
    const elsewhere = (await open()).query("delete from work where id = $1", [14]);
    const more = await waiting(2);
    t.equal(
      pending().every(({ alike }) => alike === 0),
      true,
    );
    for (const one of more) await desk.answer(ann, one, { answer: "deny" });
    t.match(await Promise.all([other, elsewhere].map(refusal)), [{ code: "42501" }, { code: "42501" }]);
    t.equal(desk.show(ann, id).approval.reused, 1);
    t.match(
      (await auditLines(state)).filter((line) => line.type === "command" && line.decision.effect === "allow"),
      [{ decision: { approval: id } }, { decision: { approval: id } }],
    );
  },
);

t.test("ten connections that ask the same are one question", async (t) => {
  const { open, desk, waiting, pending } = await gatewayWith(
    t,
    "ten",
    "    approvers: { groups: [dba] }\n    scope: { same: command, for: 15m }\n",
  );
  const asked: string[] = [];
  const watching = desk.watch(ann, undefined, ({ event, view }) =>
    asked.push(`${event} ${view.approval.id}`),
  );
  t.teardown(() => watching.stop());
  const clients = await Promise.all(Array.from({ length: 10 }, open));
  const answers = clients.map((client) => client.query("delete from work where id = $1", [20]));
  const ids = await waiting(10);
  t.equal(asked.length, 1, "people are asked once");
  t.equal(pending(ann)[0]?.alike, 9);
  await desk.answer(ann, ids[4] ?? "", { answer: "approve" });
  const counts = (await Promise.all(answers)).map(({ rowCount }) => rowCount);
  t.equal(counts.filter((count) => count === 1).length, 1, "each was run, and one found the row");
  await (await open()).query("delete from work where id = $1", [20]);
  const another = (await open()).query("delete from work where id = $1", [21]);
  const [other = ""] = await waiting();
  await desk.answer(ann, other, { answer: "deny" });
  await refusal(another);
});

t.test("several rules hold a command: each has to be met, and the strictest terms are its own", async (t) => {
  const { client, desk, waiting } = await gatewayWith(
    t,
    "both",
    "    approvers: { groups: [dba] }\n    expires: 1h\n",
    {
      rules: `  - hold: whole tables
    when: sql.unfiltered
    approvers: { groups: [security] }
    expires: 5m
    reason: approver
`,
    },
  );
  const attempt = refusal(client.query("delete from work"));
  const [id = ""] = await waiting();
  const { approval } = desk.show(bo, id);
  t.same(
    approval.holds.map(({ rule }) => rule.rule),
    ["deletes", "whole tables"],
  );
  t.equal(approval.expiresAt - approval.requestedAt, 300_000);
  t.match(await desk.answer(ann, id, { answer: "approve", reason: "All of it." }), {
    approval: { state: "pending" },
  });
  await desk.answer(cy, id, { answer: "deny", reason: "Not the whole table." });
  t.match(await attempt, { message: 'Denied by cy: "Not the whole table."' });
  t.equal(await left(500), 1);
});

t.test("whoever may break the glass is not asked, and everybody is told", async (t) => {
  const told: Record<string, unknown>[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      told.push(JSON.parse(Buffer.concat(chunks).toString("utf8")) as Record<string, unknown>);
      response.end();
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  const { client, state, log, desk } = await gatewayWith(
    t,
    "glass",
    "    approvers: { groups: [dba] }\n    breakGlass: { groups: [crew-ops] }\n",
    {
      config: {
        development: "true",
        approvals: `{ webhooks: [{ name: pager, url: "http://127.0.0.1:${port}/", body: generic, events: [break-glass] }] }`,
      },
    },
  );
  t.equal((await client.query("delete from work where id = 30")).rowCount, 1);
  t.same(desk.list(ann, { limit: 10 }).approvals, []);
  t.match((await auditLines(state)).at(-1), {
    decision: { effect: "allow", brokeGlass: [{ rule: "deletes" }] },
  });
  t.ok(log.entries.some(({ level, message }) => level === "warn" && message.startsWith("glass broken")));
  await eventually(() => told.length > 0);
  t.match(told, [{ event: "break-glass" }]);
});

t.test("an approver sees no value that is masked from them", async (t) => {
  const { client, desk, waiting } = await gatewayWith(t, "sight", "    approvers: { groups: [dba] }\n", {
    rules: `  - mask: notes
    columns: [public.work.note]
    with: redact
    predicates: allow
`,
  });
  const attempts = [
    client.query("delete from work where note = 'note 40'"),
    client.query("delete from work where note = $1", ["note 41"]),
  ];
  for (const attempt of attempts) {
    const [id = ""] = await waiting();
    const { approval, withheld } = desk.show(ann, id);
    t.ok(withheld);
    t.notMatch(JSON.stringify(approval), /note 4[01]/);
    t.match(approval.command, {
      text: /^delete from work where note = ('…'|\$1)$/,
      parameters: { length: 0 },
    });
    await desk.answer(ann, id, { answer: "deny" });
    await refusal(attempt);
  }
});

t.test("what the rules say when the wait ends is what holds", async (t) => {
  const { client, desk, waiting, gateway, state } = await gatewayWith(
    t,
    "reload",
    "    approvers: { groups: [dba] }\n",
  );
  const file = join(demo.folder, "policies", "reload.holds");
  const rewritten = async (hold: string) => {
    await writeFile(
      file,
      `policy: work
who: { everyone: true }
targets: [orders]
rules:
  - allow: all but what is held
    when: sql.access in ["read", "write"]
${hold}`,
    );
    t.same(await gateway.reload(), []);
  };
  const cases = [
    ["  - block: deletes\n    when: '\"DELETE\" in sql.verbs'\n    message: No more.\n", "No more."],
    [
      "  - hold: deletes\n    when: '\"DELETE\" in sql.verbs'\n    approvers: { groups: [dba], count: 2 }\n",
      /rules for this have changed/,
    ],
    ["", /rules for this have changed/],
  ] as const;
  for (const [rules, message] of cases) {
    await rewritten(
      "  - hold: deletes\n    when: '\"DELETE\" in sql.verbs'\n    approvers: { groups: [dba] }\n",
    );
    const attempt = refusal(client.query("delete from work where id = 50"));
    const [id = ""] = await waiting();
    await rewritten(rules);
    await desk.answer(ann, id, { answer: "approve" });
    t.match(await attempt, { code: "42501", message });
    t.match(desk.show(ann, id).approval, { state: "void", why: "policy_changed" });
  }
  t.equal(await left(50), 1);
  t.ok(
    (await auditLines(state)).some((line) => line.type === "approval.void" && line.why === "policy_changed"),
  );
});
