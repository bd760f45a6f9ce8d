import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import t, { type Test } from "tap";
import { admin, auditLines, connected, demoFor, eventually, refusal, stateOf } from "./environment.ts";
import { type Answer, message, RawSession } from "./raw.ts";

/* What was prepared, bound or declared before is decided anew each time that it is run, by the policy of that moment. */

const demo = await demoFor(t);
const port = Number(demo.variables["PGPORT"]);
const superuser = await admin(t, demo);
const policyFile = join(demo.folder, "policies", "analysts.yaml");
const open = await readFile(policyFile, "utf8");
const closed = `${open}  - block: payments
    when: '"public.payments" in sql.reads'
    message: Payments are closed today.
`;

async function policy(text: string): Promise<void> {
  await writeFile(policyFile, text);
  const problems = await demo.gateway.reload();
  if (problems.length > 0) throw new Error("The policy has an error.");
}

t.afterEach(() => policy(open));

const REFUSED = { code: "42501", message: "Payments are closed today." };
const PAYMENTS = "select id from payments order by id";
const SYNC = message("S", Buffer.alloc(0));
const FLUSH = message("H", Buffer.alloc(0));

const query = (text: string) => message("Q", Buffer.from(`${text}\0`));
/** @param name of the statement; its parameters' types are left to the server */
const parse = (name: string, text: string) => message("P", Buffer.from(`${name}\0${text}\0\0\0`));
const describe = (name: string) => message("D", Buffer.from(`S${name}\0`));
const execute = (portal: string, rows = 0) =>
  message("E", Buffer.from(`${portal}\0\0\0\0${String.fromCharCode(rows)}`));

/** @param values in binary, all of them */
function bind(portal: string, statement: string, values: readonly (Buffer | null)[] = []): Buffer {
  const int16 = (value: number) => Buffer.from([value >> 8, value & 0xff]);
  const sized = values.flatMap((value) => {
    const size = Buffer.alloc(4);
    size.writeInt32BE(value?.length ?? -1);
    return value ? [size, value] : [size];
  });
  const head = Buffer.from(`${portal}\0${statement}\0`);
  const body = [head, int16(1), int16(1), int16(values.length), ...sized, int16(0)];
  return message("B", Buffer.concat(body));
}

/** Sends messages, the last of which is answered by ReadyForQuery. */
async function ask(session: RawSession, ...messages: readonly Buffer[]): Promise<Answer[]> {
  session.socket.write(Buffer.concat(messages));
  return session.answers(1);
}

const shape = (answers: readonly Answer[]) => answers.map(({ type }) => type).join("");

function refusedIn(t: Test, answers: readonly Answer[], what: string): void {
  const { text = "" } = answers.find(({ type }) => type === "E") ?? {};
  t.match(text, /C42501\0MPayments are closed today\.\0/, what);
  t.notOk(
    answers.some(({ type }) => type === "D"),
    "no row comes",
  );
}

/** The last command of this text on the audit log. */
async function auditedCommand(text: string) {
  const lines = await auditLines(stateOf(demo));
  const commands = lines.flatMap((line) => (line.type === "command" ? [line.command] : []));
  return commands.findLast((command) => command.text === text);
}

async function auditedParameters(text: string): Promise<readonly (string | null)[] | undefined> {
  return (await auditedCommand(text))?.parameters;
}

t.test("a portal, between two of its Executes", async (t) => {
  const session = await RawSession.open(demo, port);
  t.equal(shape(await ask(session, query("begin"))), "CZ");
  t.equal(shape(await ask(session, parse("s", PAYMENTS), bind("p", "s"), execute("p", 1), SYNC)), "12DsZ");
  t.equal(shape(await ask(session, execute("p", 1), SYNC)), "DsZ");
  await policy(closed);
  const refused = await ask(session, execute("p", 1), SYNC);
  refusedIn(t, refused, "Execute");
  t.equal(refused.at(-1)?.text, "E", "the transaction has failed, as by any error");
  t.equal(shape(await ask(session, query("rollback"))), "CZ");
  refusedIn(t, await ask(session, bind("", "s"), execute("", 1), SYNC), "the statement, bound again");
  await policy(open);
  t.equal(shape(await ask(session, bind("", "s"), execute("", 1), SYNC)), "2DsZ", "and allowed again");
  session.socket.destroy();
});

t.test("what was bound in this very segment", async (t) => {
  const session = await RawSession.open(demo, port);
  const text = `${PAYMENTS} limit 3`;
  session.socket.write(Buffer.concat([parse("", text), bind("", ""), FLUSH]));
  await eventually(async () => (await auditedCommand(text)) !== undefined);
  await policy(closed);
  refusedIn(t, await ask(session, execute("", 0), SYNC), "Execute");
  session.socket.destroy();
});

t.test("PREPARE and EXECUTE, DECLARE and FETCH", async (t) => {
  const client = await connected(t, demo);
  await client.query(`prepare s as ${PAYMENTS} limit 1`);
  await client.query(`declare held cursor with hold for ${PAYMENTS}`);
  await client.query("begin");
  await client.query(`declare c cursor for ${PAYMENTS}`);
  for (const text of ["execute s", "fetch 1 from c", "fetch 1 from held"])
    t.equal((await client.query(text)).rows.length, 1, text);
  for (const text of [
    "execute s",
    "fetch 1 from c",
    "move 1 in c",
    "fetch 1 from held",
    "explain execute s",
  ]) {
    await client.query("savepoint before");
    await policy(closed);
    t.match(await refusal(client.query(text)), REFUSED, text);
    await policy(open);
    await client.query("rollback to before");
    t.equal((await client.query("fetch 1 from c")).rows.length, 1, "and allowed again");
  }
  await client.query("commit");
  await policy(closed);
  t.match(await refusal(client.query("fetch 1 from held")), REFUSED, "beyond the transaction");
  t.match(await refusal(client.query("execute s; select 1")), REFUSED, "in a text of several");
  t.same((await client.query("select 1 as n")).rows, [{ n: 1 }]);
});

t.test("parameters stand on the audit log as the server would write them", async (t) => {
  const values = {
    int4: "-7",
    numeric: "-12345.6700",
    timestamptz: "2026-11-21 10:56:14.5+00",
    jsonb: '{"a": [1, null]}',
    uuid: "00112233-4455-6677-8899-aabbccddeeff",
    bytea: "\\x00ff",
    text: "größe",
  };
  const types = Object.keys(values);
  const text = `select ${types.map((type, n) => `$${n + 1}::${type}`).join(", ")}`;
  const client = await connected(t, demo);
  await client.query(text, Object.values(values));
  t.same(await auditedParameters(text), Object.values(values), "in text");
  await client.query(
    text,
    types.map(() => null),
  );
  t.same(
    await auditedParameters(text),
    types.map(() => null),
    "NULL",
  );

  const session = await RawSession.open(demo, port);
  const again = `${text} -- in binary`;
  t.equal(shape(await ask(session, parse("s", again), describe("s"), SYNC)), "1tTZ");
  const sends = types.map((type, n) => `${SEND[type] ?? `${type}send`}($${n + 1}::${type}) as "${n}"`);
  const { rows } = await superuser.query<Record<string, Buffer>>(
    `select ${sends.join()}`,
    Object.values(values),
  );
  const binary = types.map((_, n) => rows[0]?.[n] ?? null);
  for (let time = 0; time < 2; time++) {
    t.equal(shape(await ask(session, bind("", "s", binary), execute(""), SYNC)), "2DCZ");
    t.same(await auditedParameters(again), Object.values(values), "in binary, once the types are known");
  }
  session.socket.destroy();
});

/** The functions that write the binary form, where they are not named as the others. */
const SEND: Readonly<Record<string, string>> = {
  numeric: "numeric_send",
  timestamptz: "timestamptz_send",
  jsonb: "jsonb_send",
  uuid: "uuid_send",
};

t.test("parameters on the audit log are bounded, in length and in number", async (t) => {
  const client = await connected(t, demo);
  const long = "select length($1) as n";
  t.same((await client.query(long, ["x".repeat(100_000)])).rows, [{ n: 100_000 }]);
  t.same(await auditedParameters(long), [`${"x".repeat(1024)}… (100000 bytes)`]);
  const places = Array.from({ length: 1000 }, (_, n) => `$${n + 1}::text`);
  const many = `select array[${places.join()}] as all`;
  const numbers = places.map((_, n) => String(n));
  t.same((await client.query(many, numbers)).rows, [{ all: numbers }], "the server has them whole");
  t.same(await auditedParameters(many), numbers.slice(0, 256));
});
