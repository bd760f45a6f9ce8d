import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { freePort } from "@gatehouse/testkit";
import t from "tap";
import { auditLines, connected, eventually, refusal, refusedLogin } from "../environment.ts";
import { endOf, machineFor, optionsOf, run } from "./machine.ts";

/*
 * OpenSSH's own client and a whole gateway: signing in with a browser, and a forward into another target. Needs
 * openssh-client and openssh-server (test/clients/install.sh).
 */

const machine = await machineFor(t, {
  policies: (demo) => [
    `policy: the machine
who: { groups: [sre] }
targets: [machine]
rules:
  - allow: commands that read
    when: ssh.kind == "exec" && ssh.access == "read"
  - allow: the database
    when: ssh.kind == "forward" && ssh.host == "localhost" && ssh.port == ${demo.database.server.port}
`,
  ],
});

const { demo, sshd, state } = machine;
/** With `localhost` the address of `orders`. */
const databasePort = demo.database.server.port;
const AT = "deploy@machine@127.0.0.1";

/** A client without a key, which shows what it is told. */
function signingIn() {
  const options = ["BatchMode=no", "LogLevel=INFO", "PreferredAuthentications=keyboard-interactive"];
  const child = spawn("ssh", [
    ...[...options, "NumberOfPasswordPrompts=1"].flatMap((option) => ["-o", option]),
    ...[...optionsOf(machine), AT, "echo in"],
  ]);
  const code = new Promise<string>((resolve, reject) => {
    let told = "";
    child.stderr.on("data", (bytes: Buffer) => {
      told += bytes.toString();
      const [, link, shown] =
        /open (\S+) in a browser, and check that it shows the code (\S+)\./.exec(told) ?? [];
      if (link?.startsWith(demo.provider.issuer) && shown !== undefined) resolve(shown);
    });
    child.once("close", () => reject(new Error(told)));
  });
  return { ended: endOf(child), code };
}

/** Who has been let in at the target, as the target says. */
const entries = () => sshd.log.filter((line) => line.startsWith("Accepted")).length;

t.test(
  "who has no key is shown a link and a code, and is in when somebody has signed in there",
  async (t) => {
    const before = entries();
    const { ended, code } = signingIn();
    const shown = await code;
    t.equal(entries(), before, "nobody is in yet");
    await demo.provider.answerDevice(shown, "dana");
    t.match(await ended, { code: 0, out: "in\n" });
    const opened = (await auditLines(state)).filter(({ type }) => type === "session.opened");
    t.match(opened.at(-1), { subject: "dana", target: "machine" });
  },
);

t.test("who says no there is not let in, and the target hears nothing of it", async (t) => {
  const before = entries();
  const { ended, code } = signingIn();
  await demo.provider.answerDevice(await code, "dana", "deny");
  t.match(await ended, { code: 255, out: "" });
  t.equal(entries(), before);
});

t.test("a forward into another target is that target's own door", async (t) => {
  const port = await freePort();
  const route = `127.0.0.1:${port}:localhost:${databasePort}`;
  const child = spawn("ssh", [...optionsOf(machine), "-N", "-L", route, AT], { stdio: "ignore" });
  const gone = endOf(child);
  t.teardown(async () => {
    child.kill();
    await gone;
  });
  await eventually(() => somebodyListens(port));

  const client = await connected(t, demo, { port });
  t.match(await client.query("select count(*)::int as n from orders"), { rows: [{ n: 50_000 }] });
  const refused = await refusal(client.query("create table mine (id int)"));
  t.match(refused.message, /Schema changes go through migrations\./);
  // The server itself would let this one in.
  const { user, password } = demo.database.server.superuser;
  const stranger = await refusedLogin(demo, { port, user, password });
  t.match(stranger.hint, /Get a new access token/);

  const lines = await auditLines(state);
  t.match(
    lines.filter((line) => line.type === "session.opened").slice(-2),
    [
      { subject: "dana", target: "machine", protocol: "ssh" },
      { subject: "crew-analyst", target: "orders", protocol: "postgres", level: "reader" },
    ],
    "two sessions, each with an identity of its own",
  );
  t.match(
    lines.filter((line) => line.type === "command" && line.target === "orders"),
    [
      { command: { access: "read" }, decision: { effect: "allow" } },
      { command: { access: "ddl" }, decision: { effect: "block", rule: { rule: "schema changes" } } },
    ],
  );
});

t.test("a forward that no rule allows leads nowhere, whatever listens there", async (t) => {
  const route = `127.0.0.1:${databasePort}`;
  const ended = await run("ssh", [...optionsOf(machine), "-W", route, AT]);
  t.match(ended, { code: 255, out: "" });
  t.match(
    (await auditLines(state)).findLast(({ type }) => type === "command"),
    {
      command: { kind: "forward", text: `forward ${route}` },
      decision: { effect: "block" },
    },
  );
});

async function somebodyListens(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  const there = await once(socket, "connect").then(
    () => true,
    () => false,
  );
  socket.destroy();
  return there;
}
