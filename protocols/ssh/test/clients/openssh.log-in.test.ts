import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { startSshd } from "@gatehouse/testkit";
import t from "tap";
import { startFront } from "../support/front.ts";
import { endOf, optionsOf, ssh } from "../support/openssh.ts";
import { realTarget, targetAt } from "../support/real-target.ts";

/*
 * How sessions of OpenSSH's own client begin and end, through the adapter, to a real sshd.
 * Needs openssh-client and openssh-server (test/clients/install.sh).
 */

const { sshd, scratch, front } = await realTarget(t);

t.test("who has no key that is known is asked for another proof, and is not let in", async (t) => {
  const through = await front(t);
  const stranger = { ...through, keyFile: sshd.keyFile };
  const ended = await ssh(stranger, ["echo in"]);
  t.equal(ended.code, 255);
  t.match(ended.err, /Permission denied \(publickey,password,keyboard-interactive\)/);
});

t.test("a token is a password", async (t) => {
  const through = await front(t);
  const askpass = join(scratch, "askpass");
  await writeFile(askpass, "#!/bin/sh\necho 'open sesame'\n", { mode: 0o755 });
  const env = { ...process.env, SSH_ASKPASS: askpass, SSH_ASKPASS_REQUIRE: "force" };
  const ended = await ssh(
    through,
    ["-o", "PreferredAuthentications=password", "-o", "BatchMode=no", "--", "echo in"],
    { env },
  );
  t.equal(ended.out.toString(), "in\n", ended.err);
});

t.test("a target whose host key is another one is not used", async (t) => {
  const through = await startFront({
    target: {
      ...targetAt(sshd),
      hostKeys: [(await readFile(`${sshd.keyFile}.pub`, "utf8")).split(" ").slice(0, 2).join(" ")],
    },
  });
  t.teardown(() => through.close());
  const ended = await ssh(through, ["echo in"]);
  t.equal(ended.code, 255);
  t.match(ended.err, /The target "web" can't be reached now\./);
  t.match(
    through.gate.events.find(({ type }) => type === "refused"),
    { refused: { reason: /TARGET_UNVERIFIED/ } },
  );
});

t.test("when the gateway ends a session, its client is told why", async (t) => {
  const through = await front(t);
  const child = spawn("ssh", [...optionsOf(through), "deploy@web@127.0.0.1", "echo begun; sleep 100"]);
  const ended = endOf(child);
  await once(child.stdout, "data");
  through.gate.endAll();
  const { code, err } = await ended;
  t.equal(code, 255);
  t.match(err, /The gateway is shutting down\./);
});

t.test("a target that goes away ends the session", async (t) => {
  const other = await startSshd();
  const through = await startFront({ target: targetAt(other) });
  t.teardown(() => through.close());
  const ended = ssh(through, ["kill -9 $PPID; sleep 100"]);
  t.equal((await ended).code, 255);
  await through.gate.until((events) => events.some(({ type }) => type === "closed"));
  await other.stop();
});
