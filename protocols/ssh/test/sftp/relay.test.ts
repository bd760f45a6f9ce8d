import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { openFlag, status } from "../../src/sftp/codec/numbers.ts";
import { codeOf, onDisk, settled } from "../support/sftp-pair.ts";

const { read, write, create, truncate, append, exclusive } = openFlag;

function sha256(data: Buffer): string {
  return createHash("sha256").update(data).digest("hex");
}

t.test("the client hears of the extensions that are known, in versions that are known", async (t) => {
  const { version } = await onDisk(t);
  const names = ["posix-rename@openssh.com", "hardlink@openssh.com", "copy-data"];
  t.same(version, { version: 3, extensions: names.map((name) => ({ name, data: "1" })) });
});

t.test("a file goes up and down, with its size and its SHA-256", async (t) => {
  const { pair, folder } = await onDisk(t);
  const data = Buffer.alloc(100_000, "gatehouse");
  const up = await pair.opened("up", write | create | truncate);
  const pieces = [0, 1, 2].map((at) => data.subarray(at * 40_000, (at + 1) * 40_000));
  const written = await Promise.all(pieces.map((piece, at) => pair.write(up, at * 40_000, piece)));
  t.same(written.map(codeOf), [status.ok, status.ok, status.ok]);
  t.equal(await pair.told({ type: "close", handle: up }), status.ok);
  t.ok(readFileSync(join(folder, "up")).equals(data));
  const down = await pair.opened("up");
  const reads = [0, 1, 2, 3].map((at) =>
    pair.ask({ type: "read", handle: down, offset: at * 40_000, length: 40_000 }),
  );
  t.same((await Promise.all(reads)).map(codeOf), ["data", "data", "data", status.eof]);
  await pair.told({ type: "close", handle: down });
  const path = join(folder, "up");
  const moved = { path, bytes: 100_000, sha256: sha256(data), complete: true };
  t.same(pair.moved, [
    { ...moved, direction: "up" },
    { ...moved, direction: "down" },
  ]);
  t.same(pair.decided, [`open-write ${path}`, `open-read ${path}`]);
});

t.test(
  "who knows a file's size and does not read on has all of it, too; who stops before has not",
  async (t) => {
    const { pair, folder } = await onDisk(t);
    writeFileSync(join(folder, "f"), "0123456789");
    for (const length of [10, 9]) {
      const handle = await pair.opened("f");
      await pair.ask({ type: "read", handle, offset: 0, length });
      await pair.told({ type: "close", handle });
    }
    t.same(
      pair.moved.map(({ bytes, complete }) => [bytes, complete]),
      [
        [10, true],
        [9, false],
      ],
    );
  },
);

t.test("what was resumed, appended or cut short says that it is not all", async (t) => {
  const { pair, folder } = await onDisk(t);
  writeFileSync(join(folder, "f"), "0123456789");
  const resumed = await pair.opened("f", write);
  await pair.write(resumed, 10, Buffer.from("more"));
  await pair.told({ type: "close", handle: resumed });
  const appended = await pair.opened("f", write | append);
  await pair.write(appended, 0, Buffer.from("more"));
  await pair.told({ type: "close", handle: appended });
  const cut = await pair.opened("g", write | create | truncate);
  await pair.write(cut, 0, Buffer.from("half"));
  pair.relay.targetEnded();
  const partial = { bytes: 4, sha256: null, unhashed: "partial", complete: false };
  t.match(pair.moved, [partial, partial, { bytes: 4, sha256: sha256(Buffer.from("half")), complete: false }]);
});

t.test("a refused file is not opened, and the client is told why", async (t) => {
  const { pair, server, folder } = await onDisk(t);
  pair.judge = () => "block";
  t.equal(
    await pair.told({ type: "mkdir", path: Buffer.from("a"), attributes: {} }),
    status.permissionDenied,
  );
  t.equal(codeOf(await pair.open("b", write | create)), status.permissionDenied);
  t.same(server.asked, []);
  t.notOk(existsSync(join(folder, "a")) || existsSync(join(folder, "b")));
  t.equal(pair.permitted.length, 0);
});

t.test("flags that change a file make it a write, with or without WRITE", async (t) => {
  const { pair, folder } = await onDisk(t);
  writeFileSync(join(folder, "f"), "kept");
  pair.judge = ({ access }) => (access === "read" ? "allow" : "block");
  for (const flags of [read | truncate, truncate, create, read | create, append, write, read | write]) {
    t.equal(codeOf(await pair.open("f", flags)), status.permissionDenied, String(flags));
  }
  t.equal(readFileSync(join(folder, "f"), "utf8"), "kept");
  t.equal(codeOf(await pair.open("f", 0)), "handle");
  t.equal(codeOf(await pair.open("f", 0x40)), status.permissionDenied, "not of version 3");
});

t.test("a path is decided, and sent, as the file that it leads to", async (t) => {
  const { pair, folder } = await onDisk(t);
  mkdirSync(join(folder, "secret"));
  mkdirSync(join(folder, "open"));
  writeFileSync(join(folder, "secret/key"), "s");
  symlinkSync("../secret", join(folder, "open/way"));
  symlinkSync("way/key", join(folder, "open/second"));
  const secret = join(folder, "secret");
  pair.judge = ({ paths }) => (paths.some((path) => path.startsWith(secret)) ? "block" : "allow");
  for (const path of [
    "secret/key",
    "./open/../secret/key",
    `${folder}//secret///key`,
    `${folder}/open/way/key`,
    "open/way/../secret/key",
    "open/second",
    "open/second/",
    "open/none/../way/key",
    `/..${folder}/secret/./key`,
  ]) {
    t.equal(codeOf(await pair.open(path, read)), status.permissionDenied, path);
    t.equal(codeOf(await pair.open(path, write | truncate)), status.permissionDenied, path);
    t.equal(await pair.told({ type: "stat", path: Buffer.from(path) }), status.permissionDenied, path);
    t.equal(await pair.told({ type: "setstat", path: Buffer.from(path), attributes: { size: 0n } }), 3, path);
  }
  t.equal(codeOf(await pair.open("open/way/new", write | create)), status.permissionDenied);
  t.equal(await pair.told({ type: "opendir", path: Buffer.from("open/way/") }), status.permissionDenied);
  t.equal(await pair.told({ type: "remove", path: Buffer.from("open/way/key") }), status.permissionDenied);
  t.equal(await pair.told({ type: "lstat", path: Buffer.from("open/way/") }), status.permissionDenied);
  t.equal(
    await pair.told({ type: "lstat", path: Buffer.from("open/way") }),
    "attrs",
    "the link itself is open",
  );
  t.equal(readFileSync(join(secret, "key"), "utf8"), "s");
});

t.test("a second way to a blocked file can't be made", async (t) => {
  const { pair, folder } = await onDisk(t);
  mkdirSync(join(folder, "secret"));
  mkdirSync(join(folder, "open"));
  writeFileSync(join(folder, "secret/key"), "s");
  symlinkSync("../secret", join(folder, "open/way"));
  writeFileSync(join(folder, "open/mine"), "m");
  const secret = join(folder, "secret");
  pair.judge = ({ paths }) => (paths.some((path) => path.startsWith(secret)) ? "block" : "allow");
  const at = (path: string) => Buffer.from(path);
  for (const type of ["rename", "posix-rename", "hardlink"] as const) {
    t.equal(
      await pair.told({ type, path: at("secret/key"), to: at("open/k") }),
      status.permissionDenied,
      type,
    );
    t.equal(
      await pair.told({ type, path: at("open/way/key"), to: at("open/k") }),
      status.permissionDenied,
      type,
    );
    t.equal(
      await pair.told({ type, path: at("open/mine"), to: at("secret/key") }),
      status.permissionDenied,
      type,
    );
    t.equal(
      await pair.told({ type, path: at("open/mine"), to: at("open/way/key") }),
      status.permissionDenied,
    );
  }
  for (const pointsTo of ["../secret/key", join(secret, "key"), "way/key", "./../open/../secret"]) {
    const told = await pair.told({ type: "symlink", path: at("open/l"), pointsTo: at(pointsTo) });
    t.equal(told, status.permissionDenied, pointsTo);
  }
  t.equal(readFileSync(join(secret, "key"), "utf8"), "s");
  t.notOk(existsSync(join(folder, "open/k")));
});

t.test("what a link holds is sent as it was, and decided by where it leads", async (t) => {
  const { pair, folder } = await onDisk(t);
  mkdirSync(join(folder, "a"));
  const link = { type: "symlink", path: Buffer.from("a/link"), pointsTo: Buffer.from("../b") } as const;
  t.equal(await pair.told(link), status.ok);
  t.same(pair.decided, [`symlink ${folder}/b ${folder}/a/link`]);
  t.match(pair.permitted[0]?.toString("latin1"), /\.\.\/b/);
});

t.test("with EXCL, a link that has taken the name is not followed", async (t) => {
  const { pair, folder } = await onDisk(t);
  symlinkSync("elsewhere", join(folder, "name"));
  t.equal(codeOf(await pair.open("name", write | create | exclusive)), status.failure);
  t.equal(codeOf(await pair.open("name", write | create)), "handle");
  t.same(pair.decided, [`open-write ${folder}/name`, `open-write ${folder}/elsewhere`]);
});

t.test("what the target's REALPATH does not resolve, its kernel is not let resolve either", async (t) => {
  const { pair, server, folder } = await onDisk(t);
  writeFileSync(join(folder, "key"), "s");
  symlinkSync("key", join(folder, "link"));
  server.blind.add(join(folder, "link"));
  t.equal(codeOf(await pair.open("link", read)), status.permissionDenied);
  t.same(server.asked, []);
  t.match(pair.refused, [{ kind: "unsupported" }]);
});

t.test("paths that are none are refused, and are on the audit log", async (t) => {
  const { pair, server } = await onDisk(t);
  for (const path of [Buffer.of(0x61, 0xff), Buffer.from("a\0b"), Buffer.alloc(65_536, "a/")]) {
    t.equal(await pair.told({ type: "remove", path }), status.permissionDenied);
  }
  t.equal(pair.refused.length, 3);
  t.equal(await pair.told({ type: "remove", path: Buffer.alloc(0) }), status.noSuchFile);
  t.equal(
    await pair.told({ type: "symlink", path: Buffer.from("a"), pointsTo: Buffer.alloc(0) }),
    status.noSuchFile,
  );
  t.equal(await pair.told({ type: "realpath", path: Buffer.alloc(0) }), "name", "the home");
  t.same(server.asked, []);
  t.same(
    pair.actions.map(({ kind }) => kind),
    ["stat"],
  );
});

t.test("an action is itself by all that is sent of it", async (t) => {
  const { pair } = await onDisk(t);
  const path = Buffer.from("f");
  await pair.open("f", write | create);
  await pair.open("f", write | create | append);
  await pair.open("f", write | create, { permissions: 0o4755 });
  await pair.told({ type: "setstat", path, attributes: { size: 1n } });
  await pair.told({ type: "setstat", path, attributes: { size: 2n } });
  await pair.told({ type: "symlink", path: Buffer.from("l"), pointsTo: Buffer.from("f") });
  await pair.told({ type: "symlink", path: Buffer.from("l"), pointsTo: Buffer.from("./f") });
  await pair.told({ type: "rename", path, to: Buffer.from("g") });
  await pair.told({ type: "posix-rename", path, to: Buffer.from("g") });
  const identities = pair.actions.map(({ identity }) => identity);
  t.equal(new Set(identities).size, 9);
});

t.test("handles are those that the target gave, for what they were opened for", async (t) => {
  const { pair, server, folder } = await onDisk(t);
  writeFileSync(join(folder, "f"), "data");
  const reading = await pair.opened("f");
  const writing = await pair.opened("g", write | create);
  const listing = await pair.ask({ type: "opendir", path: Buffer.from(".") });
  const folderHandle = listing.type === "handle" ? listing.handle : "";
  server.asked.length = 0;
  const readOf = (handle: string) => pair.told({ type: "read", handle, offset: 0, length: 10 });
  const data = Buffer.from("x");
  for (const handle of ["h99", "", "h".repeat(256), writing, folderHandle]) {
    t.equal(await readOf(handle), status.failure);
  }
  for (const handle of ["h99", reading, folderHandle]) {
    t.equal(codeOf(await pair.write(handle, 0, data)), status.failure);
  }
  for (const handle of ["h99", reading, writing]) {
    t.equal(await pair.told({ type: "readdir", handle }), status.failure);
  }
  const copy = { type: "copy-data", offset: 0, length: 0n, toOffset: 0 } as const;
  t.equal(await pair.told({ ...copy, handle: writing, to: reading }), status.failure);
  t.equal(await pair.told({ ...copy, handle: reading, to: "h99" }), status.failure);
  const closed = pair.told({ type: "close", handle: writing });
  t.equal(codeOf(await pair.write(writing, 0, data)), status.failure, "behind its CLOSE");
  t.equal(await pair.told({ type: "close", handle: writing }), status.failure, "twice");
  t.equal(await closed, status.ok);
  t.same(server.asked, ["close"]);
});

t.test("attributes by a handle are a write, also of what was opened for reading", async (t) => {
  const { pair, folder } = await onDisk(t);
  writeFileSync(join(folder, "f"), "data");
  const handle = await pair.opened("f");
  pair.judge = ({ access }) => (access === "write" ? "block" : "allow");
  t.equal(await pair.told({ type: "fsetstat", handle, attributes: { size: 0n } }), status.permissionDenied);
  t.same(pair.decided.at(-1), `setstat ${folder}/f`);
});

t.test("a copy at the target is decided by both files", async (t) => {
  const { pair, folder } = await onDisk(t);
  writeFileSync(join(folder, "f"), "data");
  const handle = await pair.opened("f");
  const to = await pair.opened("g", write | create | truncate);
  const copy = { type: "copy-data", handle, to, offset: 0, length: 0n, toOffset: 0 } as const;
  t.equal(await pair.told(copy), status.ok);
  t.equal(pair.decided.at(-1), `copy-data ${folder}/f ${folder}/g`);
  await pair.told({ type: "close", handle: to });
  t.match(pair.moved, [{ path: `${folder}/g`, sha256: null, unhashed: "copied", complete: false }]);
});

t.test("extensions that are not offered are not supported", async (t) => {
  const { pair, server } = await onDisk(t);
  t.equal(await pair.told({ type: "fsync", handle: "h0" }), status.unsupported);
  t.equal(await pair.told({ type: "limits" }), status.unsupported);
  t.equal(await pair.told({ type: "expand-path", path: Buffer.from("~root") }), status.unsupported);
  const extended = [[Buffer.from("a"), Buffer.from("b")]] as const;
  t.equal(
    await pair.told({ type: "setstat", path: Buffer.from("f"), attributes: { extended } }),
    status.unsupported,
  );
  t.same(server.asked, []);
});

t.test("one that waits for people holds up its own file, and no other", async (t) => {
  const { pair, folder } = await onDisk(t);
  writeFileSync(join(folder, "f"), "old");
  const handle = await pair.opened("f", read | write);
  let approve: (verdict: "hold") => void = () => undefined;
  const asked = new Promise<void>((resolve) => {
    pair.judge = ({ kind }) => {
      if (kind !== "setstat") return "allow";
      resolve();
      return new Promise((settle) => {
        approve = settle;
      });
    };
  });
  const truncated = pair.told({ type: "fsetstat", handle, attributes: { size: 0n } });
  const written = pair.write(handle, 0, Buffer.from("n"));
  await asked;
  t.equal(await pair.told({ type: "mkdir", path: Buffer.from("other"), attributes: {} }), status.ok);
  t.equal(readFileSync(join(folder, "f"), "utf8"), "old", "the write waits for the one before it");
  approve("hold");
  t.equal(await truncated, status.ok);
  t.equal(codeOf(await written), status.ok);
  t.equal(readFileSync(join(folder, "f"), "utf8"), "n");
});

t.test("what was approved for one file does not open another", async (t) => {
  const { pair, server, folder } = await onDisk(t);
  mkdirSync(join(folder, "mine"));
  mkdirSync(join(folder, "secret"));
  let approve: (verdict: "hold") => void = () => undefined;
  const asked = new Promise<void>((resolve) => {
    pair.judge = ({ kind }) => {
      if (kind !== "open-write") return "allow";
      resolve();
      return new Promise((settle) => {
        approve = settle;
      });
    };
  });
  const opened = pair.open("mine/sub/f", write | create);
  await asked;
  // Somebody at the target makes the folder that was missing, and lets it lead elsewhere.
  symlinkSync("../secret", join(folder, "mine/sub"));
  approve("hold");
  t.equal(codeOf(await opened), status.permissionDenied);
  t.notOk(existsSync(join(folder, "secret/f")));
  t.match(pair.refused, [{ message: "The path leads elsewhere than when it was decided." }]);
  t.notOk(server.asked.includes("open"));
});

t.test("a client can't move its own names under a decision", async (t) => {
  const { pair, folder } = await onDisk(t);
  mkdirSync(join(folder, "a"));
  mkdirSync(join(folder, "secret"));
  const secret = join(folder, "secret");
  pair.judge = ({ paths }) => (paths.some((path) => path.startsWith(secret)) ? "block" : "allow");
  const at = (path: string) => Buffer.from(path);
  const all = await Promise.all([
    pair.told({ type: "mkdir", path: at("a/deep"), attributes: {} }),
    pair.told({ type: "symlink", path: at("a/deep/x"), pointsTo: at("../secret") }),
    // A folder higher, the same link leads elsewhere.
    pair.told({ type: "rename", path: at("a/deep"), to: at("b") }),
    pair.open("b/x/f", write | create).then(codeOf),
    pair.told({ type: "mkdir", path: at("b/x/d"), attributes: {} }),
  ]);
  t.same(all, [status.ok, status.ok, status.ok, status.permissionDenied, status.permissionDenied]);
  t.notOk(existsSync(join(secret, "f")) || existsSync(join(secret, "d")));
});

t.test("not through other names for the same folder either", async (t) => {
  const { pair, server, folder } = await onDisk(t);
  mkdirSync(join(folder, "a"));
  mkdirSync(join(folder, "a/deep"));
  mkdirSync(join(folder, "secret"));
  symlinkSync("../secret", join(folder, "a/deep/x"));
  symlinkSync("a", join(folder, "one"));
  symlinkSync("a", join(folder, "other"));
  const secret = join(folder, "secret");
  let allow: (verdict: "allow") => void = () => undefined;
  const asked = new Promise<void>((resolve) => {
    pair.judge = ({ kind, paths }) => {
      if (paths.some((path) => path.startsWith(secret))) return "block";
      if (kind !== "open-write") return "allow";
      resolve();
      return new Promise((settle) => {
        allow = settle;
      });
    };
  });
  const opened = pair.open("one/sub/f", write | create);
  await asked;
  const rename = { type: "rename", path: Buffer.from("other/deep/x"), to: Buffer.from("other/sub") } as const;
  t.equal(await pair.told(rename), status.ok);
  allow("allow");
  t.equal(codeOf(await opened), status.permissionDenied);
  t.same(pair.decided, [
    `open-write ${folder}/a/sub/f`,
    `rename ${folder}/a/deep/x ${folder}/a/sub`,
    `open-write ${secret}/f`,
  ]);
  t.notOk(existsSync(join(secret, "f")));
  t.notOk(server.asked.includes("open"));
});

t.test("many names are made at once, each in its turn", async (t) => {
  const { pair, folder } = await onDisk(t);
  const names = Array.from({ length: 300 }, (_, at) => `d${String(at)}`);
  const made = await Promise.all(
    names.map((name) => pair.told({ type: "mkdir", path: Buffer.from(name), attributes: {} })),
  );
  t.ok(made.every((code) => code === status.ok));
  t.ok(names.every((name) => existsSync(join(folder, name))));
});

t.test("nobody is read who has too much waiting", async (t) => {
  const { pair } = await onDisk(t);
  const before = pair.credited;
  const full = new Promise<void>((resolve) => {
    pair.judge = () => {
      if (pair.actions.length === 256) resolve();
      return new Promise(() => undefined);
    };
  });
  for (let at = 0; at < 1000; at++) {
    void pair.told({ type: "mkdir", path: Buffer.from(`d${String(at)}`), attributes: {} });
  }
  await full;
  await settled();
  t.equal(pair.actions.length, 256);
  t.equal(pair.credited, before, "its window stays shut for what waits");
});

t.test("what is allowed when the client has gone is not sent", async (t) => {
  const { pair, server } = await onDisk(t);
  let allow: (verdict: "allow") => void = () => undefined;
  const asked = new Promise<void>((resolve) => {
    pair.judge = () => {
      resolve();
      return new Promise((settle) => {
        allow = settle;
      });
    };
  });
  void pair.told({ type: "mkdir", path: Buffer.from("d"), attributes: {} });
  void pair.open("d/behind", write | create);
  void pair.told({ type: "stat", path: Buffer.from("d") });
  await asked;
  pair.relay.over();
  allow("allow");
  await settled();
  t.same(server.asked, []);
  t.equal(pair.permitted.length, 0);
  t.equal(pair.actions.length, 1, "and nobody is asked for what waited behind it");
});
