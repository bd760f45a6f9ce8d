import { execFile } from "node:child_process";
import { join } from "node:path";
import t, { type Test } from "tap";
import {
  admin,
  auditLines,
  connected,
  demoFor,
  refusedLogin,
  variantGateway,
  variantOf,
  writer,
} from "./environment.ts";

const MAIN = join(import.meta.dirname, "..", "packages", "cli", "src", "main.ts");

interface Said {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const demo = await demoFor(t);
const superuser = await admin(t, demo);

/** `gatehouse check --targets` for the demo's config with other lines. */
async function check(name: string, lines: Readonly<Record<string, string>> = {}): Promise<Said> {
  const { configFile } = await variantOf(demo, name, lines);
  return new Promise((resolve) => {
    execFile(process.execPath, [MAIN, "check", "-c", configFile, "--targets"], (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? -1), stdout, stderr });
    });
  });
}

/** Roles that this check can have left: those of the demo's own gateway have an epoch of their own. */
async function left(t: Test, { stdout }: Said): Promise<void> {
  const [, epoch = "none"] = /gh_([0-9a-z]{8})_/.exec(stdout) ?? [];
  const { rows } = await superuser.query("select from pg_roles where starts_with(rolname, $1)", [
    `gh_${epoch}`,
  ]);
  t.equal(rows.length, 0, "no user is left");
}

t.test("each level is tried with a user that is made for it, and removed", async (t) => {
  const said = await check("good", { "      writer": "{ memberOf: [orders_writer], grants: policy }" });
  t.equal(said.code, 0, said.stderr);
  for (const level of ["reader", "writer"]) {
    t.match(
      said.stdout,
      new RegExp(`✔ target orders, level ${level}: logged in as gh_\\w+, made for this and removed`),
    );
  }
  await left(t, said);
});

t.test("a level with a credential of its own is tried with that", async (t) => {
  const credential = "{ credential: { user: orders_writer, password: file:secrets/orders-admin } }";
  const said = await check("static", { "      writer": credential });
  t.equal(said.code, 1);
  t.match(said.stdout, /✔ target orders, level reader/);
  t.match(said.stderr, /✘ target orders, level writer: The target refused the gateway/);
});

t.test("what is missing is named, with the command that mends it", async (t) => {
  const missing = await check("missing", { "      writer": "{ memberOf: [orders_writr] }" });
  t.equal(missing.code, 1);
  t.match(missing.stderr, /✘ target orders, level writer: .*no role "orders_writr".*"orders_writer"/);
  await left(t, missing);

  await superuser.query("create role hidden; create role mighty superuser");
  const barred = await check("barred", { "      writer": "{ memberOf: [hidden] }" });
  t.equal(barred.code, 1);
  t.match(barred.stderr, /GRANT hidden TO gatehouse WITH ADMIN OPTION/);
  const mighty = await check("mighty", { "      writer": "{ memberOf: [mighty] }" });
  t.equal(mighty.code, 1);
  t.match(mighty.stderr, /level writer: .*mighty.*superuser/);

  await superuser.query("alter role gatehouse nocreaterole");
  const weak = await check("weak");
  await superuser.query("alter role gatehouse createrole");
  t.equal(weak.code, 1);
  t.match(weak.stderr, /ALTER ROLE gatehouse CREATEROLE/);

  await superuser.query("alter system set default_transaction_read_only = on");
  await superuser.query("select pg_reload_conf()");
  t.teardown(async () => {
    await superuser.query("set default_transaction_read_only = off");
    await superuser.query("alter system reset default_transaction_read_only");
  });
  const readOnly = await check("read-only");
  t.equal(readOnly.code, 1);
  t.match(readOnly.stderr, /read-only/);
  const { rows } = await superuser.query(
    "select rolname from pg_roles where rolname ~ '^gh_' and rolcanlogin",
  );
  t.same(rows, [], "no half-made role is left");
});

t.test("at a log-in its client is told that there is no user, and by which reference why", async (t) => {
  await superuser.query("set default_transaction_read_only = off");
  await superuser.query("alter system reset default_transaction_read_only");
  await superuser.query("select pg_reload_conf()");
  const levels = { "      writer": "{ memberOf: [orders_writr] }" };
  const { port, state } = await variantGateway(t, demo, "log-ins", levels);
  const error = await refusedLogin(demo, { ...writer(demo), port });
  t.match(error, {
    code: "08001",
    message: 'No user for this session could be had at the target "orders".',
    hint: /show the reference/,
  });
  const [, reference = ""] = /^Reference: (ref_\w+)$/.exec(error.detail ?? "") ?? [];
  const failed = (await auditLines(state)).find(
    (line) => line.type === "login.failed" && line.reference === reference,
  );
  t.match(failed, { reason: /^MINT_UNPREPARED: .*no role "orders_writr"/, level: "writer" });
  t.notMatch(JSON.stringify(error), /create role|grant|gh_/i, "nothing of ours that is for the target");
  await connected(t, demo, { port });
  const { rows } = await superuser.query(
    "select from pg_roles r where rolname ~ '^gh_' and shobj_description(oid, 'pg_authid') ~ 'crew-ops'",
  );
  t.equal(rows.length, 0, "no half-made role is left");
});

t.test("a target in recovery is named as what it is, and nobody is let in", async (t) => {
  const { rows } = await superuser.query<{ folder: string }>(
    "select current_setting('data_directory') as folder",
  );
  await superuser.query(`copy (select) to '${rows[0]?.folder}/standby.signal'`);
  const { server } = demo.database;
  await server.crash();
  await server.start();
  const said = await check("standby");
  t.equal(said.code, 1);
  t.match(said.stderr, /target orders, level reader: The target is in recovery/);
  t.match(await refusedLogin(demo, {}), { code: "08001", detail: /^Reference: ref_/ });
});
