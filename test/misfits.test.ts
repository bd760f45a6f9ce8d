import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import t, { type Test } from "tap";
import { admin, auditLines, connected, demoFor, eventually, refusal, variantGateway } from "./environment.ts";

/* Masks that don't fit what a target has: told when they are loaded, and refused where they would be needed. */

const demo = await demoFor(t);
const superuser = await admin(t, demo);
await superuser.query(`
  create table staff (id int, name text, born timestamptz);
  insert into staff values (1, 'ann', '1990-02-03 04:05:06Z');
  grant select on staff to public`);

function policyOf(masks: string): string {
  return `policy: staff
who: { everyone: true }
targets: [orders]
rules:
  - allow: reads
    when: sql.access == "read"
${masks}`;
}

const BIRTHDAYS = `  - mask: birthdays
    columns: [public.staff.born]
    with: hash
`;
const NAMES = `  - mask: names
    columns: [public.staff.name]
    with: redact
`;

/** A gateway of its own whose policy has these masks. */
async function gatewayWith(t: Test, name: string, masks: string) {
  const policyFile = join(demo.folder, "policies", `${name}-only.yaml`);
  await writeFile(policyFile, policyOf(masks));
  const running = await variantGateway(t, demo, name, { policies: `[file:policies/${name}-only.yaml]` });
  const said = (level: "warn" | "error") =>
    running.log.entries.filter((entry) => entry.level === level && "problem" in entry.fields);
  const reason = () => running.gateway.readiness().find(({ name }) => name === "target orders")?.reason;
  return { ...running, policyFile, said, reason };
}

t.test("at the start: the target is not ready, and what shows the column is refused", async (t) => {
  const { port, state, said, reason } = await gatewayWith(t, "misfit", BIRTHDAYS + NAMES);
  await eventually(() => reason() !== undefined);
  t.equal(
    reason(),
    `policies/misfit-only.yaml:7:1: the mask "birthdays" of the policy "staff" does not fit the target "orders": ` +
      '`hash` can\'t be put on public.staff.born, whose type is timestamptz; write redact or "null" for it',
  );
  t.match(said("error"), [{ fields: { target: "orders", problem: reason() } }]);
  const client = await connected(t, demo, { port });
  const refused = await refusal(client.query("select id, born from staff"));
  t.match(refused, {
    code: "42501",
    message: "The column born of the answer is masked in a way that can't be put on its type.",
    hint: /The mask is the rule "birthdays" of the policy "staff"\.$/,
  });
  t.match((await auditLines(state)).at(-1), {
    decision: { effect: "block", rule: { rule: "birthdays", policy: "staff" } },
  });
  for (const sql of [
    "copy staff to stdout",
    "select * from (select born as b from staff) s",
    "select born from staff union all select born from staff",
    "with s as (select * from staff) select s.born from s",
  ]) {
    t.match(await refusal(client.query(sql)), { code: "42501", message: /can't be put on its type/ }, sql);
  }
  t.same((await client.query("select born::text as b, s as whole from staff s")).rows, [
    { b: "[redacted]", whole: null },
  ]);
  t.same((await client.query("select id, name from staff")).rows, [{ id: 1, name: "[redacted]" }]);
});

t.test("a reload that brings one is not taken, and says where it is", async (t) => {
  const { gateway, port, state, policyFile, reason } = await gatewayWith(t, "reload", NAMES);
  const client = await connected(t, demo, { port });
  const query = "select name from staff";
  t.same((await client.query(query)).rows, [{ name: "[redacted]" }]);
  const before = gateway.configuration;
  await writeFile(policyFile, policyOf(NAMES + BIRTHDAYS));
  t.match(await gateway.reload(), [
    {
      file: "policies/reload-only.yaml",
      line: 10,
      message: /^the mask "birthdays" .* whose type is timestamptz/,
    },
  ]);
  t.equal(gateway.configuration, before);
  t.equal(reason(), undefined, "the old masks fit");
  t.match((await auditLines(state)).at(-1), { type: "config.rejected", problems: 1, first: /birthdays/ });
  t.same((await client.query(query)).rows, [{ name: "[redacted]" }]);

  await superuser.query("alter table staff alter born type text");
  t.same(await gateway.reload(), [], "what was mended at the target counts at once");
  t.match((await client.query("select born from staff")).rows, [{ born: /^\[hash:/ }]);
  await superuser.query("alter table staff alter born type timestamptz using born::timestamptz");
});

t.test("a target that changes is looked at again, and keeps no other policies from changing", async (t) => {
  const partial = NAMES.replace("redact", "{ partial: text }");
  const { gateway, port, policyFile, said, reason } = await gatewayWith(t, "later", partial);
  const client = await connected(t, demo, { port });
  await client.query("select name from staff");
  t.equal(reason(), undefined);
  await superuser.query("alter table staff alter name type int using 7");
  await writeFile(policyFile, policyOf(`${partial}  - block: nothing\n    when: sql.unfiltered\n`));
  t.same(await gateway.reload(), []);
  t.match(reason(), /`partial` can't be put on public\.staff\.name, whose type is int4/);
  t.match(await refusal(client.query("select name from staff")), { code: "42501" });
  await superuser.query("alter table staff alter name type text using 'ann'");
  t.same(await gateway.reload(), []);
  t.equal(reason(), undefined);
  t.same((await client.query("select name from staff")).rows, [{ name: "[redacted]" }]);
  t.ok(said("error").length > 0);
});

t.test("a column that there is not is a warning, once for the same policies", async (t) => {
  const { gateway, port, said, reason, policyFile } = await gatewayWith(
    t,
    "missing",
    NAMES.replace("staff.name", "staff.nmae"),
  );
  await eventually(() => said("warn").length > 0);
  const client = await connected(t, demo, { port });
  await client.query("select name from staff");
  await superuser.query("create table other (id int)");
  t.same(await gateway.reload(), []);
  await superuser.query("drop table other");
  t.same(await gateway.reload(), []);
  t.same(
    said("warn").map(({ fields }) => fields),
    [
      {
        target: "orders",
        problem: `policies/missing-only.yaml:7:1: the mask "names" of the policy "staff" does not fit the target "orders": there is no column public.staff.nmae: nothing is hidden by it; did you mean "name"?`,
      },
    ],
  );
  t.equal(reason(), undefined);
  await writeFile(policyFile, policyOf(NAMES.replace("staff.name", "staff.nmae").replace("names", "others")));
  t.same(await gateway.reload(), []);
  t.equal(said("warn").length, 2, "other policies, another warning");
  t.match(await refusal(client.query("select nmae from staff")), { hint: /The mask is the rule "others"/ });
});
