// psql with nothing but libpq's own variables. `npm run test:clients` runs this.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import t, { type Test } from "tap";
import { eventually } from "../environment.ts";
import { canRun, gatewayFor, onPath } from "./world.ts";

interface Output {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const program = onPath("psql");
if (!canRun(t, "psql", program)) process.exit(1);
const { env: clean, superuser } = await gatewayFor(t);
const folder = clean["HOME"] ?? "";

/** Plays a script on psql's standard input, and hands the process to whoever wants to interrupt it. */
async function psql(
  input: string,
  env: NodeJS.ProcessEnv = {},
  started?: (child: ReturnType<typeof spawn>) => Promise<void>,
): Promise<Output> {
  const args = ["--no-psqlrc", "--quiet", "--tuples-only", "--no-align"];
  const child = spawn(program, args, { env: { ...clean, ...env }, stdio: "pipe" });
  const output = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (text: string) => {
      output[name] += text;
    });
  }
  child.stdin.end(input);
  const closed = once(child, "close") as Promise<[number | null]>;
  await started?.(child);
  const [code] = await closed;
  return { code, ...output };
}

/** A script that says exactly this, and of errors nothing. */
function says(what: string, script: string, stdout: string, env?: NodeJS.ProcessEnv): void {
  t.test(what, async (t) => {
    t.same(await psql(script, env), { code: 0, stdout, stderr: "" });
  });
}

/** What a psql of this age does not have is named, and not run. */
const version = await psql("\\echo :VERSION_NUM");
const major = Math.floor(Number(version.stdout) / 10_000);
function from(needed: number, what: string, play: () => void): void {
  if (major >= needed) play();
  else t.comment(`not run: ${what}, which psql ${major} does not have`);
}

/** Ends psql's statement by Ctrl-C when the server says that it waits for a lock. */
async function interrupted(t: Test, script: string, env?: NodeJS.ProcessEnv): Promise<Output> {
  await superuser.query("select pg_advisory_lock(77)");
  t.teardown(() => superuser.query("select pg_advisory_unlock_all()"));
  return psql(script, env, async (child) => {
    await eventually(async () => {
      const waiting = await superuser.query(
        "select 1 from pg_locks where locktype = 'advisory' and not granted",
      );
      return waiting.rowCount === 1;
    });
    child.kill("SIGINT");
  });
}

const refused =
  /^ERROR: {2}Tables are not emptied through the gateway\.\nDETAIL: {2}Reference: ref_\w+\nHINT: {2}/m;

says(
  "a bare psql connects and reads",
  "select name, city from customers where id = 1",
  "Grace Hopper|Oslo\n",
);

t.test("psql's own commands work: they read the catalogue", async (t) => {
  const columns = await psql("\\d customers");
  t.match(columns, { code: 0, stdout: /^email\|text\|/m, stderr: "" });
  t.match(await psql("\\d"), { code: 0, stdout: /public\|orders\|table/, stderr: "" });
  const commands = ["\\d+ orders", "\\dt+", "\\dv", "\\di", "\\df customer_email", "\\sf customer_email"];
  commands.push("\\sv customer_contacts", "\\du", "\\dn+", "\\dp", "\\dT", "\\dx", "\\dconfig", "\\z");
  for (const command of commands) t.match(await psql(command), { code: 0, stderr: "" }, command);
  t.match(await psql("\\conninfo"), { code: 0, stdout: /orders[\s\S]*localhost/ });
});

t.test("\\copy to and from a file, as text and in binary", async (t) => {
  const file = join(folder, "products.csv");
  t.same(await psql(`\\copy (select id, name from products where id <= 3 order by id) to '${file}' csv`), {
    code: 0,
    stdout: "",
    stderr: "",
  });
  t.equal((await readFile(file, "utf8")).split("\n").length, 4);
  await writeFile(file, "9001,Copied in,1.50\n9002,Copied too,2.50\n");
  const binary = join(folder, "products.bin");
  const script = `create temp table copied (like products);
\\copy copied from '${file}' csv
\\copy copied to '${binary}' (format binary)
\\copy copied from '${binary}' (format binary)
select count(*), sum(price) from copied;\n`;
  t.same(await psql(script), { code: 0, stdout: "4|8.00\n", stderr: "" });
});

says(
  "COPY FROM STDIN with its rows in the script, and COPY TO STDOUT",
  "create temp table inline (n int, word text);\ncopy inline from stdin;\n1\tone\n2\t\\N\n\\.\ncopy inline to stdout;\n",
  "1\tone\n2\t\\N\n",
);

t.test(
  "COPY FROM STDIN with a row that can't be read: the rest is skipped, the session goes on",
  async (t) => {
    const script =
      "create temp table inline (n int);\ncopy inline from stdin;\n1\nx\n3\n\\.\nselect count(*) from inline;\n";
    const { stdout, stderr } = await psql(script);
    t.equal(stdout, "0\n");
    t.match(stderr, /invalid input syntax for type integer: "x"/);
  },
);

says(
  "\\gset makes variables of a row",
  "select 41 as n, 'it''s' as s \\gset\nselect :n + 1, :'s';\n",
  "42|it's\n",
);

says(
  "\\gexec runs what a query has written",
  "select format('select %s * 2', n) from generate_series(1, 3) n \\gexec\n",
  "2\n4\n6\n",
);

t.test("\\watch repeats a query until it fails", async (t) => {
  const script = "create temp sequence round;\nselect 12 / (4 - nextval('round')) \\watch 0.01\n";
  const { stdout, stderr } = await psql(script);
  t.same(
    stdout.split("\n").filter((line) => /^\d+$/.test(line)),
    ["4", "6", "12"],
  );
  t.match(stderr, "division by zero");
});

says(
  "\\gdesc describes a query without running it",
  "select 1 as n, 'x'::text as s \\gdesc\n",
  "n|integer\ns|text\n",
);

says(
  "\\crosstabview turns rows to columns",
  "select a, b, a * b from generate_series(1, 2) a, generate_series(1, 2) b order by 1, 2 \\crosstabview\n",
  "1|1|2\n2|2|4\n",
);

says("\\; sends several statements as one text", "select 1\\; select 2\\; select 3;\n", "1\n2\n3\n");

t.test("\\; an error takes back what its text has done before", async (t) => {
  const script =
    "create temp table kept (n int);\ninsert into kept values (1)\\; select 1/0;\nselect count(*) from kept;\n";
  const { stdout, stderr } = await psql(script);
  t.equal(stdout, "0\n");
  t.match(stderr, "division by zero");
});

says(
  "FETCH_COUNT reads by a cursor",
  "\\set FETCH_COUNT 7\nselect generate_series(1, 100) \\g (format=unaligned) | tail -n 1\n",
  "100\n",
);

from(16, "\\bind", () => {
  says("\\bind hands parameters over", "select $1::int + $2::int \\bind 40 2 \\g\n", "42\n");
});

from(18, "\\parse, \\bind_named and pipelines", () => {
  says(
    "\\parse, \\bind_named and pipelines",
    "select $1::int + 1 \\parse one\n\\startpipeline\n\\bind_named one 41 \\sendpipeline\n\\bind_named one 1 \\sendpipeline\n\\endpipeline\n\\close_prepared one\n",
    "42\n2\n",
  );
});

t.test("transactions, and errors inside of them", async (t) => {
  const { stdout, stderr } = await psql("begin;\nselect 1/0;\nselect 2;\nrollback;\nselect 3;\n");
  t.equal(stdout, "3\n");
  t.match(stderr, /division by zero[\s\S]*current transaction is aborted/);
});

t.test("ON_ERROR_ROLLBACK sets savepoints by itself", async (t) => {
  const script = "\\set ON_ERROR_ROLLBACK on\nbegin;\nselect 1/0;\nselect 2;\ncommit;\n";
  t.match(await psql(script), { stdout: "2\n", stderr: /division by zero/ });
});

says(
  "PREPARE, EXECUTE, DECLARE, FETCH and MOVE",
  `prepare twice(int) as select $1 * 2;
execute twice(21);
begin;
declare far scroll cursor for select generate_series(1, 10);
fetch 2 far;
move 3 far;
fetch backward 1 far;
commit;
`,
  "42\n1\n2\n4\n",
);

t.test("large objects: \\lo_import, \\lo_list, \\lo_export, \\lo_unlink", async (t) => {
  const [file, back] = [join(folder, "large"), join(folder, "back")];
  await writeFile(file, "large\0object".repeat(10_000));
  const script = `\\lo_import '${file}'\n\\lo_export :LASTOID '${back}'\n\\lo_unlink :LASTOID\n`;
  t.match(await psql(script), { code: 0, stderr: "" });
  t.equal(await readFile(back, "utf8"), await readFile(file, "utf8"));
});

t.test("notices, and a notification that comes with the next answer", async (t) => {
  const { stdout, stderr } = await psql(
    "do $$ begin raise notice 'noticed'; end $$;\nlisten news;\nnotify news, 'heard';\n",
  );
  t.match(stderr, "NOTICE:  noticed");
  t.match(stdout, /Asynchronous notification "news" with payload "heard" received/);
});

says(
  "search_path: names are found where the session says",
  "set search_path = pg_catalog;\nselect to_regclass('orders') is null;\nset search_path = public;\nselect count(*) from orders;\n",
  "t\n50000\n",
);

says(
  "PGOPTIONS sets what a session begins with",
  "show search_path;\nshow work_mem;\n",
  "pg_catalog\n7MB\n",
  {
    PGOPTIONS: "-c search_path=pg_catalog -c work_mem=7MB",
  },
);

t.test("\\encoding: psql and server speak LATIN1", async (t) => {
  t.same(await psql("\\encoding LATIN1\n\\encoding\nselect ascii(U&'\\00e9'), length(U&'\\00e9');\n"), {
    code: 0,
    stdout: "LATIN1\n233|1\n",
    stderr: "",
  });
});

says("\\c connects anew", "\\c - - - -\nselect 1;\n", "1\n");

t.test("Ctrl-C cancels what runs", async (t) => {
  const { code, stderr } = await interrupted(t, "select pg_advisory_lock(77);\n");
  t.equal(code, 3, "psql has left its script");
  t.match(stderr, "ERROR:  canceling statement due to user request");
});

t.test("a refusal is told as psql tells errors, and the session goes on", async (t) => {
  const { code, stdout, stderr } = await psql("truncate payments;\nselect count(*) from orders;\n");
  t.equal(code, 0);
  t.equal(stdout, "50000\n");
  t.match(stderr, refused);
  t.match(await psql("\\set VERBOSITY sqlstate\ntruncate payments;\n"), { stderr: "ERROR:  42501\n" });
});

t.test("a refusal in a transaction fails the transaction, and a savepoint mends it", async (t) => {
  const script =
    "begin;\nsavepoint here;\ntruncate payments;\nselect 1;\nrollback to here;\nselect 2;\ncommit;\n";
  const { stdout, stderr } = await psql(script);
  t.equal(stdout, "2\n");
  t.match(stderr, refused);
  t.match(stderr, "current transaction is aborted");
});

t.test("a refusal among several statements is of them all", async (t) => {
  const { stdout, stderr } = await psql("select 1\\; truncate payments\\; select 2;\nselect 3;\n");
  t.equal(stdout, "3\n");
  t.match(stderr, refused);
});

t.test("ON_ERROR_STOP ends at a refusal", async (t) => {
  t.match(await psql("\\set ON_ERROR_STOP on\ntruncate payments;\nselect 1;\n"), { code: 3, stdout: "" });
});

t.test("a client that turns TLS off is shown how to turn it on", async (t) => {
  const { code, stderr } = await psql("select 1", { PGSSLMODE: "disable" });
  t.equal(code, 2);
  t.match(stderr, /no unencrypted connections[\s\S]*HINT: .*sslmode=verify-full/);
});

t.test("a wrong password is refused in one sentence", async (t) => {
  const { code, stderr } = await psql("select 1", { PGPASSWORD: "hunter2" });
  t.equal(code, 2);
  t.match(stderr, /FATAL: {2}The credential was not accepted\.\n/);
  t.notMatch(stderr, "hunter2");
});

t.test("a certificate that psql can't verify is its own refusal", async (t) => {
  const { code, stderr } = await psql("select 1", { PGHOST: "127.0.0.2" });
  t.equal(code, 2);
  t.match(stderr, /127\.0\.0\.2/);
});

from(17, "sslnegotiation=direct", () => {
  says("TLS without an SSLRequest before it", "select 1;\n", "1\n", { PGSSLNEGOTIATION: "direct" });
});
