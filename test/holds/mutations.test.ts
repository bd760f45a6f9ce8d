import type pg from "pg";
import { serialize } from "pg-protocol";
import t from "tap";
import { refusal } from "../environment.ts";
import type { Answer } from "../raw.ts";
import { HOLDS, held, holdsFor } from "./environment.ts";

/* What a yes was given to is what is run: commands, names and the world around them are changed while people are asked. */

const site = await holdsFor(t);
const { superuser } = site;
const { parse, bind, execute, query, sync, flush, close } = serialize;

/** What others have made of the database is seen from here on. */
async function lookAgain(client: pg.Client): Promise<void> {
  await client.query("create table public.look_again (); drop table public.look_again");
}

t.beforeEach(async (t) => {
  await superuser.query(`drop schema if exists elsewhere cascade; drop table if exists rows, old_rows cascade;
    create table rows (id int primary key, owner text);
    insert into rows select n, 'agent' from generate_series(1, 20) n;
    create schema elsewhere; create table elsewhere.rows (id int primary key, owner text);
    insert into elsewhere.rows select n, 'nobody' from generate_series(1, 20) n;
    grant all on rows to orders_writer; grant usage, create on schema elsewhere to orders_writer;
    grant all on elsewhere.rows to orders_writer`);
  const client = await site.connect(t);
  await lookAgain(client);
  await client.end();
});

async function left(table = "public.rows"): Promise<number> {
  return (await superuser.query<{ n: number }>(`select count(*)::int as n from ${table}`)).rows[0]?.n ?? -1;
}

const shape = (answers: readonly Answer[]) =>
  answers
    .map(({ type }) => type)
    .filter((type) => type !== "N")
    .join("");

t.test("a Bind with another value behind the held one waits for a yes of its own", async (t) => {
  const session = await site.raw(t);
  session.socket.write(
    Buffer.concat([
      parse({ name: "s", text: "delete from rows where id = $1 /* held_once */" }),
      ...["1", "2"].flatMap((value) => [bind({ statement: "s", values: [value] }), execute({})]),
      sync(),
    ]),
  );
  const first = await held(site);
  t.match((await site.show(first)).body["command"], { parameters: ["1"] });
  await site.say(first, "approve");
  const second = await held(site);
  t.not(second, first);
  t.match((await site.show(second)).body["command"], { parameters: ["2"] });
  t.equal(await left(), 20, "both are of one transaction, which is open still");
  t.match(await site.answer(first), { status: 409, body: { error: { code: "APPROVAL_ENDED" } } });
  await site.say(second, "deny");
  t.equal(shape(await session.answers(1)), "12CEZ");
  t.equal(await left(), 20);
});

t.test("more rows of a held portal are more of the same answer", async (t) => {
  const session = await site.raw(t);
  session.socket.write(query("begin"));
  await session.answers(1);
  session.socket.write(
    Buffer.concat([
      parse({ text: "select id from rows /* held_once */" }),
      bind({ portal: "p" }),
      execute({ portal: "p", rows: 5 }),
      sync(),
    ]),
  );
  await site.say(await held(site), "approve");
  t.equal(shape(await session.answers(1)), "12DDDDDsZ");
  session.socket.write(Buffer.concat([execute({ portal: "p", rows: 5 }), sync()]));
  t.equal(shape(await session.answers(1)), "DDDDDsZ");
  session.socket.write(
    Buffer.concat([execute({ portal: "p", rows: 5 }), flush(), execute({ portal: "p", rows: 20 }), sync()]),
  );
  t.equal(shape(await session.answers(1)), "DDDDDsDDDDDCZ");
  session.socket.write(query("commit"));
  t.equal(shape(await session.answers(1)), "CZ");
});

t.test("a statement that is prepared anew under the same name waits anew", async (t) => {
  const session = await site.raw(t);
  const [text, other] = ["delete from rows where id = 1 /* held_once */", "delete from rows /* held_once */"];
  session.socket.write(
    Buffer.concat([
      parse({ name: "s", text }),
      bind({ statement: "s" }),
      execute({}),
      close({ type: "S", name: "s" }),
      parse({ name: "s", text: other }),
      bind({ statement: "s" }),
      execute({}),
      sync(),
    ]),
  );
  await site.say(await held(site), "approve");
  const second = await held(site);
  t.match((await site.show(second)).body["command"], { text: other });
  await site.say(second, "deny");
  t.equal(shape(await session.answers(1)), "12C3EZ");

  const client = await site.connect(t);
  await client.query("prepare q(int) as delete from rows where id = $1");
  const run = client.query("execute q(2) /* held_once */");
  const again = Promise.all([
    client.query("deallocate q"),
    client.query("prepare q(int) as delete from rows where id >= $1"),
    refusal(client.query("execute q(2) /* held_once */")),
  ]);
  const first = await held(site);
  t.match((await site.show(first)).body["command"], {
    runs: ["prepare q(int) as delete from rows where id = $1"],
  });
  await site.say(first, "approve");
  t.equal((await run).rowCount, 1);
  const changed = await held(site);
  t.match((await site.show(changed)).body["command"], {
    runs: ["prepare q(int) as delete from rows where id >= $1"],
  });
  await site.say(changed, "deny");
  await again;
  const deletes = client.query(
    "deallocate q; prepare q(int) as delete from rows; execute q(2) /* held_once */",
  );
  const whole = await held(site);
  t.match((await site.show(whole)).body["command"], { text: /deallocate q; prepare/ });
  await site.say(whole, "deny");
  await refusal(deletes);
  t.equal(await left(), 19);
});

/** A text for each rule whose yes is good for more than once. */
const SCOPES = ["session_command", "hour_command", "session_shape", "hour_shape"] as const;

for (const scope of SCOPES) {
  t.test(`a yes that is good for ${scope} is good for nothing else`, async (t) => {
    const client = await site.connect(t);
    const other = await site.connect(t);
    const mark = `/* ${scope} ${String(Math.random())} */`;
    const ask = async (what: Promise<unknown>) => {
      const refused = refusal(what);
      const waits = held(site).then((id) => site.say(id, "deny"));
      t.match(await refused, { code: "42501", message: /^Denied by ann/ });
      await waits;
    };
    const text = `delete from rows where id = 1 ${mark}`;
    const first = client.query(text);
    await site.say(await held(site), "approve");
    await first;
    await client.query(text);

    await ask(client.query(`delete from rows where id = 1 or id = 2 ${mark}`));
    await ask(client.query(`delete from rows where id = '1' or true ${mark}`));
    await ask(client.query(`update rows set id = 1 where id = 1 ${mark}`));
    await ask(client.query(`delete from elsewhere.rows where id = 1 ${mark}`));
    await ask(client.query(`delete from rows where id = 1 ${mark}; select 1`));
    await ask(client.query(`delete from rows where id = $1 ${mark}`, [1]));
    await ask(client.query(`prepare x as delete from rows where id = 1 ${mark}`));
    if (scope.endsWith("command")) {
      for (const variant of [
        `delete from rows where id = 2 ${mark}`,
        `DELETE from rows where id = 1 ${mark}`,
        `delete  from rows where id = 1 ${mark}`,
        `delete from rows where id = 1 ${mark} `,
        `delete from rows where id = 1 ${mark}--`,
        `delete from rows where id = 1 ${mark.replace(" *", "\u00a0*")}`,
        `delete from public.rows where id = 1 ${mark}`,
      ])
        await ask(client.query(variant));
    }
    if (scope.startsWith("session")) await ask(other.query(text));
    else await other.query(text);
    await ask((await site.connect(t, "other-agent")).query(text));
    await ask((await site.connect(t, "agent", { user: "reader" })).query(text));
    await ask((await site.connect(t, "agent", { options: "-c search_path=elsewhere" })).query(text));

    await client.query("set search_path to elsewhere, public");
    await ask(client.query(text));
    await client.query("begin");
    await client.query("set local search_path to elsewhere");
    await ask(client.query(text));
    await client.query("rollback");
    await client.query("select set_config('search_path', 'elsewhere', false)");
    await ask(client.query(text));
    await client.query("reset search_path");
    await client.query(text);
    await superuser.query("drop role if exists another; create role another; grant another to orders_writer");
    for (const become of ["set role another", "select set_config('role', 'another', false)"]) {
      await client.query(become);
      await ask(client.query(text));
      await client.query("reset role");
    }
    await client.query("set standard_conforming_strings to off");
    await ask(client.query(text));
    t.equal(await left("elsewhere.rows"), 20);
    t.equal(await left(), 19);
  });
}

t.test("values are told apart beyond what is shown of them", async (t) => {
  const client = await site.connect(t);
  const long = (end: string) => [`${"x".repeat(5000)}${end}`];
  const text = "delete from rows where owner = $1 /* session_command */";
  const first = client.query(text, long("a"));
  await site.say(await held(site), "approve");
  await first;
  await client.query(text, long("a"));
  const second = refusal(client.query(text, long("b")));
  await site.say(await held(site), "deny");
  await second;
  const many = (last: number) => [...Array.from({ length: 299 }, () => 0), last];
  const list = `delete from rows where id in (${many(0)
    .map((_, n) => `$${n + 1}::int`)
    .join()}) /* session_command */`;
  const third = client.query(list, many(0));
  await site.say(await held(site), "approve");
  await third;
  await client.query(list, many(0));
  const fourth = refusal(client.query(list, many(3)));
  await site.say(await held(site), "deny");
  await fourth;
  t.equal(await left(), 20);
});

const FUNCTION = (body: string) =>
  `create or replace function changed() returns int language sql as $$ ${body} $$; grant execute on function changed() to orders_writer`;
const TRIGGER = `create or replace function noted() returns trigger language plpgsql as $$ begin return null; end $$;
  create trigger noted before delete on rows for each row execute function noted()`;

/** What others do to a database while a command is held. `text` is run where nothing has changed. */
const MEANWHILE: readonly {
  readonly what: string;
  readonly before?: string;
  readonly path?: string;
  readonly text: string;
  readonly change: string;
  readonly runs: boolean;
}[] = [
  {
    what: "a table of the same name comes earlier in the path",
    path: "earlier,public",
    before:
      "drop schema if exists earlier cascade; create schema earlier; grant usage on schema earlier to orders_writer",
    text: "delete from rows where id = 1 /* held_once */",
    change:
      "create table earlier.rows (id int); insert into earlier.rows values (1); grant all on earlier.rows to orders_writer",
    runs: false,
  },
  {
    what: "a view is one of another table",
    before: "create or replace view seen as select id from rows; grant all on seen to orders_writer",
    text: "delete from seen where id = 1 /* held_once */",
    change:
      "create or replace view seen as select id from elsewhere.rows; grant all on elsewhere.rows to postgres",
    runs: false,
  },
  {
    what: "a view has another WHERE",
    before:
      "create or replace view seen as select id from rows where id < 5; grant all on seen to orders_writer",
    text: "delete from seen where id > 0 /* held_once */",
    change: "create or replace view seen as select id from rows where id < 50",
    runs: false,
  },
  {
    what: "a trigger is put on the table",
    text: "delete from rows where id = 1 /* held_once */",
    change: TRIGGER,
    runs: false,
  },
  {
    what: "a rule turns it into something else",
    text: "delete from rows where id = 1 /* held_once */",
    change: "create rule instead as on delete to rows do instead delete from elsewhere.rows",
    runs: false,
  },
  {
    what: "another table takes the name",
    text: "delete from rows where id = 1 /* held_once */",
    change:
      "alter table rows rename to old_rows; alter index rows_pkey rename to old_rows_pkey; alter table elsewhere.rows rename to new_rows; alter table elsewhere.new_rows set schema public; alter table new_rows rename to rows",
    runs: false,
  },
  {
    what: "a function has another body",
    before: FUNCTION("select 1"),
    text: "select changed() /* held_once */",
    change: FUNCTION("select 2"),
    runs: true,
  },
  {
    what: "the settings of the role are others",
    text: "delete from rows where id = 1 /* held_once */",
    change:
      "alter role orders_writer set search_path to elsewhere; alter database orders set search_path to elsewhere",
    runs: true,
  },
];
for (const { what, before, path, text, change, runs } of MEANWHILE) {
  t.test(
    `while it is held, ${what}: ${runs ? "it is run as it was asked for" : "it is not run"}`,
    async (t) => {
      if (before !== undefined) await superuser.query(before);
      const client = await site.connect(
        t,
        "agent",
        path === undefined ? {} : { options: `-c search_path=${path}` },
      );
      await lookAgain(client);
      const asked = client.query(text).then(
        () => "run",
        (error: unknown) => error,
      );
      const id = await held(site);
      await superuser.query(change);
      await site.say(id, "approve");
      const came = await asked;
      await superuser.query(
        "alter role orders_writer reset search_path; alter database orders reset search_path; drop schema if exists earlier cascade",
      );
      if (runs) t.equal(came, "run");
      else t.match(came, { code: "42501", message: /has changed since it was asked for/ });
    },
  );
}

t.test("another policy: what it says of the held command now is what counts", async (t) => {
  const text = "delete from rows where id = 1 /* held_once */";
  const changes = [
    HOLDS.replace(/ {2}- hold: once[\s\S]*?approvers:.*\n/, ""),
    HOLDS.replace(/(hold: once[\s\S]*?)groups: \[dba\]/, "$1groups: [dba, security]"),
    HOLDS.replace(/(hold: once[\s\S]*?approvers:.*\n)/, "$1    message: Be careful.\n"),
    `${HOLDS}  - block: all of it\n    when: sql.text.contains("held_once")\n    message: No more.\n`,
    HOLDS.replace("who: { groups: [crew-ops] }", "who: { groups: [nobody] }"),
  ];
  for (const changed of changes) {
    const client = await site.connect(t);
    const refused = refusal(client.query(text));
    const id = await held(site);
    await site.policy(changed);
    t.match(await site.answer(id), { status: 200 });
    t.match(await refused, { code: "42501" });
    t.match((await site.show(id)).body, { state: "void" });
    await site.policy(HOLDS);
  }
  t.equal(await left(), 20);
});
