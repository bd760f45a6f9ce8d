import { existsSync, realpathSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { auditLines } from "../environment.ts";
import { type Ended, machineFor, run } from "./machine.ts";
import { installed } from "./world.ts";

/*
 * Ansible, by the policy of docs/ssh.md, through a whole gateway, to a real sshd. Needs openssh-client, openssh-server and
 * ansible-core (test/clients/install.sh).
 */

const python = realpathSync(installed("python", "bin", "python"));
// Ansible keeps its files at home, on both sides: not where the machine's user has theirs.
const home = await mkdtemp(join(tmpdir(), "gatehouse-ansible-"));

const { state, way } = await machineFor(t, {
  sshd: [`SetEnv HOME=${home}`],
  policies: () => [
    `policy: ansible at the machine
who: { groups: [sre] }
targets: [machine]
levels: [deploy]
rules:
  - allow: what ansible does around its modules
    when: ssh.kind in ["exec", "sftp"] && ssh.access in ["read", "write"]
  - allow: modules, which may do anything
    when: ssh.kind == "exec" && ssh.access == "unknown" && ssh.programs == ["/bin/sh", "${python}", "sleep"]
`,
    `policy: nothing that is not certain
who: { groups: [sre] }
targets: [machine]
levels: [look]
rules:
  - allow: what is known
    when: ssh.kind in ["exec", "sftp"] && ssh.access in ["read", "write"]
`,
  ],
});
t.teardown(() => rm(home, { recursive: true }));

const host = (level: string) => `Host ${level}.gatehouse
  HostName 127.0.0.1
  Port ${way.port}
  User ${level}@machine
  IdentityFile ${way.keyFile}
  IdentitiesOnly yes
  UserKnownHostsFile ${way.knownHosts}
`;
const config = join(home, "ssh_config");
await writeFile(config, host("deploy") + host("look"));

/** Has Ansible do one thing at the machine, as one of its levels. */
function ansible(level: string, ...args: readonly string[]): Promise<Ended> {
  const at = [`${level}.gatehouse`, "-i", `${level}.gatehouse,`];
  const interpreter = ["-e", `ansible_python_interpreter=${python}`];
  return run(
    installed("python", "bin", "python"),
    [...[installed("python", "bin", "ansible"), ...at, ...interpreter, ...args]],
    {
      cwd: home,
      env: {
        PATH: process.env["PATH"],
        HOME: home,
        LC_ALL: "C.UTF-8",
        ANSIBLE_SSH_COMMON_ARGS: `-F ${config}`,
      },
    },
  );
}

t.test(
  "ansible pings where a rule lets its modules run, and only they are not known for certain",
  async (t) => {
    const { code, out, err } = await ansible("deploy", "-m", "ping");
    t.equal(code, 0, out + err);
    t.match(out, /deploy\.gatehouse \| SUCCESS.*"ping": "pong"/s);
    const commands = (await auditLines(state)).flatMap((line) =>
      line.type === "command" ? [line.command] : [],
    );
    t.match(
      commands.filter(({ access }) => access === "unknown"),
      [{ kind: "exec", verbs: ["/bin/sh", python, "sleep"], text: /AnsiballZ_ping\.py/ }],
    );
    t.match(
      commands.find(({ kind, access }) => kind === "sftp" && access === "write"),
      { text: /^open-write "[^"]*\/AnsiballZ_ping\.py"/ },
    );
  },
);

t.test("where no rule does, its module is refused, and does nothing", async (t) => {
  const file = join(home, "made");
  const made = ["-m", "file", "-a", `path=${file} state=touch`];
  const refused = await ansible("look", ...made);
  t.not(refused.code, 0);
  t.match(refused.out, /"rc": 126/);
  t.notOk(existsSync(file));
  t.match(
    (await auditLines(state)).filter((line) => line.type === "command" && line.decision.effect === "block"),
    [{ level: "look", command: { access: "unknown", text: /AnsiballZ_file\.py/ } }],
  );
  // It is the rule that makes the difference.
  const done = await ansible("deploy", ...made);
  t.equal(done.code, 0, done.out);
  t.ok(existsSync(file));
});
