// psql with nothing but libpq's own variables. `npm run test:clients` runs this; it needs psql.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";
import { demoFor } from "../environment.ts";

interface Output {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

async function run(
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  input = "",
): Promise<Output> {
  const child = spawn(program, args, { env, stdio: "pipe" });
  const output = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (text: string) => {
      output[name] += text;
    });
  }
  child.stdin.end(input);
  const [code] = (await once(child, "close")) as [number | null];
  return { code, ...output };
}

const version = await run("psql", ["--version"], process.env).catch(() => undefined);
if (version === undefined) {
  t.fail("psql is not there: install PostgreSQL's client (Debian: apt-get install postgresql-client)");
  process.exit(1);
}
const major = Number(/\d+/.exec(version.stdout)?.[0]);
const demo = await demoFor(t);
const variables = Object.fromEntries(
  Object.entries(demo.variables).filter(([name]) => name.startsWith("PG")),
);
// Nothing of whoever runs the tests: no .psqlrc, no .pgpass, no PGOPTIONS.
const clean = { PATH: process.env["PATH"], HOME: demo.folder, LC_ALL: "C.UTF-8", ...variables };

const psql = (input: string, env: NodeJS.ProcessEnv = {}, args: readonly string[] = []) =>
  run(
    "psql",
    ["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", ...args],
    { ...clean, ...env },
    input,
  );

t.test("a bare psql connects and reads", async (t) => {
  t.same(await psql("select name, city from customers where id = 1"), {
    code: 0,
    stdout: "Grace Hopper|Oslo\n",
    stderr: "",
  });
});

t.test("psql's own commands work: they read the catalogue", async (t) => {
  const columns = await psql("\\d customers");
  t.match(columns, { code: 0, stdout: /^email\|text\|/m, stderr: "" });
  t.match(await psql("\\dt"), { code: 0, stdout: /public\|orders\|table/ });
  t.match(await psql("\\dv\n\\df customer_email\n\\du\n\\dn"), { code: 0, stderr: "" });
  t.match(await psql("\\conninfo"), { code: 0, stdout: /orders[\s\S]*reader/ });
});

t.test("psql copies out, and in where the level may write", async (t) => {
  const file = join(demo.folder, "products.csv");
  t.match(await psql(`\\copy (select id, name from products where id <= 3 order by id) to '${file}' csv`), {
    code: 0,
    stderr: "",
  });
  t.equal((await readFile(file, "utf8")).split("\n").length, 4);
  await writeFile(file, "9001,Copied in,1.50\n9002,Copied too,2.50\n");
  const writer = { PGUSER: "writer", PGPASSWORD: demo.variables["WRITER_TOKEN"] };
  t.match(await psql(`\\copy products from '${file}' csv`, writer), { code: 0, stderr: "" });
  t.match(await psql("select count(*) from products where id > 9000"), { stdout: "2\n" });
  t.match(await psql(`\\copy products from '${file}' csv`), { stderr: /No rule allows this/ });
});

t.test("a refused DROP is told as psql tells errors, and the session goes on", async (t) => {
  const { code, stdout, stderr } = await psql("drop table orders;\nselect count(*) from orders;\n");
  t.equal(code, 0);
  t.equal(stdout, "50000\n");
  t.match(
    stderr,
    /ERROR: {2}Schema changes go through migrations\.\nDETAIL: {2}Reference: ref_\w+\nHINT: {2}/,
  );
});

t.test("transactions, errors inside of them, and parameters by \\bind where psql has it", async (t) => {
  const script = "begin;\nselect 1/0;\nselect 2;\nrollback;\nselect 3;\n";
  const { stdout, stderr } = await psql(script);
  t.equal(stdout, "3\n");
  t.match(stderr, /division by zero[\s\S]*current transaction is aborted/);
  if (major >= 16) t.match(await psql("select $1::int + 1 \\bind 41 \\g"), { stdout: "42\n", stderr: "" });
  else t.comment(`not run: \\bind, which psql ${major} does not have`);
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

t.test("TLS without an SSLRequest before it", async (t) => {
  if (major < 17) {
    t.comment(`not run: sslnegotiation=direct, which psql ${major} does not have`);
    t.pass();
    return;
  }
  t.match(await psql("select 1", { PGSSLNEGOTIATION: "direct" }), { code: 0, stdout: "1\n", stderr: "" });
});
