import t from "tap";
import { ssh } from "../support/openssh.ts";
import { realTarget } from "../support/real-target.ts";

/*
 * Shells with a terminal by OpenSSH's own client, through the adapter, to a real sshd.
 * Needs openssh-client and openssh-server (test/clients/install.sh).
 */

const { front } = await realTarget(t);

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
