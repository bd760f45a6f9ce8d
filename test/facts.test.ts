import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type pg from "pg";
import t, { type Test } from "tap";
import { admin, auditLines, connected, demoFor, refusal, variantGateway } from "./environment.ts";

/* Rules on what a statement really does: by way of views, triggers and foreign keys, and as long as that can be told. */

const demo = await demoFor(t);
const superuser = await admin(t, demo);
await superuser.query(`
  create table salaries (person int primary key, amount int);
  create table bonuses (person int references salaries on delete cascade);
  insert into salaries values (1, 100);
  create view pay as select person, amount from salaries;
  create table visits (id int);
  create function count_visit() returns trigger language plpgsql as 'begin return new; end';
  create trigger counting before insert on visits for each row execute function count_visit();
  create function is_code(text) returns bool language plpgsql immutable as 'begin return true; end';
  create domain code as text check (is_code(value));
  create domain short as varchar(9) check (value <> '');
  grant all on all tables in schema public to public;
  grant create on schema public to public`);

async function gatewayWith(
  t: Test,
  name: string,
  policy: string,
  settings: Readonly<Record<string, string>> = {},
) {
  await writeFile(join(demo.folder, "policies", `${name}.facts`), policy);
  const running = await variantGateway(t, demo, name, {
    policies: `[file:policies/${name}.facts]`,
    ...settings,
  });
  return { ...running, client: await connected(t, demo, { port: running.port }) };
}

const policyOf = (rules: string, functions = "") => `policy: facts
who: { everyone: true }
targets: [orders]
${functions}rules:
${rules}`;

const EVERYTHING = `  - allow: reads and writes
    when: sql.access in ["read", "write"]
`;

t.test("what is blocked by name is blocked behind a view, and behind a foreign key", async (t) => {
  const rules = `${EVERYTHING}  - block: salaries
    when: '"public.salaries" in sql.reads'
  - block: bonuses change
    when: '"public.bonuses" in sql.writes'
`;
  const { client, state } = await gatewayWith(t, "behind", policyOf(rules));
  t.match(await refusal(client.query("select count(*) from pay")), { message: /"salaries"/ });
  t.match((await auditLines(state)).at(-1), { command: { resources: ["public.pay", "public.salaries"] } });
  t.match(await refusal(client.query("delete from salaries")), { message: /"bonuses change"/ });
  t.equal((await client.query("insert into salaries values (2, 0)")).rowCount, 1);
});

t.test("a view may be allowed where its tables are not", async (t) => {
  const { client } = await gatewayWith(
    t,
    "view",
    policyOf(`  - allow: pay
    when: sql.access == "read" && sql.named == ["public.pay"]
`),
  );
  t.equal((await client.query("select person from pay")).rowCount, 2);
  t.match(await refusal(client.query("select person from salaries")), { code: "42501" });
});

t.test("columns are known by whatever name, and where they are not, a rule on them holds", async (t) => {
  const rules = `${EVERYTHING}  - allow: tables
    when: sql.access == "ddl"
  - block: amounts
    when: '"public.salaries.amount" in sql.columns'
`;
  const { client } = await gatewayWith(t, "columns", policyOf(rules));
  t.equal((await client.query("select person from pay")).rowCount, 2);
  for (const text of [
    "select amount from pay",
    "select p from pay p",
    "select 1 from salaries where amount > 5",
  ])
    t.match(await refusal(client.query(text)), { message: /"amounts"/ }, text);
  // Nobody else sees the transaction's own table: which columns it has is not known.
  await client.query("begin; create temp table mine as select person from salaries");
  t.match(await refusal(client.query("select * from mine")), {
    message: /"amounts".*could not be evaluated/,
  });
});

t.test("a trigger's function is unknown until the policy lists it", async (t) => {
  const text = "insert into visits values (1)";
  const { client } = await gatewayWith(t, "triggers", policyOf(EVERYTHING));
  t.match(await refusal(client.query(text)), { message: /It runs public\.count_visit, and what that does/ });
  const listed = await gatewayWith(
    t,
    "listed",
    policyOf(EVERYTHING, "functions: { writes: [public.count_*] }\n"),
  );
  // What a listed function does is known, and so is what comes after it.
  for (const _ of [1, 2]) t.equal((await listed.client.query(text)).rowCount, 1);
  t.equal((await listed.client.query("select id from visits")).rowCount, 2);
});

t.test(
  "behind a trigger of its own making, a session's statements are unknown until others see it",
  async (t) => {
    const { client } = await gatewayWith(
      t,
      "own",
      policyOf(`  - allow: all that is known
    when: sql.access != "unknown"
`),
    );
    const text = "insert into bonuses values (1)";
    await client.query("begin");
    await client.query("create view mine as select 1 as one");
    t.match(await refusal(client.query(text)), { message: /could not be told/ });
    await client.query("rollback");
    t.equal((await client.query(text)).rowCount, 1);
  },
);

t.test("a parameter is of no type that runs a function unseen", async (t) => {
  const { client } = await gatewayWith(t, "declared", policyOf(EVERYTHING));
  const idOf = async (type: string) => {
    const { rows } = await superuser.query<{ id: number }>("select $1::regtype::oid as id", [type]);
    return rows[0]?.id ?? 0;
  };
  for (const type of [await idOf("code"), await idOf("code[]")]) {
    const message = /declared to be of a type/;
    t.match(await refusal(parsed(client, "select $1", type)), { code: "0A000", message }, "by its id");
  }
  t.match(await refusal(parsed(client, "select $1::code", 0)), { message: /It runs public\.is_code/ });
  await parsed(client, "select $1", await idOf("short"));
});

/** Prepares a text whose parameter is of this type. @throws what the gateway says against it */
function parsed(client: pg.Client, text: string, type: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let failure: Error | undefined;
    client.query({
      submit(connection: pg.Connection) {
        connection.parse({ name: "", text, types: [type] as never }, true);
        connection.sync();
      },
      handleError(error: Error) {
        failure = error;
        reject(error);
      },
      handleReadyForQuery() {
        if (!failure) resolve();
      },
    } as never);
  });
}
