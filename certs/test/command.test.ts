import { execFile } from "node:child_process";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { promisify } from "node:util";
import { readPrivateKey } from "@gatehouse/openssh";
import t from "tap";
import { runCerts } from "../src/command.ts";

const NOW = Date.UTC(2026, 10, 20, 12);
const DAY = 24 * 60 * 60 * 1000;

// What the one who runs the tests wants of colours is not what is tested here.
for (const name of ["NO_COLOR", "FORCE_COLOR", "NODE_DISABLE_COLORS"])
  Reflect.deleteProperty(process.env, name);

async function run(args: string[], now = NOW, terminal = false) {
  const out = Object.assign(new PassThrough(), { isTTY: terminal, getColorDepth: () => 8 });
  const err = new PassThrough();
  const code = await runCerts(args, { out, err, now });
  return { code, out: String(out.read() ?? ""), err: String(err.read() ?? "") };
}

async function authorityIn(dir: string): Promise<string> {
  t.match(await run(["init", "--dir", dir, "--name", "Test CA"]), { code: 0, err: "" });
  return dir;
}

const read = async (...path: string[]) => new X509Certificate(await readFile(join(...path)));

t.test("init makes an authority and says where it is", async (t) => {
  const dir = join(t.testdir(), "new");
  const { code, out } = await run(["init", "--dir", dir]);
  t.equal(code, 0);
  t.match(out, "ca.crt");
  t.equal((await read(dir, "ca.crt")).subject, "O=Gatehouse\nCN=Gatehouse CA");
});

t.test("init where an authority is fails and leaves it", async (t) => {
  const dir = await authorityIn(t.testdir());
  const before = await readFile(join(dir, "ca.key"), "utf8");
  t.match(await run(["init", "--dir", dir]), { code: 1, out: "", err: /ca\.key is there already/ });
  t.equal(await readFile(join(dir, "ca.key"), "utf8"), before);
});

t.test("issue --server names the hosts, or the server itself", async (t) => {
  const dir = await authorityIn(t.testdir());
  const args = [
    "issue",
    "--dir",
    dir,
    "--server",
    "gateway",
    "--host",
    "gw.example.com",
    "--host",
    "10.0.0.7",
  ];
  t.match(await run(args), { code: 0, err: "", out: /valid until 2027-02-18/ });
  t.equal((await read(dir, "gateway.crt")).subjectAltName, "DNS:gw.example.com, IP Address:10.0.0.7");
  t.match(await run(["issue", "--dir", dir, "--server", "localhost"]), { code: 0 });
  const certificate = await read(dir, "localhost.crt");
  t.equal(certificate.subjectAltName, "DNS:localhost");
  t.ok(certificate.verify((await read(dir, "ca.crt")).publicKey));
});

t.test("issue --client makes a client's certificate", async (t) => {
  const dir = await authorityIn(t.testdir());
  t.match(await run(["issue", "--dir", dir, "--client", "crew-analyst"]), { code: 0, err: "" });
  const certificate = await read(dir, "crew-analyst.crt");
  t.same(certificate.keyUsage, ["1.3.6.1.5.5.7.3.2"]);
  t.ok(certificate.checkPrivateKey(createPrivateKey(await readFile(join(dir, "crew-analyst.key")))));
});

t.test("issue fails, with what to do, where there is no authority or a name is wrong", async (t) => {
  const dir = t.testdir();
  t.match(await run(["issue", "--dir", dir, "--server", "a"]), {
    code: 1,
    err: /ca\.crt could not be read.*\n.*Check/,
  });
  await authorityIn(dir);
  for (const args of [
    ["--server", "a", "--host", "not a host"],
    ["--server", "a", "--host", ""],
    ["--client", "../up"],
    ["--client", "ca"],
  ]) {
    t.match(await run(["issue", "--dir", dir, ...args]), { code: 1, out: "" }, args.join(" "));
  }
  t.same((await readdir(dir)).sort(), ["ca.crt", "ca.key"]);
});

t.test("show lists what certificates are for and how long they last", async (t) => {
  const dir = await authorityIn(t.testdir());
  await run(["issue", "--dir", dir, "--server", "gw", "--host", "localhost", "--host", "10.0.0.7"]);
  await run(["issue", "--dir", dir, "--client", "agent"]);
  const files = ["ca", "gw", "agent"].map((name) => join(dir, `${name}.crt`));
  const { code, out } = await run(["show", ...files]);
  t.equal(code, 0);
  t.equal(
    out,
    [
      "subject                  names                use        until       days left",
      "O=Gatehouse, CN=Test CA  -                    authority  2036-11-17  3650",
      "O=Gatehouse, CN=gw       localhost, 10.0.0.7  server     2027-02-18  90",
      "O=Gatehouse, CN=agent    -                    client     2027-02-18  90",
      "",
    ].join("\n"),
  );
  t.match((await run(["show", ...files], NOW + 91 * DAY)).out, /agent.*expired/);
});

t.test("show goes on after a file that it can't read, and fails in the end", async (t) => {
  const dir = await authorityIn(t.testdir());
  await writeFile(join(dir, "bad.crt"), "garbage");
  const { code, out, err } = await run([
    "show",
    join(dir, "bad.crt"),
    join(dir, "none"),
    join(dir, "ca.crt"),
  ]);
  t.equal(code, 1);
  t.match(err, /bad\.crt is not a whole[\s\S]*none could not be read/);
  t.match(out, "CN=Test CA");
});

t.test("colours are for terminals", async (t) => {
  const dir = await authorityIn(t.testdir());
  const args = ["show", join(dir, "ca.crt")];
  t.notMatch((await run(args, NOW + 4000 * DAY)).out, "\u001b");
  t.match((await run(args, NOW, true)).out, "\u001b[1m");
  t.match((await run(args, NOW + 4000 * DAY, true)).out, "\u001b[31m");
});

t.test("a wrong command line is exit code 2, and nothing is done", async (t) => {
  const dir = t.testdir();
  for (const args of [
    [],
    ["unknown"],
    ["init"],
    ["init", "--dir", ""],
    ["init", "--dir", dir, "extra"],
    ["init", "--dir", dir, "--nope"],
    ["issue", "--dir", dir],
    ["issue", "--dir", dir, "--server", "a", "--client", "b"],
    ["issue", "--dir", dir, "--client", "b", "--host", "h"],
    ["issue", "--server", "a"],
    ["show"],
  ]) {
    t.match(await run(args), { code: 2, out: "", err: /certs --help/ }, args.join(" "));
  }
  t.same(await readdir(dir), []);
});

t.test("--help is there for the command and each of its parts", async (t) => {
  for (const args of [["--help"], ["init", "--help"], ["issue", "-h"], ["show", "--help"]]) {
    t.match(await run(args), { code: 0, err: "", out: /certs issue --dir DIR --server NAME/ });
  }
});

t.test("the program passes its arguments on, and the exit code back", async (t) => {
  const main = join(import.meta.dirname, "../src/main.ts");
  const program = (...args: string[]) => promisify(execFile)(process.execPath, [main, ...args]);
  t.match(await program("--help"), { stdout: /Usage/, stderr: "" });
  await t.rejects(program("unknown"), { code: 2 });
  await t.rejects(program("show", join(t.testdir(), "none")), { code: 1 });
});

t.test("ssh-authority makes a key that is read as one, and never another in its place", async (t) => {
  const path = join(t.testdir(), "ssh", "users");
  const { code, out } = await run(["ssh-authority", path]);
  t.equal(code, 0);
  const { publicKey } = readPrivateKey(await readFile(path, "utf8"));
  t.equal(await readFile(`${path}.pub`, "utf8"), `${publicKey.toString()} gatehouse authority\n`);
  t.match(out, publicKey.fingerprint);
  t.equal((await stat(path)).mode & 0o777, 0o600);
  t.match(await run(["ssh-authority", path]), { code: 1, out: "", err: /is there already/ });
  t.ok(readPrivateKey(await readFile(path, "utf8")).publicKey.equals(publicKey));
  await rm(path);
  t.match(await run(["ssh-authority", path]), { code: 1, err: /users\.pub is there already/ });
  await t.rejects(stat(path), { code: "ENOENT" }, "half of a pair is not left");
  for (const args of [[], ["a", "b"], ["--dir", "a"]])
    t.match(await run(["ssh-authority", ...args]), { code: 2 });
});
