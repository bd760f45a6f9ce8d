import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { existsSync, statSync } from "node:fs";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Command } from "@gatehouse/core";
import t from "tap";
import type { Front } from "../support/front.ts";
import { optionsOf, run, ssh } from "../support/openssh.ts";
import { realTarget } from "../support/real-target.ts";

/*
 * scp, sftp, rsync and git as people use them, through the adapter, to a real sshd. Needs openssh, rsync and git
 * (test/clients/install.sh).
 */

const { scratch, front } = await realTarget(t);

const AT = "deploy@web@127.0.0.1";
const bytes = randomBytes(20_000_000);
const sha256 = createHash("sha256").update(bytes).digest("hex");
const here = join(scratch, "here");
await writeFile(here, bytes);

/** What was decided of each kind, without what was asked along the way. */
function decided(through: Front, kinds: readonly string[]): readonly Command[] {
  return through.gate.commands.filter(
    ({ kind, facts }) => kinds.includes(kind) && facts["operation"] !== "stat",
  );
}

for (const [name, options] of [
  ["by SFTP", []],
  ["by its old protocol", ["-O"]],
] as const) {
  t.test(`scp ${name} copies both ways`, async (t) => {
    const through = await front(t);
    const there = join(scratch, `there-${options.length}`);
    const back = join(scratch, `back-${options.length}`);
    const up = await run("scp", [...optionsOf(through), ...options, here, `${AT}:${there}`]);
    t.equal(up.code, 0, up.err);
    const down = await run("scp", [...optionsOf(through), ...options, `${AT}:${there}`, back]);
    t.equal(down.code, 0, down.err);
    t.ok((await readFile(back)).equals(bytes));
    if (options.length > 0) {
      t.match(decided(through, ["exec"]), [
        { facts: { transfer: "scp", direction: "up", paths: [there] } },
        { facts: { transfer: "scp", direction: "down", paths: [there] } },
      ]);
      return;
    }
    t.match(
      through.gate.events.filter(({ type }) => type === "moved"),
      [
        { transfer: { path: there, direction: "up", bytes: bytes.length, sha256, complete: true } },
        { transfer: { path: there, direction: "down", bytes: bytes.length, sha256, complete: true } },
      ],
    );
  });
}

t.test("sftp does a batch, and what a rule refuses of it alone fails", async (t) => {
  const folder = join(scratch, "batch");
  const through = await front(t, { allow: ({ facts }) => facts["operation"] !== "remove" });
  const batch = join(scratch, "commands");
  const commands = [
    `mkdir ${folder}`,
    `put ${here} ${folder}/a`,
    `rename ${folder}/a ${folder}/b`,
    `chmod 600 ${folder}/b`,
    `ln -s ${folder}/b ${folder}/c`,
    `ls -l ${folder}`,
    `-rm ${folder}/b`,
    `get ${folder}/c ${scratch}/fetched`,
  ];
  await writeFile(batch, commands.join("\n"));
  const ended = await run("sftp", [...optionsOf(through), "-b", batch, AT]);
  t.equal(ended.code, 0, ended.err);
  t.match(ended.err, /gatehouse: No\./, "the reason is said where people see it");
  t.same((await readdir(folder)).sort(), ["b", "c"]);
  t.ok((await readFile(join(scratch, "fetched"))).equals(bytes));
  t.match(
    decided(through, ["sftp"]).filter(({ access }) => access === "write"),
    [
      { facts: { operation: "mkdir", paths: [folder] } },
      { facts: { operation: "open-write", paths: [`${folder}/a`] } },
      { facts: { operation: "rename", paths: [`${folder}/a`, `${folder}/b`] } },
      { facts: { operation: "setstat", paths: [`${folder}/b`] } },
      { facts: { operation: "symlink" } },
      { facts: { operation: "remove", paths: [`${folder}/b`] } },
    ],
  );
});

t.test("rsync goes by a line that is known as one of its own", async (t) => {
  const through = await front(t);
  const from = join(scratch, "rsync-from");
  const to = join(scratch, "rsync-to");
  await mkdir(from);
  for (let number = 0; number < 50; number++)
    await writeFile(join(from, `file ${number}`), `content ${number}`);
  const rsh = ["ssh", ...optionsOf(through), "-l", "deploy@web"].join(" ");
  const ended = await run("rsync", ["-a", "-e", rsh, `${from}/`, `127.0.0.1:${to}/`]);
  t.equal(ended.code, 0, ended.err);
  t.equal((await readdir(to)).length, 50);
  t.match(decided(through, ["exec"]), [{ facts: { transfer: "rsync", direction: "up", opaque: false } }]);
});

t.test("git clones and pushes", async (t) => {
  const through = await front(t);
  const bare = join(scratch, "repository.git");
  const clone = join(scratch, "clone");
  const env = {
    ...process.env,
    GIT_SSH_COMMAND: ["ssh", ...optionsOf(through)].join(" "),
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_AUTHOR_NAME: "t",
    GIT_AUTHOR_EMAIL: "t@example.com",
    GIT_COMMITTER_NAME: "t",
    GIT_COMMITTER_EMAIL: "t@example.com",
  };
  const git = async (...args: string[]) => {
    const ended = await run("git", args, { env });
    t.equal(ended.code, 0, ended.err);
  };
  await git("init", "--quiet", "--bare", bare);
  await git("clone", "--quiet", `${AT}:${bare}`, clone);
  await writeFile(join(clone, "file"), "content");
  await git("-C", clone, "add", "file");
  await git("-C", clone, "commit", "--quiet", "-m", "first");
  await git("-C", clone, "push", "--quiet", "origin", "HEAD");
  t.match(decided(through, ["exec"]), [
    { verbs: ["git-upload-pack"], facts: { transfer: "git", paths: [bare] } },
    { verbs: ["git-receive-pack"], facts: { transfer: "git", direction: "up", paths: [bare] } },
  ]);
});

t.test("fifty sessions at once each have their own", async (t) => {
  const through = await front(t);
  const all = await Promise.all(
    Array.from({ length: 50 }, (_, number) => ssh(through, ["--", `echo ${number}`])),
  );
  for (const [number, { code, out }] of all.entries()) t.same([code, out.toString()], [0, `${number}\n`]);
});

t.test("a transfer whose client is killed in the middle is on the audit log as a part", async (t) => {
  const through = await front(t);
  const there = join(scratch, "cut-off");
  const back = join(scratch, "cut-off-too");
  for (const [from, to, copy] of [
    [here, `${AT}:${there}`, there],
    [`${AT}:${here}`, back, back],
  ] as const) {
    // 8 Mbit/s: it would take 20 seconds.
    const child = spawn("scp", [...optionsOf(through), "-l", "8000", from, to], { stdio: "ignore" });
    const gone = once(child, "exit");
    while (!existsSync(copy) || statSync(copy).size === 0)
      await new Promise((resolve) => setTimeout(resolve, 20));
    child.kill("SIGKILL");
    await gone;
  }
  await through.gate.until((events) => events.filter(({ type }) => type === "moved").length === 2);
  t.match(
    through.gate.events.flatMap((event) => (event.type === "moved" ? [event.transfer] : [])),
    [
      { path: there, direction: "up", complete: false },
      { path: here, direction: "down", complete: false },
    ],
  );
});
