import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { sampleApproval } from "@gatehouse/testkit";
import t, { type Test } from "tap";
import { controlPlane } from "./control-plane.ts";
import { gatehouse, start } from "./gatehouse.ts";

const id = "apr_0123456789ABCDEF";
const numbered = (number: number) => `apr_${String(number).padStart(16, "0")}`;

t.test("what waits is a table, or JSON", async (t) => {
  const { desk, env } = await controlPlane(t);
  t.match(await gatehouse(["approvals"], env), { code: 0, stdout: /^Nothing waits/ });
  desk.put(sampleApproval({ id: numbered(1), state: "denied" }));
  desk.put(sampleApproval());
  const { code, stdout } = await gatehouse(["approvals"], env);
  t.equal(code, 0);
  const [head, ...rows] = stdout.trimEnd().split("\n");
  t.match(head, /^ID +STATE +WHO +WHERE +WHAT +RULE +LEFT +NEEDS$/);
  t.equal(rows.length, 1);
  t.match(
    rows[0],
    /^apr_0123456789ABCDEF +pending +agent-7 +orders\/writer +DELETE public\.orders +deletes +\d+m( \d+s)? +1 of crew-approver$/,
  );
  const all = await gatehouse(["approvals", "list", "--state", "all", "--json"], env);
  t.match(JSON.parse(all.stdout), { approvals: [{ id }, { id: numbered(1), state: "denied" }] });
  const older = await gatehouse(["approvals", "--state", "all", "--before", id], env);
  t.match(older.stdout, numbered(1));
  t.notMatch(older.stdout, id);
});

t.test("a page says all that an approver should know", async (t) => {
  const { desk, env } = await controlPlane(t);
  desk.put(sampleApproval());
  const { code, stdout } = await gatehouse(["approvals", "show", id], env);
  t.equal(code, 0);
  for (const said of [
    /^apr_0123456789ABCDEF {2}pending, \d+m( \d+s)? left$/m,
    /^│ DELETE FROM orders\n│ {2}WHERE placed < now\(\) - \$1::interval$/m,
    /^\$1 +'1 year'\n\$2 +NULL$/m,
    /^Rows +about 1200/m,
    /^Transaction +open for 3\ds; it keeps its locks.*\n +ROW EXCLUSIVE on public\.orders$/m,
    /^Asked by +agent-7 \(workload, crew-agent\)\n +proved by oidc corp \(https:\/\/id\.example\), token t-1$/m,
    /^Reason +ticket 4711$/m,
    /^Session +ses_0123456789ABCDEF, open for 1m.*10\.0\.0\.7:5123, application psql$/m,
    /12 commands before, 1 refused/,
    /allow {2}SELECT public\.orders$/m,
    /^Held by +careful: deletes \(careful\.yaml:7\)$/m,
    /^Missing +1 of crew-approver/m,
    /^Webhook +chat: approval\.requested waiting after 2 attempts \(500\), again in/m,
    /^ {2}gatehouse approve apr_0123456789ABCDEF \[--reason TEXT\]$/m,
  ])
    t.match(stdout, said);
});

t.test("a long command is cut in the middle, and whole when asked for", async (t) => {
  const { desk, env } = await controlPlane(t);
  const { command } = sampleApproval();
  const text = `SELECT 1;${"\n".repeat(500)}DROP TABLE orders`;
  desk.put(sampleApproval({ command: { ...command, text } }));
  const cut = (await gatehouse(["approvals", "show", id], env)).stdout;
  t.match(cut, /^│ SELECT 1;$/m);
  t.match(cut, /^… \d+ lines not shown here: --full shows all$/m, "without the bar, which is the command's");
  t.match(cut, /^│ DROP TABLE orders$/m);
  const whole = (await gatehouse(["approvals", "show", id, "--full"], env)).stdout;
  t.match(whole, "│ SELECT 1;\n│ \n│ \n");
  t.notMatch(whole, "--full");
});

t.test(
  "nothing that a requester wrote reaches the terminal raw, or looks like the page itself",
  async (t) => {
    const { desk, env } = await controlPlane(t);
    const painter = "\x1b[2J\u202e\u200b\rfine\nReason       all is well\nHeld by      nobody";
    const { requester, session, command, surroundings } = sampleApproval();
    const transaction = { since: 0, failed: true, locks: [{ on: painter, mode: painter }] };
    desk.put(
      sampleApproval({
        requester: { ...requester, subject: painter, groups: [painter] },
        session: {
          ...session,
          application: painter,
          recent: [{ at: 0, effect: "allow", verbs: [painter], resources: [painter] }],
        },
        command: {
          ...command,
          verbs: [painter],
          resources: [painter],
          functions: [painter],
          touches: [painter],
          text: painter,
          parameters: [painter],
        },
        surroundings: { ...surroundings, transaction },
        reason: painter,
      }),
    );
    for (const args of [
      ["approvals"],
      ["approvals", "--json"],
      ["approvals", "show", id],
      ["approvals", "show", id, "--full"],
      ["approvals", "show", id, "--json"],
      ["approve", id],
    ]) {
      const { code, stdout } = await gatehouse(args, env);
      t.equal(code, 0, args.join(" "));
      t.notMatch(stdout.replaceAll("\n", ""), /[\p{Cc}\p{Cf}]/u, args.join(" "));
      t.match(stdout, "fine", args.join(" "));
      t.notMatch(stdout, /^(?:Reason +all|Held by +nobody)/m, args.join(" "));
    }
  },
);

t.test("what a command runs by name stands beneath it", async (t) => {
  const { desk, env } = await controlPlane(t);
  const { command } = sampleApproval();
  const runs = ["DELETE FROM orders\nWHERE id = $1"];
  desk.put(sampleApproval({ command: { ...command, text: "EXECUTE cleanup(7)", runs } }));
  const { stdout } = await gatehouse(["approvals", "show", id], env);
  t.match(stdout, "│ EXECUTE cleanup(7)\nwhich runs\n│ DELETE FROM orders\n│ WHERE id = $1\n");
});

t.test("a command whose values masks hide shows what is left of it", async (t) => {
  const { desk, env } = await controlPlane(t);
  desk.put(sampleApproval());
  desk.withheldFrom.add("ann");
  const { stdout } = await gatehouse(["approvals", "show", id], env);
  t.match(stdout, /^│ DELETE FROM orders WHERE placed/m);
  t.match(stdout, /^Withheld +values that masks may hide/m);
  t.notMatch(stdout, "1 year");
});

t.test("who can't answer is told why in place of how", async (t) => {
  const { desk, env } = await controlPlane(t);
  desk.put(sampleApproval());
  const { stdout } = await gatehouse(["approvals", "show", id], { ...env, GATEHOUSE_TOKEN: "agent-7" });
  t.match(stdout, /You can't answer it\. Nobody answers for their own command\. \(APPROVAL_OWN\)/);
  t.notMatch(stdout, "gatehouse approve");
});

t.test("a yes and a no are given, and what they were about is said", async (t) => {
  const { desk, env } = await controlPlane(t);
  desk.put(sampleApproval({ id: numbered(1) }));
  desk.put(sampleApproval({ id: numbered(2) }));
  const yes = await gatehouse(["approve", numbered(1), "--reason", "ticket is right"], env);
  t.match(yes, {
    code: 0,
    stdout: /^✔ apr_0{15}1 is approved\n {2}DELETE public\.orders on orders\/writer, asked for by agent-7\n$/,
  });
  t.match(desk.approvals.get(numbered(1)), { state: "approved", answers: [{ reason: "ticket is right" }] });
  const no = await gatehouse(["deny", numbered(2).toLowerCase(), "--json"], env);
  t.match(JSON.parse(no.stdout), { id: numbered(2), state: "denied" });
});

t.test("what the control plane refuses is said with its code, and what to do", async (t) => {
  const { desk, env } = await controlPlane(t);
  desk.put(sampleApproval({ state: "expired" }));
  const late = await gatehouse(["approve", id], env);
  t.equal(late.code, 1);
  t.match(
    late.stderr,
    /✘ apr_0123456789ABCDEF is expired already\..*Nothing has changed\.\n {2}APPROVAL_ENDED/s,
  );
  const unknown = await gatehouse(["approvals", "show", numbered(9)], env);
  t.equal(unknown.code, 1);
  t.match(unknown.stderr, /lists those that you may see.*APPROVAL_UNKNOWN/s);
  const expired = await gatehouse(["approvals"], { ...env, GATEHOUSE_TOKEN: "nobody" });
  t.equal(expired.code, 1);
  t.match(expired.stderr, /Get a new token.*IDENTITY_EXPIRED/s);
});

t.test("a control plane that is not there, or proves to be another one, gets no token", async (t) => {
  const { env, desk } = await controlPlane(t);
  const { GATEHOUSE_CA: _, ...untrusting } = env;
  desk.failure = new Error("it was asked");
  const untrusted = await gatehouse(["approvals"], untrusting);
  t.match(untrusted, { code: 1, stderr: /certificate.*GATEHOUSE_CA.*CONTROL_UNREACHABLE/s });
  t.match(desk.failure, Error, "nothing has reached it");
  const away = await gatehouse(["approvals"], { ...env, GATEHOUSE_URL: "https://127.0.0.1:1" });
  t.match(away, { code: 1, stderr: /ECONNREFUSED.*CONTROL_UNREACHABLE/s });
  const plain = await gatehouse(["approvals"], { ...env, GATEHOUSE_URL: "http://127.0.0.1:1" });
  t.match(plain, { code: 2, stderr: /Expected https:/ });
});

t.test("a call without what it needs exits 2 and says what that is; no secret is shown", async (t) => {
  const { env, folder } = await controlPlane(t);
  const { GATEHOUSE_URL: _, ...nowhere } = env;
  t.match(await gatehouse(["approvals"], nowhere), { code: 2, stderr: /--url/ });
  const { GATEHOUSE_TOKEN: __, ...anonymous } = env;
  t.match(await gatehouse(["approvals"], anonymous), { code: 2, stderr: /GATEHOUSE_TOKEN is not set/ });
  const wrong = await gatehouse(["approvals"], { ...env, GATEHOUSE_TOKEN: "two words\nX: injected" });
  t.match(wrong, { code: 2, stderr: /is not an access token/ });
  t.notMatch(wrong.stderr, "injected");
  t.match(await gatehouse(["approve", "apr_1"], env), { code: 2, stderr: /Expected an approval's id/ });
  t.match(await gatehouse(["approve"], env), { code: 2 });
  t.match(await gatehouse(["approvals", "--state", "open"], env), { code: 2 });
  t.match(await gatehouse(["approve", id, "--token", "x"], env), { code: 2 });
  const file = join(folder, "token");
  await writeFile(file, "ann\n");
  t.match(await gatehouse(["approvals", "--token-file", file], anonymous), { code: 0 });
});

/** The lines of a watch, as they come. */
function watching(t: Test, args: readonly string[], env: Readonly<Record<string, string>>) {
  const child: ChildProcess = start(["approvals", "--watch", ...args], env);
  t.teardown(() => child.kill("SIGKILL"));
  if (!child.stdout || !child.stderr) throw new Error("The command's output is piped.");
  const reader = (input: Readable) => createInterface({ input })[Symbol.asyncIterator]();
  const lines = reader(child.stdout);
  const errors = reader(child.stderr);
  const read = async (from: AsyncIterator<string>) => String((await from.next()).value);
  return { child, line: () => read(lines), error: () => read(errors) };
}

t.test(
  "a watch in a pipe has a line for each change, also across a control plane that was away",
  async (t) => {
    const { desk, env, restart } = await controlPlane(t);
    desk.put(sampleApproval());
    const { child, line, error } = watching(t, [], env);
    t.match(
      await line(),
      /listed {2}apr_0123456789ABCDEF {2}agent-7 {2}orders\/writer {2}DELETE public\.orders$/,
    );
    const { command } = sampleApproval();
    desk.put(sampleApproval({ id: numbered(1), command: { ...command, verbs: ["\x1b[2J\nX"] } }));
    t.match(await line(), /requested {2}apr_0{15}1 .*<U\+001B>\[2J X public\.orders$/);
    await restart();
    t.match(await error(), /^connecting again: /);
    desk.put(sampleApproval({ state: "denied" }), "denied");
    t.match(await line(), /denied {2}apr_0123456789ABCDEF/);
    child.kill("SIGINT");
    t.strictSame(await once(child, "exit"), [0, null]);
  },
);

t.test("with --json each change is one line of JSON", async (t) => {
  const { desk, env } = await controlPlane(t);
  desk.put(sampleApproval());
  const { line } = watching(t, ["--json"], env);
  t.match(JSON.parse(await line()), { event: "listed", approval: { id } });
  desk.put(sampleApproval({ state: "void", why: "client_gone" }), "void");
  t.match(JSON.parse(await line()), { event: "void", approval: { id, why: "client_gone" } });
});

t.test("a watch that may not go on ends, and says why", async (t) => {
  const { env } = await controlPlane(t);
  const { child, error } = watching(t, [], { ...env, GATEHOUSE_TOKEN: "nobody" });
  t.match(await error(), /The token has expired/);
  t.strictSame(await once(child, "exit"), [1, null]);
});
