import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { inspect } from "node:util";
import { GatehouseError, Secret } from "@gatehouse/core";
import t, { type Test } from "tap";
import { createSecrets } from "../src/index.ts";

const secrets = createSecrets({ vault: () => undefined });

function secretFile(t: Test, content: string | Buffer): string {
  const path = join(t.testdir(), "secret");
  writeFileSync(path, content);
  return path;
}

async function refusal(promise: Promise<Secret>): Promise<GatehouseError> {
  const thrown: unknown = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (thrown instanceof GatehouseError) return thrown;
  throw new Error("expected a GatehouseError");
}

t.test("an environment variable is read when it is asked for", async (t) => {
  const reference = { from: "env", name: "GATEHOUSE_TEST_SECRET" } as const;
  t.teardown(() => delete process.env["GATEHOUSE_TEST_SECRET"]);
  process.env["GATEHOUSE_TEST_SECRET"] = "first";
  t.equal((await secrets.resolve(reference)).reveal(), "first");
  process.env["GATEHOUSE_TEST_SECRET"] = "second";
  t.equal((await secrets.resolve(reference)).reveal(), "second");
});

t.test("a variable that is not set or empty is unavailable, by its name", async (t) => {
  const reference = { from: "env", name: "GATEHOUSE_TEST_ABSENT" } as const;
  t.match(await refusal(secrets.resolve(reference)), {
    code: "SECRET_UNAVAILABLE",
    message: /GATEHOUSE_TEST_ABSENT is not set/,
  });
  t.teardown(() => delete process.env["GATEHOUSE_TEST_ABSENT"]);
  process.env["GATEHOUSE_TEST_ABSENT"] = "";
  t.match(await refusal(secrets.resolve(reference)), {
    code: "SECRET_UNAVAILABLE",
    message: /GATEHOUSE_TEST_ABSENT is empty/,
  });
});

t.test("a file is read anew at each call, so that a rotated secret is used", async (t) => {
  const path = secretFile(t, "old");
  t.equal((await secrets.resolve({ from: "file", path })).reveal(), "old");
  writeFileSync(path, "new");
  t.equal((await secrets.resolve({ from: "file", path })).reveal(), "new");
});

t.test("one newline at a file's end is removed, and nothing else", async (t) => {
  for (const [content, secret] of [
    ["pass word\n", "pass word"],
    ["pass word\r\n", "pass word"],
    ["two\n\n", "two\n"],
    [" spaces \n", " spaces "],
    ["one\ntwo\n", "one\ntwo"],
    ["\ufeffmarked", "\ufeffmarked"],
  ] as const) {
    const path = secretFile(t, content);
    t.equal((await secrets.resolve({ from: "file", path })).reveal(), secret);
  }
});

t.test("64 KiB are read, and a byte more is refused", async (t) => {
  const largest = "x".repeat(64 * 1024);
  const path = secretFile(t, largest);
  t.equal((await secrets.resolve({ from: "file", path })).reveal(), largest);
  writeFileSync(path, `${largest}x`);
  t.match(await refusal(secrets.resolve({ from: "file", path })), { message: /larger than 64 KiB/ });
});

t.test("a file that is missing, empty, not text or not a file is unavailable, by its path", async (t) => {
  const folder = t.testdir({ empty: "", newline: "\n", file: "hunter2" });
  writeFileSync(join(folder, "binary"), Buffer.from([0xff, 0xfe, 0x68]));
  mkdirSync(join(folder, "folder"));
  execFileSync("mkfifo", [join(folder, "pipe")]);
  for (const [name, message] of [
    ["missing", /does not exist/],
    ["empty", /is empty/],
    ["newline", /is empty/],
    ["binary", /is not UTF-8 text/],
    ["folder", /is not a regular file/],
    ["pipe", /is not a regular file/],
    ["file/below", /can't be read \(ENOTDIR\)/],
  ] as const) {
    const path = join(folder, name);
    const error = await refusal(secrets.resolve({ from: "file", path }));
    t.equal(error.code, "SECRET_UNAVAILABLE", name);
    t.match(error.message, message, name);
    t.ok(error.message.includes(path), name);
    t.ok(error.hint?.includes(path), name);
  }
});

t.test("an error holds nothing of the content", async (t) => {
  const path = secretFile(t, Buffer.concat([Buffer.from("hunter2"), Buffer.from([0xff])]));
  const error = await refusal(secrets.resolve({ from: "file", path }));
  t.notMatch(inspect(error, { depth: 10 }), "hunter2");
});

t.test("a literal is what the config read, and wiping it leaves the config's own alone", async (t) => {
  const reference = { from: "literal", secret: new Secret("for development") } as const;
  (await secrets.resolve(reference)).wipe();
  t.equal((await secrets.resolve(reference)).reveal(), "for development");
});

t.test("what the engine has can't be had without an engine", async (t) => {
  const reference = { from: "vault", path: "secret/data/orders", field: "password" } as const;
  t.match(await refusal(secrets.resolve(reference)), {
    code: "VAULT_FAILED",
    message: /the config has no secrets engine/i,
  });
});
