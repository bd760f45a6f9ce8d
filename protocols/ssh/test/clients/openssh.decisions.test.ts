import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";
import { endOf, optionsOf, ssh } from "../support/openssh.ts";
import { realTarget } from "../support/real-target.ts";

/*
 * What OpenSSH's own client shows of what is refused, held and masked, through the adapter, before a real sshd.
 * Needs openssh-client and openssh-server (test/clients/install.sh).
 */

const { scratch, front } = await realTarget(t);

t.test("what is refused is said on standard error, ends with 126, and reaches no target", async (t) => {
  const file = join(scratch, "refused");
  const through = await front(t, { allow: ({ text }) => !text.includes("touch") });
  const ended = await ssh(through, [`touch ${file}`]);
  t.equal(ended.code, 126);
  t.match(ended.err, /^gatehouse: No\.\ngatehouse: Hint: Ask\.\ngatehouse: Reference: ref_\d+\n$/);
  t.notOk(existsSync(file));
});

t.test("what is held says that it waits, and runs when somebody has said yes", async (t) => {
  const file = join(scratch, "held");
  const through = await front(t, { hold: ({ kind }) => kind === "exec" });
  const child = spawn("ssh", [...optionsOf(through), "deploy@web@127.0.0.1", `cat > ${file}; echo done`], {
    stdio: ["pipe", "pipe", "pipe"],
  });
  const ended = endOf(child);
  child.stdin.end("sent ahead");
  await once(child.stderr, "data");
  t.notOk(existsSync(file), "nothing has run");
  through.gate.waiting[0]?.approve();
  const { code, out, err } = await ended;
  t.same([code, out.toString()], [0, "done\n"]);
  t.match(err, /^gatehouse: It waits\.\n/);
  t.equal(await readFile(file, "utf8"), "sent ahead");
  t.match(
    through.gate.events.filter(({ type }) => type === "outcome"),
    [{ outcome: "done" }],
  );
});

t.test("what is held and denied ends with 126", async (t) => {
  const through = await front(t, { hold: ({ kind }) => kind === "exec" });
  const ended = ssh(through, ["echo ran"]);
  await through.gate.until((events) => events.some(({ type }) => type === "held"));
  through.gate.waiting[0]?.deny();
  t.match(await ended, { code: 126, err: /No\./ });
});

t.test("a client that leaves while its command waits takes it along", async (t) => {
  const through = await front(t, { hold: ({ kind }) => kind === "exec" });
  const child = spawn("ssh", [...optionsOf(through), "deploy@web@127.0.0.1", "echo ran"], {
    stdio: "ignore",
  });
  await through.gate.until((events) => events.some(({ type }) => type === "held"));
  child.kill();
  await through.gate.until((events) => events.some(({ type }) => type === "gone"));
});

t.test("what is masked is hidden in both outputs, and as hidden in the recording", async (t) => {
  const rule = { policy: "p", rule: "secrets", source: "p:1" };
  const mask = {
    rule,
    columns: [],
    detect: ["angle"],
    with: { kind: "redact" },
    predicates: "refuse",
  } as const;
  const through = await front(t, { masks: () => [mask] });
  const ended = await ssh(through, ["printf 'a <se'; sleep 0.005; printf 'cret> b'; echo '<more>' >&2"]);
  t.equal(ended.out.toString(), "a *** b");
  t.equal(ended.err, "***\n");
  t.notMatch(through.recordings.all[0]?.output, /secret|more/);
});
