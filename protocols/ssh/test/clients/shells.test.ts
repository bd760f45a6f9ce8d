/**
 * Lines that are known have real shells run just the programs that they are known to run, with just these words, and
 * write just these files. The programs are stubs that write down what they get.
 *
 *   SEED=7 LINES=20000 npm test -- protocols/ssh/test/clients/shells.test.ts
 */
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { type CommandLine, readCommandLine } from "../../src/shell/command-line.ts";
import { Lines } from "../shell/lines.ts";

t.setTimeout(110_000);

const seed = Number(process.env["SEED"] ?? Math.floor(Math.random() * 2 ** 31));
const wanted = Number(process.env["LINES"] ?? 400);

const SHELLS: Readonly<Record<string, string>> = {
  dash: "/bin/dash",
  bash: "/bin/bash",
  zsh: "/usr/bin/zsh",
  mksh: "/usr/bin/mksh",
  busybox: "/usr/bin/busybox ash",
};
const REAL = ["env", "nohup", "nice", "timeout", "stdbuf", "xargs", "setsid", "find", "sh", "cat", "time"];
const STUBS = ["gg", "hh", "kk", "x", "E"];

/** One write for each run, so that what runs at the same time stays apart: its words, each ended by a NUL, and a newline. */
const STUB = `#!/bin/dash
printf '%s\\0' "\${0##*/}" "$@" '
' >>"$LOG"
`;

const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;

const scratch = mkdtempSync(join(tmpdir(), "gatehouse-shells-"));
chmodSync(scratch, 0o755);
t.teardown(() => rmSync(scratch, { recursive: true }));
const bin = join(scratch, "bin");
mkdirSync(bin);
for (const name of STUBS) {
  writeFileSync(join(bin, name), STUB);
  chmodSync(join(bin, name), 0o755);
}
for (const name of REAL) {
  const path = ["/bin", "/usr/bin"].map((folder) => join(folder, name)).find((one) => existsSync(one));
  if (path !== undefined) symlinkSync(path, join(bin, name));
}

/** Whether the words are those of a command; a word that is not known stands for any number. */
function fits(words: readonly string[], pattern: readonly (string | undefined)[]): boolean {
  const [first, ...rest] = pattern;
  if (pattern.length === 0) return words.length === 0;
  if (first !== undefined) return words[0] === first && fits(words.slice(1), rest);
  return Array.from({ length: words.length + 1 }, (_, skipped) => skipped).some((skipped) =>
    fits(words.slice(skipped), rest),
  );
}

/** Lines are made at random, and some write files: whoever runs them must be able to write nothing but what is theirs. */
const UNPRIVILEGED =
  process.getuid?.() === 0 ? ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"] : [];

function openFolder(path: string): void {
  mkdirSync(path);
  // By itself, since the mode that a folder is made with has the umask taken off.
  chmodSync(path, 0o777);
}

function knownLines(): { readonly line: string; readonly facts: CommandLine }[] {
  const lines = new Lines(seed);
  const known = new Map<string, CommandLine>();
  for (let tries = 0; known.size < wanted && tries < wanted * 100; tries++) {
    const line = lines.next();
    const facts = readCommandLine(Buffer.from(line));
    if (facts.opaque.length === 0) known.set(line, facts);
  }
  return [...known].map(([line, facts]) => ({ line, facts }));
}

const known = knownLines();
t.comment(`figures: SEED=${seed}, ${known.length} lines that are known`);
t.equal(known.length, wanted, "enough lines are known");

for (const [name, shell] of Object.entries(SHELLS)) {
  const present = existsSync(shell.split(" ")[0] ?? "");
  if (!present && name !== "dash" && name !== "bash") {
    t.comment(`not run: ${name} is not on this machine`);
    continue;
  }
  t.test(name, (t) => {
    const place = join(scratch, name);
    const home = join(place, "home");
    for (const folder of [place, home]) openFolder(folder);
    const script = known.map(({ line }, at) => {
      openFolder(join(place, `${at}`));
      return `cd ${quoted(join(place, `${at}`))} && LOG=../${at}.log ${shell} -c ${quoted(line)} </dev/null >/dev/null 2>&1\n`;
    });
    // A loop that does not end takes no more than this.
    writeFileSync(
      join(place, "all"),
      `ulimit -t 20\nexport PATH=${quoted(bin)} HOME=${quoted(home)}\n${script.join("")}wait\n`,
    );
    const [program, ...args] = [...UNPRIVILEGED, "/bin/dash", join(place, "all")];
    const { status, signal } = spawnSync(program, args, {
      timeout: 60_000,
      stdio: "ignore",
    });
    t.equal(signal, null, `it ends (${status})`);
    let runs = 0;
    for (const [at, { line, facts }] of known.entries()) {
      const log = join(place, `${at}.log`);
      const entries = existsSync(log) ? readFileSync(log, "utf8").split("\0\n\0") : [];
      for (const entry of entries.filter((one) => one !== "")) {
        const words = entry.split("\0");
        runs++;
        if (!facts.commands.some((command) => fits(words, command.words)))
          t.fail("it runs what is not known", {
            line,
            words,
            commands: facts.commands.map((one) => one.words),
          });
      }
      for (const file of readdirSync(join(place, `${at}`)))
        if (!facts.writes.includes(file) && !facts.writes.includes(undefined) && file !== "nohup.out")
          t.fail("it writes what is not known", { line, file, writes: facts.writes });
    }
    t.ok(runs > known.length / 2, `${runs} programs ran`);
    t.end();
  });
}
