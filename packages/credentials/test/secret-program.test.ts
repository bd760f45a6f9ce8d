import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { inspect } from "node:util";
import { GatehouseError } from "@gatehouse/core";
import t, { type Test } from "tap";
import { createSecrets } from "../src/index.ts";

const secrets = createSecrets({ vault: () => undefined });
/** For programs that do not end. */
const hurried = createSecrets({ vault: () => undefined, deadline: 300 });

/** A program of this shell text. */
function program(t: Test, text: string, folder = t.testdir()): string {
  const path = join(folder, "program");
  writeFileSync(path, `#!/bin/sh\n${text}\n`);
  chmodSync(path, 0o755);
  return path;
}

function printed(path: string, ...words: string[]): Promise<string> {
  return secrets.resolve({ from: "exec", command: [path, ...words] }).then((secret) => secret.reveal());
}

async function refusal(promise: Promise<unknown>): Promise<GatehouseError> {
  const thrown: unknown = await promise.catch((error: unknown) => error);
  if (thrown instanceof GatehouseError) return thrown;
  throw new Error("expected a GatehouseError");
}

/** Resolves when no process of this number is there, but for one that has ended and waits to be looked at. */
async function ended(pid: number): Promise<void> {
  for (;;) {
    try {
      process.kill(pid, 0);
      if (/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"))) return;
    } catch {
      return;
    }
    await pause(5);
  }
}

t.test("a secret is what a program prints, without the one newline at its end", async (t) => {
  t.equal(await printed(program(t, "echo 'pass  word'")), "pass  word");
  t.equal(await printed(program(t, "printf 'one\\ntwo\\n\\n'")), "one\ntwo\n");
});

t.test("arguments are handed on as they are: no shell reads them", async (t) => {
  const path = program(t, 'printf "%s|" "$@"');
  t.equal(await printed(path, "$HOME", ";", "id", "`id`", "*", "'a"), "$HOME|;|id|`id`|*|'a|");
});

t.test("a program is run anew each time", async (t) => {
  const folder = t.testdir({ count: "" });
  const path = program(t, `echo x >> '${folder}/count'; wc -l < '${folder}/count' | tr -d ' '`, folder);
  t.equal(await printed(path), "1");
  t.equal(await printed(path), "2");
});

t.test("of the gateway's environment it has only what is meant for it", async (t) => {
  process.env["GATEHOUSE_SECRET_ROLE"] = "orders";
  process.env["GATEHOUSE_TEST_OTHER"] = "hunter2";
  t.teardown(() => {
    delete process.env["GATEHOUSE_SECRET_ROLE"];
    delete process.env["GATEHOUSE_TEST_OTHER"];
  });
  const names = (await printed("/usr/bin/env", "-0")).split("\0").map((entry) => entry.replace(/=.*/s, ""));
  t.ok(names.includes("GATEHOUSE_SECRET_ROLE"));
  // What the runner of these tests gives to every process by itself.
  const ours = names.filter((name) => name !== "" && name !== "NODE_OPTIONS" && !name.startsWith("_TAPJS"));
  t.same(
    ours.filter((name) => !["PATH", "HOME", "LANG"].includes(name)),
    ["GATEHOUSE_SECRET_ROLE"],
  );
});

t.test("it has no input, and the root for its folder", async (t) => {
  t.equal(await printed(program(t, "cat; pwd")), "/");
});

t.test("what can't be run, fails or prints no secret is unavailable, by the program's path", async (t) => {
  const folder = t.testdir({ plain: "no program" });
  for (const [path, message] of [
    [join(folder, "missing"), /does not exist/],
    [join(folder, "plain"), /can't be run \(EACCES\)/],
    [program(t, "echo hunter2; echo hunter2 >&2; exit 3", folder), /ended with exit code 3/],
  ] as const) {
    const error = await refusal(printed(path, "--token=hunter2"));
    t.match(error, { code: "SECRET_UNAVAILABLE", message });
    t.ok(error.message.includes(path));
    t.notMatch(inspect(error, { showHidden: true, depth: 9 }), "hunter2");
  }
  for (const [text, message] of [
    ["kill -TERM $$", /was ended by SIGTERM/],
    ["true", /is empty/],
    ["echo", /is empty/],
    ["printf 'hunter2\\377'", /is not UTF-8 text/],
    ["echo hunter2; exec yes hunter2", /printed more than 64 KiB/],
  ] as const) {
    const error = await refusal(printed(program(t, text)));
    t.match(error, { code: "SECRET_UNAVAILABLE", message }, text);
    t.notMatch(inspect(error), "hunter2", text);
  }
});

t.test("one that does not end is killed with what it has started", async (t) => {
  const folder = t.testdir();
  const path = program(t, `sleep 600 & echo $! > '${folder}/child'; echo hunter2; sleep 600`, folder);
  const error = await refusal(hurried.resolve({ from: "exec", command: [path] }));
  t.match(error, { code: "SECRET_UNAVAILABLE", message: /did not end within 0\.3 seconds, and was killed/ });
  const child = Number(readFileSync(join(folder, "child"), "utf8"));
  t.ok(child > 1);
  await ended(child);
});

t.test("one that has ended, and left somebody with its output, is not waited for", async (t) => {
  const folder = t.testdir();
  const path = program(t, `sleep 600 & echo $! > '${folder}/child'; echo hunter2`, folder);
  t.match(await refusal(hurried.resolve({ from: "exec", command: [path] })), { message: /did not end/ });
  await ended(Number(readFileSync(join(folder, "child"), "utf8")));
});

t.test("a crowd of log-ins is no crowd of processes", async (t) => {
  const folder = t.testdir({ running: {} });
  const path = program(
    t,
    `: > '${folder}/running/'$$; ls '${folder}/running' | wc -l | tr -d ' '; sleep 0.05; rm '${folder}/running/'$$`,
    folder,
  );
  const counts = await Promise.all(Array.from({ length: 30 }, () => printed(path)));
  t.equal(counts.length, 30);
  t.ok(Math.max(...counts.map(Number)) <= 8, counts.join(" "));
});
