import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import t, { type Test } from "tap";
import {
  admin,
  auditLines,
  connected,
  demoFor,
  eventually,
  variantOf,
  verifyState,
  writer,
} from "./environment.ts";

const ROUNDS = 4;
const CLIENTS = 6;
const SEED = 20_261_120;

/** Numbers that are the same at each run (mulberry32). */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let n = Math.imul(state ^ (state >>> 15), 1 | state);
    n = (n + Math.imul(n ^ (n >>> 7), 61 | n)) ^ n;
    return ((n ^ (n >>> 14)) >>> 0) / 2 ** 32;
  };
}

const demo = await demoFor(t);
const { configFile, state } = await variantOf(demo, "crash");

async function startGateway(t: Test): Promise<{ child: ChildProcess; port: number }> {
  const program = fileURLToPath(new URL("./gateway-process.ts", import.meta.url));
  const child = spawn(process.execPath, [program, configFile], { stdio: ["ignore", "pipe", "inherit"] });
  t.teardown(() => child.kill("SIGKILL"));
  const [line] = (await once(createInterface(child.stdout), "line")) as [string];
  return { child, port: Number(line) };
}

async function kill(child: ChildProcess): Promise<void> {
  const exited = once(child, "exit");
  child.kill("SIGKILL");
  await exited;
}

t.test("kill -9 under load: what was answered is on the log, which verifies and goes on", async (t) => {
  const superuser = await admin(t, demo);
  await superuser.query("create table marks (mark text primary key)");
  await superuser.query("grant insert, select on marks to orders_writer");
  const random = numbers(SEED);
  const answered: string[] = [];

  for (let round = 0; round < ROUNDS; round++) {
    const { child, port } = await startGateway(t);
    const clients = await Promise.all(
      Array.from({ length: CLIENTS }, () => connected(t, demo, { port, ...writer(demo) })),
    );
    // After so many answers the gateway dies, whatever the others are in the middle of.
    let left = 20 + Math.floor(random() * 200);
    const enough = Promise.withResolvers<undefined>();
    const working = clients.map(async (client, index) => {
      for (let n = 0; ; n++) {
        const mark = `round ${round} client ${index} number ${n}`;
        try {
          if (n % 2 === 0) await client.query(`insert into marks values ('${mark}')`);
          else await client.query("insert into marks values ($1)", [mark]);
        } catch {
          return;
        }
        answered.push(mark);
        if (--left === 0) enough.resolve(undefined);
      }
    });
    await enough.promise;
    await kill(child);
    await Promise.all(working);
    const verified = await verifyState(state);
    t.ok(verified.ok, `round ${round}: ${JSON.stringify(verified)}`);
  }

  const { child } = await startGateway(t);
  t.match(await verifyState(state), { ok: true, torn: 0 });
  await kill(child);

  const lines = await auditLines(state);
  t.equal(
    lines.filter(({ type }) => type === "gateway.started").length,
    ROUNDS + 1,
    "one log, from start to end",
  );
  t.equal(lines.at(-1)?.seq, lines.length);
  const torn = (await readdir(join(state, "audit"))).filter((name) => name.startsWith("torn-"));
  t.equal(lines.filter(({ type }) => type === "log.recovered").length, torn.length);

  const audited = new Set(
    lines.flatMap((line) =>
      line.type === "command" && line.decision.effect === "allow"
        ? [/'(.*)'/.exec(line.command.text)?.[1] ?? line.command.parameters?.[0] ?? ""]
        : [],
    ),
  );
  t.ok(answered.length >= 20 * ROUNDS);
  t.same(
    answered.filter((mark) => !audited.has(mark)),
    [],
    "each command that was answered",
  );
  const { rows } = await superuser.query<{ mark: string }>("select mark from marks");
  t.ok(rows.length >= answered.length);
  t.same(
    rows.filter(({ mark }) => !audited.has(mark)),
    [],
    "each command that the database ran, answered or not",
  );
});

t.test("a gateway that was killed leaves no backend behind", async (t) => {
  const superuser = await admin(t, demo);
  const { child, port } = await startGateway(t);
  const client = await connected(t, demo, { port });
  await client.query("begin");
  await kill(child);
  await eventually(async () => {
    const { rows } = await superuser.query("select from pg_stat_activity where starts_with(usename, 'gh_')");
    return rows.length === 0;
  });
  t.match(await verifyState(state), { ok: true, torn: 0 });
});
