import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import t, { type Test } from "tap";
import { openFlag, status } from "../../src/sftp/codec/numbers.ts";
import { type Ended, run } from "../support/openssh.ts";
import { codeOf, SftpPair } from "../support/sftp-pair.ts";

/*
 * OpenSSH's own sftp, the relay, and OpenSSH's own sftp-server, without SSH in between: `sftp -D` runs a program as its
 * server. Needs openssh-client and openssh-sftp-server (test/clients/install.sh).
 */

const MIDDLE = resolve(import.meta.dirname, "../support/sftp-middle.ts");
const PLACES = ["/usr/lib/openssh", "/usr/libexec/openssh", "/usr/lib/ssh", "/usr/libexec"];
const SERVER =
  PLACES.map((folder) => join(folder, "sftp-server")).find((path) => existsSync(path)) ?? "sftp-server";
const MIB = 1024 * 1024;

interface Entry {
  readonly decided?: string;
  readonly ok?: boolean;
  readonly paths?: readonly string[];
  readonly refused?: string;
  readonly failed?: string;
  readonly moved?: {
    readonly path: string;
    readonly direction: "up" | "down";
    readonly bytes: number;
    readonly sha256: string | null;
    readonly unhashed?: string;
    readonly complete: boolean;
  };
}

interface Place {
  /** Where the server begins, and the client's own folder. */
  readonly remote: string;
  readonly local: string;
  /** Runs `sftp` with a batch of commands, in the local folder. */
  readonly sftp: (batch: readonly string[], ...options: readonly string[]) => Promise<Ended>;
  readonly journal: () => readonly Entry[];
}

function scratch(t: Test): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "gatehouse-sftp-")));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** @param blocked folders of the server's, below where it begins */
function place(t: Test, ...blocked: readonly string[]): Place {
  const folder = scratch(t);
  const remote = join(folder, "remote");
  const local = join(folder, "local");
  const journal = join(folder, "journal");
  mkdirSync(remote);
  mkdirSync(local);
  const script = join(folder, "server");
  const words = [process.execPath, MIDDLE, SERVER, journal, ...blocked.map((name) => join(remote, name))];
  const line = words.map((word) => `'${word}'`).join(" ");
  writeFileSync(script, `#!/bin/sh\ncd '${remote}' && exec ${line}\n`);
  chmodSync(script, 0o755);
  return {
    remote,
    local,
    sftp: (batch, ...options) =>
      run("sftp", [...options, "-D", script, "-b", "-"], { input: `${batch.join("\n")}\n`, cwd: local }),
    journal: () =>
      existsSync(journal)
        ? readFileSync(journal, "utf8")
            .trim()
            .split("\n")
            .map((line) => JSON.parse(line) as Entry)
        : [],
  };
}

function sha256(data: Buffer): string {
  return createHash("sha256").update(data).digest("hex");
}

function moved(journal: readonly Entry[]) {
  return journal.flatMap((entry) => (entry.moved ? [entry.moved] : []));
}

t.test("everything that sftp can do, it does", async (t) => {
  const { remote, local, sftp, journal } = place(t);
  writeFileSync(join(local, "a"), "hello\n");
  const { code, err, out } = await sftp(
    [
      "pwd",
      "put -p a b",
      "put -f a synced",
      "get -p b c",
      "chmod 600 b",
      "rename b d",
      "ln -s d soft",
      "ln d hard",
      "mkdir folder",
      "cd folder",
      "put ../local/a x",
      "cd ..",
      "copy d folder/copied",
      "ls -la",
      "df",
      "rm hard",
      "rm folder/*",
      "rmdir folder",
    ].map((line) => line.replace("../local/a", join(local, "a"))),
  );
  t.equal(code, 0, err);
  t.match(out.toString(), `Remote working directory: ${remote}`);
  t.same(readdirSync(remote).sort(), ["d", "soft", "synced"]);
  t.equal(readFileSync(join(remote, "soft"), "utf8"), "hello\n");
  t.equal(statSync(join(remote, "d")).mode & 0o777, 0o600);
  t.equal(readFileSync(join(local, "c"), "utf8"), "hello\n");
  const kinds = new Set(journal().map(({ decided }) => decided));
  for (const kind of [
    "open-read",
    "open-write",
    "rename",
    "setstat",
    "symlink",
    "hardlink",
    "mkdir",
    "rmdir",
  ]) {
    t.ok(kinds.has(kind), kind);
  }
  for (const kind of ["remove", "list", "stat", "copy-data", "users"]) t.ok(kinds.has(kind), kind);
  t.notOk(journal().some(({ failed }) => failed));
});

t.test("a large file is the same on both sides, and its SHA-256 is right, both ways", async (t) => {
  const { remote, local, sftp, journal } = place(t);
  const data = randomBytes(100 * MIB);
  writeFileSync(join(local, "big"), data);
  const { code, err } = await sftp(["put big big", "get big back"]);
  t.equal(code, 0, err);
  t.ok(readFileSync(join(remote, "big")).equals(data));
  t.ok(readFileSync(join(local, "back")).equals(data));
  const whole = { path: join(remote, "big"), bytes: data.length, sha256: sha256(data), complete: true };
  t.match(moved(journal()), [
    { ...whole, direction: "up" },
    { ...whole, direction: "down" },
  ]);
});

t.test("a transfer is resumed both ways, and says that it is a part", async (t) => {
  const { remote, local, sftp, journal } = place(t);
  const data = randomBytes(3 * MIB);
  for (const folder of [remote, local]) writeFileSync(join(folder, "whole"), data);
  writeFileSync(join(remote, "up"), data.subarray(0, MIB));
  writeFileSync(join(local, "down"), data.subarray(0, MIB));
  const { code, err } = await sftp(["reput whole up", "reget whole down"]);
  t.equal(code, 0, err);
  t.ok(readFileSync(join(remote, "up")).equals(data));
  t.ok(readFileSync(join(local, "down")).equals(data));
  const part = { bytes: 2 * MIB, sha256: null, unhashed: "partial", complete: false };
  t.match(moved(journal()), [
    { ...part, direction: "up" },
    { ...part, direction: "down" },
  ]);
});

t.test("folders go up and down with all that is in them", async (t) => {
  const { remote, local, sftp } = place(t);
  mkdirSync(join(local, "tree/a/b"), { recursive: true });
  for (const name of ["tree/one", "tree/a/two", "tree/a/b/three", "tree/a/b/empty"]) {
    writeFileSync(join(local, name), name.endsWith("empty") ? "" : name);
  }
  const { code, err } = await sftp(["put -R tree .", "get -R tree back"]);
  t.equal(code, 0, err);
  t.equal(readFileSync(join(remote, "tree/a/b/three"), "utf8"), "tree/a/b/three");
  t.equal(readFileSync(join(local, "back/a/two"), "utf8"), "tree/a/two");
  t.equal(statSync(join(local, "back/a/b/empty")).size, 0);
});

t.test("ten thousand small files", async (t) => {
  const { remote, local, sftp, journal } = place(t);
  mkdirSync(join(local, "many"));
  for (let at = 0; at < 10_000; at++)
    writeFileSync(join(local, `many/${String(at)}`), `file ${String(at)}\n`);
  const { code, err } = await sftp(["put -R many ."], "-q");
  t.equal(code, 0, err);
  t.equal(readdirSync(join(remote, "many")).length, 10_000);
  t.equal(readFileSync(join(remote, "many/9999"), "utf8"), "file 9999\n");
  const all = moved(journal());
  t.equal(all.length, 10_000);
  t.ok(all.every(({ complete, sha256 }) => complete && sha256));
});

t.test("names that are not UTF-8 can be listed, and nothing can be done with them", async (t) => {
  const { remote, sftp, journal } = place(t);
  const name = Buffer.concat([Buffer.from(`${remote}/caf`), Buffer.of(0xe9)]);
  writeFileSync(name, "latin1");
  writeFileSync(join(remote, "café"), "utf8");
  const { out } = await sftp(["ls -1", "-get caf?"]);
  t.match(out.toString("latin1"), /caf/);
  t.ok(journal().some(({ refused }) => refused === "The path is not UTF-8."));
  t.equal(readFileSync(name, "utf8"), "latin1");
});

t.test("what is blocked is not reached by another path, link or name", async (t) => {
  const { remote, local, sftp, journal } = place(t, "secret");
  mkdirSync(join(remote, "secret"));
  mkdirSync(join(remote, "open"));
  writeFileSync(join(remote, "secret/key"), "s3cret\n");
  writeFileSync(join(local, "evil"), "evil\n");
  writeFileSync(join(remote, "open/mine"), "mine\n");
  symlinkSync("../secret", join(remote, "open/way"));
  symlinkSync("way/key", join(remote, "open/key"));
  // What this kernel follows to its end, and the server's REALPATH does not: it gives up after 32.
  symlinkSync("../secret/key", join(remote, "open/l0"));
  for (let at = 1; at < 38; at++) symlinkSync(`l${String(at - 1)}`, join(remote, `open/l${String(at)}`));
  t.equal(readFileSync(join(remote, "open/l37"), "utf8"), "s3cret\n");
  const reading = [
    "secret/key",
    "open/key",
    "open/way/key",
    "./open/../secret//key",
    "open/way/../secret/key",
  ];
  await sftp([
    ...[...reading, "open/l37", "open/l35", "open/l33"].flatMap((path) => [
      `-get ${path} got`,
      `-put evil ${path}`,
    ]),
    "-rename secret/key open/k1",
    "-rename open/mine secret/key",
    "-rename secret moved",
    "-ln secret/key open/k2",
    "-ln open/key open/k3",
    "-ln -s ../secret open/k4",
    "-copy secret/key open/k5",
    "-rm secret/key",
    "-chmod 777 open/way/key",
    "-put evil secret/new",
    "-put evil open/way/new",
  ]);
  t.notOk(existsSync(join(local, "got")));
  t.same(readdirSync(join(remote, "secret")), ["key"]);
  t.equal(readFileSync(join(remote, "secret/key"), "utf8"), "s3cret\n");
  t.notOk(readdirSync(join(remote, "open")).some((name) => /^k\d/.test(name)));
  t.ok(existsSync(join(remote, "open/mine")));
  t.ok(journal().some(({ refused }) => refused === "The target can't say where the path leads."));
  t.notOk(journal().some(({ failed }) => failed));
});

t.test("what ~ stands for is decided as what it is", async (t) => {
  const folder = scratch(t);
  const pair = withServer(t, folder);
  const { extensions } = await pair.start();
  t.ok(extensions.some(({ name }) => name === "expand-path@openssh.com"));
  pair.judge = ({ paths }) => (paths.some((path) => !path.startsWith(folder)) ? "block" : "allow");
  for (const path of ["~root", "~root/", "~root/.ssh/x", "~root/../etc", "~/../..", "/etc"]) {
    t.equal(await pair.told({ type: "expand-path", path: Buffer.from(path) }), status.permissionDenied, path);
  }
  t.equal(await pair.told({ type: "expand-path", path: Buffer.from("~/here") }), "name");
  t.equal(await pair.told({ type: "expand-path", path: Buffer.from("here") }), "name");
  t.same(pair.decided.at(-1), `stat ${folder}/here`);
  t.not(await pair.told({ type: "expand-path", path: Buffer.from("~nobody-has-this-name") }), "name");
});

t.test("what extensions answer comes through", async (t) => {
  const folder = scratch(t);
  const pair = withServer(t, folder);
  await pair.start();
  t.match(await pair.ask({ type: "limits" }), { type: "extended" });
  t.match(await pair.ask({ type: "statvfs", path: Buffer.from(".") }), { type: "extended" });
  const ids = Buffer.alloc(8);
  t.match(await pair.ask({ type: "users-groups-by-id", users: ids, groups: ids }), { type: "extended" });
  const handle = await pair.opened("f", openFlag.write | openFlag.create);
  t.match(await pair.ask({ type: "fstatvfs", handle }), { type: "extended" });
  t.equal(await pair.told({ type: "fsync", handle }), status.ok);
  t.equal(
    await pair.told({ type: "lsetstat", path: Buffer.from("f"), attributes: { permissions: 0o600 } }),
    0,
  );
  truncateSync(join(folder, "f"), 10);
  t.equal(codeOf(await pair.write(handle, 10, Buffer.from("x"))), status.ok);
});

/** A client of the test's own, before a real server. */
function withServer(t: Test, folder: string): SftpPair {
  const child = spawn(SERVER, [], { cwd: folder, stdio: ["pipe", "pipe", "inherit"] });
  const pair = new SftpPair();
  pair.target = (chunk) => child.stdin.write(chunk);
  child.stdout.on("data", (chunk: Buffer) => pair.relay.fromTarget(chunk));
  t.teardown(() => {
    pair.relay.over();
    child.stdin.end();
  });
  return pair;
}
