// psycopg 3 with nothing but libpq's own variables. `npm run test:clients` runs this; it needs Python with psycopg.
import { spawn } from "node:child_process";
import { once } from "node:events";
import t from "tap";
import { demoFor } from "../environment.ts";

const python = process.env["PYTHON"] ?? "python3";

async function run(script: string, env: NodeJS.ProcessEnv): Promise<{ code: number | null; output: string }> {
  const child = spawn(python, ["-c", script], { env, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  }
  const [code] = (await once(child, "close")) as [number | null];
  return { code, output };
}

const found = await run("import psycopg", process.env).catch(() => undefined);
if (found?.code !== 0) {
  t.fail(`${python} has no psycopg: pip install 'psycopg[binary]', or name another interpreter in PYTHON`, {
    output: found?.output ?? `${python} is not there`,
  });
  process.exit(1);
}
const demo = await demoFor(t);
const variables = Object.fromEntries(
  Object.entries(demo.variables).filter(([name]) => name.startsWith("PG")),
);
const clean = { PATH: process.env["PATH"], HOME: demo.folder, LC_ALL: "C.UTF-8", ...variables };
const writer = { PGUSER: "writer", PGPASSWORD: demo.variables["WRITER_TOKEN"] };

/** Plays a script to its end; an assertion that does not hold, or anything else that is raised, fails the test. */
function plays(what: string, body: string, env: NodeJS.ProcessEnv = {}): void {
  t.test(what, async (t) => {
    const script = `import psycopg\nfrom psycopg import errors\n${body}`;
    t.same(await run(script, { ...clean, ...env }), { code: 0, output: "" });
  });
}

plays(
  "a bare connect() reads, with parameters and without",
  `
with psycopg.connect() as c:
    assert c.info.dbname == "orders" and c.info.encoding == "utf-8"
    assert c.execute("select count(*) from orders").fetchone() == (50000,)
    row = c.execute("select name, city from customers where id = %s and city = %s", [1, "Oslo"]).fetchone()
    assert row == ("Grace Hopper", "Oslo"), row
    assert c.execute("select %s::text", [None]).fetchone() == (None,)
`,
);

plays(
  "binary parameters and results",
  `
import datetime, decimal
with psycopg.connect() as c:
    with c.cursor(binary=True) as cur:
        cur.execute("select %b::int8, %b::text, %b::timestamptz, %b::numeric, %b::bytea",
            [7, "Ada", datetime.datetime(2026, 1, 2, tzinfo=datetime.timezone.utc), decimal.Decimal("1.50"), b"\\x00\\xff"])
        row = cur.fetchone()
        assert row[0] == 7 and row[1] == "Ada" and row[2].year == 2026 and row[3] == decimal.Decimal("1.50"), row
        assert row[4] == b"\\x00\\xff"
`,
);

plays(
  "statements that psycopg prepares by itself, and forgets",
  `
with psycopg.connect() as c:
    c.prepare_threshold = 1
    c.prepared_max = 3
    for n in range(40):
        sql = "select %s::int + " + str(n % 8)
        assert c.execute(sql, [n]).fetchone() == (n + n % 8,)
    assert c.execute("select %s::int", [1], prepare=True).fetchone() == (1,)
`,
);

plays(
  "a cursor at the server, forwards",
  `
with psycopg.connect() as c:
    with c.cursor(name="far") as cur:
        cur.itersize = 1000
        cur.execute("select id from orders where id <= %s order by id", [5000])
        assert sum(1 for _ in cur) == 5000
    assert c.execute("select 1").fetchone() == (1,)
`,
);

plays(
  "a pipeline, and a refusal in the middle of one",
  `
with psycopg.connect(autocommit=True) as c:
    with c.pipeline():
        cursors = [c.execute("select %s::int", [n]) for n in range(50)]
    assert [cur.fetchone()[0] for cur in cursors] == list(range(50))
    try:
        with c.pipeline() as p:
            c.execute("select 1")
            c.execute("drop table orders")
            c.execute("select 2")
            p.sync()
        assert False, "let through"
    except errors.InsufficientPrivilege as e:
        assert "migrations" in e.diag.message_primary
    assert c.execute("select 3").fetchone() == (3,)
`,
);

plays(
  "COPY out, and in where the level may write",
  `
with psycopg.connect() as c:
    with c.cursor().copy("copy (select id, name from products where id <= 10) to stdout") as copy:
        assert len(list(copy.rows())) == 10
    with c.cursor() as cur:
        with cur.copy("copy products (id, name, price) from stdin") as copy:
            for n in range(500):
                copy.write_row((20000 + n, "Copied", 1))
        assert cur.rowcount == 500
    c.rollback()
    assert c.execute("select count(*) from products where id >= 20000").fetchone() == (0,)
`,
  writer,
);

plays(
  "a refusal has its SQLSTATE, message, hint and reference, and the session goes on",
  `
with psycopg.connect(autocommit=True) as c:
    try:
        c.execute("drop table orders")
        assert False, "let through"
    except errors.InsufficientPrivilege as e:
        assert e.diag.sqlstate == "42501" and e.diag.message_primary == "Schema changes go through migrations."
        assert e.diag.message_detail.startswith("Reference: ref_") and e.diag.message_hint
    assert c.execute("select 1").fetchone() == (1,)
`,
);

plays(
  "transactions and savepoints",
  `
with psycopg.connect() as c:
    with c.transaction():
        c.execute("select 1")
        try:
            with c.transaction():
                c.execute("select 1/0")
        except errors.DivisionByZero:
            pass
        assert c.execute("select 2").fetchone() == (2,)
`,
);

plays(
  "cancel stops what runs, and nothing else",
  `
import threading
with psycopg.connect(autocommit=True) as c:
    threading.Timer(0.3, c.cancel).start()
    try:
        c.execute("select pg_sleep(60)")
        assert False, "not cancelled"
    except errors.QueryCanceled:
        pass
    assert c.execute("select 1").fetchone() == (1,)
`,
);

plays(
  "a wrong password is an OperationalError with one sentence",
  `
try:
    psycopg.connect()
    assert False, "let in"
except psycopg.OperationalError as e:
    assert "The credential was not accepted." in str(e) and "hunter2" not in str(e), str(e)
`,
  { PGPASSWORD: "hunter2" },
);
