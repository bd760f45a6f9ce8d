import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";
import { createAuthority, readAuthority, writeAuthority, writePair } from "../src/index.ts";
import { captureBuiltin } from "./capture.ts";

const NOW = Date.now();
const invalid = { name: "GatehouseError", code: "CERTIFICATE_INVALID" };

const authority = await createAuthority({ name: "Test CA", now: NOW });
const pair = await authority.issue({ use: "server", commonName: "gw", names: ["localhost"], now: NOW });

const modeOf = async (path: string): Promise<string> => ((await stat(path)).mode & 0o777).toString(8);

t.test("keys are for their owner alone and certificates for everybody, whatever the umask", async (t) => {
  const before = process.umask(0o022);
  t.teardown(() => process.umask(before));
  for (const [index, umask] of [0o000, 0o077].entries()) {
    process.umask(umask);
    const dir = join(t.testdir(), String(index), "deep");
    await writeAuthority(dir, authority);
    await writePair(dir, "gw", pair);
    t.equal(await modeOf(dir), "700");
    for (const name of ["ca", "gw"]) {
      t.equal(await modeOf(join(dir, `${name}.key`)), "600");
      t.equal(await modeOf(join(dir, `${name}.crt`)), "644");
    }
    t.same((await readdir(dir)).sort(), ["ca.crt", "ca.key", "gw.crt", "gw.key"], "nothing temporary stays");
  }
});

t.test("a key is private from its first byte: its file is new and made with its mode", async (t) => {
  const opens = captureBuiltin(t, "open");
  await writePair(t.testdir(), "gw", pair);
  t.match(opens.args(), [
    [/gw\.key\.[0-9a-f]{16}\.tmp$/, "wx", 0o600],
    [/gw\.crt\.[0-9a-f]{16}\.tmp$/, "wx", 0o644],
  ]);
});

t.test("a folder that is there keeps its mode", async (t) => {
  const dir = join(t.testdir(), "certs");
  await mkdir(dir, { mode: 0o755 });
  await writePair(dir, "gw", pair);
  t.equal(await modeOf(dir), "755");
});

t.test("a pair is replaced, and a key that others could read becomes private", async (t) => {
  const dir = t.testdir({ "gw.crt": "old", "gw.key": "old" });
  await writePair(dir, "gw", pair);
  t.equal(await readFile(join(dir, "gw.crt"), "utf8"), pair.certificatePem);
  t.equal(await readFile(join(dir, "gw.key"), "utf8"), pair.key.reveal());
  t.equal(await modeOf(join(dir, "gw.key")), "600");
});

t.test("an authority is read back as it was written", async (t) => {
  const dir = t.testdir();
  await writeAuthority(dir, authority);
  const read = await readAuthority(dir);
  t.equal(read.certificatePem, authority.certificatePem);
  t.equal(read.key.reveal(), authority.key.reveal());
});

t.test("an authority is never overwritten, nor half of one", async (t) => {
  for (const there of ["ca.crt", "ca.key"]) {
    const dir = t.testdir({ [there]: "somebody's" });
    await t.rejects(writeAuthority(dir, authority), { ...invalid, message: /is there already/ });
    t.same(await readdir(dir), [there]);
    t.equal(await readFile(join(dir, there), "utf8"), "somebody's");
  }
});

t.test("a pair's name can't lead out of its folder, hide, or be the authority's", async (t) => {
  const dir = t.testdir({ inner: {} });
  for (const name of ["", "../up", "a/b", ".hidden", "a\0", "ca", "CA", "x".repeat(101)]) {
    await t.rejects(writePair(join(dir, "inner"), name, pair), invalid, JSON.stringify(name));
  }
  t.same(await readdir(dir), ["inner"]);
  t.same(await readdir(join(dir, "inner")), []);
});

t.test("a folder that can't be written to leaves a clear error and no secret in it", async (t) => {
  const dir = t.testdir({ file: "not a folder" });
  const failure: unknown = await writePair(join(dir, "file"), "gw", pair).catch((thrown: unknown) => thrown);
  t.match(failure, { ...invalid, message: /gw\.crt .* were not both written/ });
  t.notMatch(String(failure), "PRIVATE KEY");
});

t.test("an authority that can't be read says which file is wrong", async (t) => {
  const dir = t.testdir();
  await t.rejects(readAuthority(dir), { ...invalid, message: /ca\.crt could not be read/ });
  await writeAuthority(dir, authority);
  await writeFile(join(dir, "ca.key"), pair.key.reveal());
  await t.rejects(readAuthority(dir), { ...invalid, message: /ca\.key is not the private key of .*ca\.crt/ });
  await writeFile(join(dir, "ca.crt"), " ".repeat(1024 * 1024 + 1));
  await t.rejects(readAuthority(dir), { ...invalid, message: /ca\.crt could not be read: .* bytes/ });
});
