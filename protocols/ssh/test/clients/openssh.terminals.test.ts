import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";
import { optionsOf, run, ssh } from "../support/openssh.ts";
import { realTarget } from "../support/real-target.ts";

/*
 * Shells with a terminal by OpenSSH's own client, through the adapter, to a real sshd.
 * Needs openssh-client, openssh-server and python3 (test/clients/install.sh).
 */

const { scratch, front } = await realTarget(t);

t.test("a shell with a terminal: prompt, job control, and its recording", async (t) => {
  const through = await front(t);
  const ended = await ssh(through, ["-tt", "--"], {
    input: "stty size; sleep 100 & jobs; kill %1; exit 7\n",
  });
  t.equal(ended.code, 7);
  t.match(ended.out.toString(), /Running\s+sleep 100/);
  t.match(through.gate.commands.at(-1), { kind: "shell", facts: { pty: true } });
  const [recording] = through.recordings.all;
  t.equal(recording?.output, ended.out.toString());
  t.match(recording, { kind: "shell", exit: { status: 7 } });
});

t.test("a shell is refused where no rule allows it", async (t) => {
  const through = await front(t, { allow: ({ kind }) => kind !== "shell" });
  const ended = await ssh(through, ["-tt", "--"], { input: "echo in\n" });
  t.equal(ended.code, 126);
  t.match(ended.out.toString() + ended.err, /No\./);
  t.notMatch(ended.out.toString(), /in\r\n/);
});

/** Gives a program a terminal, types a line at its prompt, and makes the terminal larger once the answer is there. */
const TERMINAL = `
import fcntl, os, pty, struct, sys, termios
def resize(fd, rows, columns):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
child, fd = pty.fork()
if child == 0:
    resize(0, 24, 80)
    os.execvp(sys.argv[2], sys.argv[2:])
shown, typed, resized = b"", False, False
while True:
    try:
        piece = os.read(fd, 4096)
    except OSError:
        break
    shown += piece
    if not typed:
        typed = True
        os.write(fd, sys.argv[1].encode() + b"\\r")
    if not resized and b"waiting" in shown:
        resized = True
        resize(fd, 41, 113)
sys.stdout.buffer.write(shown)
sys.stdout.flush()
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
`;

t.test("a terminal that becomes larger is so at the target, and in the recording", async (t) => {
  const through = await front(t);
  const script = join(scratch, "terminal.py");
  await writeFile(script, TERMINAL);
  // In a shell of its own: one that people type into has it handled by whatever runs in front of it.
  const line = `exec sh -c 'stty size; trap "stty size; exit 7" WINCH; echo wait""ing; while :; do sleep 0.1; done'`;
  const args = [script, line, "ssh", "-tt", ...optionsOf(through), "deploy@web@127.0.0.1"];
  const ended = await run("python3", args);
  t.equal(ended.code, 7, ended.err);
  t.match(ended.out.toString(), /24 80\r\nwaiting\r\n41 113\r\n/);
  const [recording] = through.recordings.all;
  t.match(recording, { kind: "shell", columns: 80, rows: 24, exit: { status: 7 } });
  const at = recording?.events.findIndex(([kind]) => kind === "r") ?? -1;
  t.same(recording?.events[at], ["r", "113x41"]);
  const before = recording?.events.slice(0, at).map(([, text]) => text);
  t.match(before?.join(""), /24 80/);
  t.notMatch(before?.join(""), /41 113/);
});
