// Commands that wait for a person, by psql. `npm run test:clients` runs this.
import { spawn } from "node:child_process";
import { once } from "node:events";
import t from "tap";
import { heldWorld } from "./held.ts";
import { canRun, onPath } from "./world.ts";

const program = onPath("psql");

if (canRun(t, "psql", program)) {
  await heldWorld(t, "psql", async (clean, { superuser }) => {
    /** Plays a script, and hands the process over when it has said that its command waits. */
    const psql = async (input: string, held?: (child: ReturnType<typeof spawn>) => void) => {
      const args = ["--no-psqlrc", "--tuples-only", "--no-align", "--set", "VERBOSITY=verbose"];
      const child = spawn(program, args, { env: clean, stdio: "pipe" });
      const output = { stdout: "", stderr: "" };
      child.stdout.setEncoding("utf8").on("data", (text: string) => {
        output.stdout += text;
      });
      child.stderr.setEncoding("utf8").on("data", (text: string) => {
        output.stderr += text;
        if (text.includes("NOTICE:")) held?.(child);
      });
      child.stdin.end(input);
      const [code] = (await once(child, "close")) as [number | null];
      return { code, ...output };
    };
    const row = async (word: string, table = "held") => {
      await superuser.query(`insert into ${table} values ($1)`, [word]);
      return `delete from ${table} where word = '${word}';\n`;
    };
    const left = async (word: string) =>
      (await superuser.query("select from held where word = $1", [word])).rowCount;
    const refused = `ERROR:  42501: .*${clean["DENIED"] ?? ""}`;
    await t.test("approved, with the notice", async (t) => {
      const { code, stdout, stderr } = await psql(await row("approve psql"));
      t.equal(code, 0);
      t.equal(stdout, "DELETE 1\n");
      t.match(
        stderr,
        /^NOTICE: {2}00000: Held by the rule "deletes".*\nDETAIL: {2}Approval apr_.*\nHINT: {2}.*apr_/,
      );
    });

    await t.test("in a transaction", async (t) => {
      const remove = await row("approve psql, transaction");
      const { stdout } = await psql(`begin;\n${remove}insert into held values ('beside psql');\ncommit;\n`);
      t.equal(stdout, "BEGIN\nDELETE 1\nINSERT 0 1\nCOMMIT\n");
    });

    await t.test("what is prepared waits when it is prepared, and each time that it is run", async (t) => {
      await row("approve psql, prepared");
      const prepare = "prepare remove(text) as /* approve it */ delete from held where word = $1;\n";
      const execute = "execute remove('approve psql, prepared');\n";
      const { stdout, stderr } = await psql(prepare + execute + execute);
      t.equal(stdout, "PREPARE\nDELETE 1\nDELETE 0\n");
      t.equal(stderr.match(/^NOTICE:/gm)?.length, 3);
    });

    await t.test("several statements as one text wait as one", async (t) => {
      const [one, other] = [await row("approve psql, 1"), await row("approve psql, 2")];
      const { stdout, stderr } = await psql(`select 1\\; ${one.trim().slice(0, -1)}\\; ${other}`);
      t.equal(stdout, "1\nDELETE 1\nDELETE 1\n");
      t.equal(stderr.match(/^NOTICE:/gm)?.length, 1);
    });

    await t.test("denied: an error with dana's words, and the session goes on", async (t) => {
      const { code, stdout, stderr } = await psql(`${await row("deny psql")}select 1;\n`);
      t.equal(code, 0);
      t.equal(stdout, "1\n");
      t.match(stderr, new RegExp(refused));
      t.equal(await left("deny psql"), 1);
    });

    await t.test("denied in a transaction, and a savepoint mends it", async (t) => {
      const remove = await row("deny psql, transaction");
      const script = `begin;\nsavepoint here;\n${remove}rollback to here;\nselect 2;\ncommit;\n`;
      const { stdout } = await psql(script);
      t.equal(stdout, "BEGIN\nSAVEPOINT\nROLLBACK\n2\nCOMMIT\n");
    });

    await t.test("expired", async (t) => {
      const { stdout, stderr } = await psql(`${await row("expire psql", "brief")}select 1;\n`);
      t.equal(stdout, "1\n");
      t.match(stderr, "ERROR:  42501: ");
    });

    await t.test("Ctrl-C takes it back", async (t) => {
      const { stderr } = await psql(await row("cancel psql"), (child) => child.kill("SIGINT"));
      t.match(stderr, "ERROR:  57014: ");
      t.equal(await left("cancel psql"), 1);
    });

    await t.test("so does killing it", async (t) => {
      await psql(await row("leave psql"), (child) => child.kill("SIGKILL"));
      t.equal(await left("leave psql"), 1);
    });
  });
}
