import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";
import { configFolder, gatehouse } from "./gatehouse.ts";

const env = { READER_PASSWORD: "hunter2" };

t.test("a good config is summed up, in words and as JSON", async (t) => {
  const { config } = await configFolder(t);
  const words = await gatehouse(["check", "--config", config], env);
  t.same([words.code, words.stderr], [0, ""]);
  t.match(words.stdout, /✔ .*gatehouse\.yaml, policies [0-9a-f]{12}/);
  t.match(words.stdout, /target +orders +postgres at 127\.0\.0\.1:1, levels reader, writer/);
  t.match(words.stdout, /policy +orders for analysts +2 rules/);
  t.notMatch(words.stdout, "\u001b[", "no colours in a pipe");
  const json = await gatehouse(["check", "--config", config, "--json"], env);
  t.equal(json.code, 0);
  t.match(JSON.parse(json.stdout), { ok: true, targets: ["orders"], missing: [] });
});

t.test("every address is summed up, and what is without TLS is said to be", async (t) => {
  const { config } = await configFolder(t);
  const text = await readFile(config, "utf8");
  await writeFile(
    config,
    text
      .replace(
        "{ address: 127.0.0.1:0 }",
        '[{ address: ["[::1]:0", "127.0.0.1:0"] }, { address: unix:/x, tls: off }]',
      )
      .replace("address: 127.0.0.1:1\n", "address: [127.0.0.1:1, unix:/db]\n    tls: off\n"),
  );
  const { code, stdout } = await gatehouse(["check", "--config", config], env);
  t.equal(code, 0);
  t.match(stdout, /listener +postgres +\[::1\]:0, 127\.0\.0\.1:0\n/);
  t.match(stdout, /listener +postgres +unix:\/x, without TLS\n/);
  t.match(stdout, /target +orders +postgres at 127\.0\.0\.1:1, unix:\/db, without TLS, levels reader/);
});

t.test("a client certificate that is not there is named, like a secret", async (t) => {
  const { config } = await configFolder(t);
  const text = await readFile(config, "utf8");
  const certificate = "user: reader, certificate: { cert: file:reader.crt, key: file:reader.key }";
  await writeFile(config, text.replace("user: reader, password: env:READER_PASSWORD", certificate));
  const { code, stderr } = await gatehouse(["check", "--config", config], env);
  t.equal(code, 1);
  t.match(stderr, /target orders, level reader: .*reader\.crt does not exist/);
});

t.test("an error in the config is shown with its place, and exits 1", async (t) => {
  const { folder } = await configFolder(t);
  const config = join(folder, "broken.yaml");
  await writeFile(config, "stat: file:state\n");
  const { code, stderr } = await gatehouse(["check", "--config", config]);
  t.equal(code, 1);
  t.match(stderr, /broken\.yaml:1:1: "stat" is not a key that may stand here; did you mean "state"/);
  t.match(stderr, /nothing was loaded/);
});

t.test("an error in a policy is shown with its place and the nearest right name", async (t) => {
  const { folder, config } = await configFolder(t);
  await writeFile(
    join(folder, "policies", "new.yaml"),
    "policy: new\nwho: { everyone: true }\ntargets: [orders]\nrules:\n  - allow: reads\n    when: sql.acess == 'read'\n",
  );
  const { code, stderr } = await gatehouse(["check", "--config", config], env);
  t.equal(code, 1);
  t.match(stderr, /policies\/new\.yaml:6:\d+: .*acess.*did you mean "(sql\.)?access"/);
  const json = await gatehouse(["check", "--config", config, "--json"], env);
  t.equal(json.code, 1);
  t.match(JSON.parse(json.stdout), { ok: false, problems: [{ line: 6 }] });
});

t.test("a policy by a name of cases is an error, and so are cases by a name of a policy", async (t) => {
  const { folder, config } = await configFolder(t);
  const policy = "policy: new\nwho: { everyone: true }\ntargets: [orders]\nrules:\n  - block: all\n";
  await writeFile(join(folder, "policies", "new.test.yaml"), policy);
  await writeFile(join(folder, "policies", "tests.yaml"), "cases:\n  - case: one\n");
  const { code, stderr } = await gatehouse(["check", "--config", config], env);
  t.equal(code, 1);
  t.match(
    stderr,
    /policies\/new\.test\.yaml:1:1: this is a policy, .* none of its rules would hold; give it another name/,
  );
  const { stderr: other } = await rm(join(folder, "policies", "new.test.yaml")).then(() =>
    gatehouse(["check", "--config", config], env),
  );
  t.match(
    other,
    /policies\/tests\.yaml:1:1: these are cases .* give the file a name that ends with \.test\.yaml/,
  );
  t.match(other, /1 problem; nothing was loaded/);
});

t.test("a secret that is not there, and a certificate that is not, are named", async (t) => {
  const { folder, config } = await configFolder(t);
  const unset = await gatehouse(["check", "--config", config]);
  t.equal(unset.code, 1);
  t.match(unset.stderr, /target orders, level reader: .*READER_PASSWORD/);
  await rm(join(folder, "certs", "gateway.key"));
  const keyless = await gatehouse(["check", "--config", config], env);
  t.equal(keyless.code, 1);
  t.match(keyless.stderr, /listener postgres: .*gateway\.key/);
});

t.test("a CA file that can't be used is named, for targets and providers", async (t) => {
  const { folder, config } = await configFolder(t);
  await writeFile(join(folder, "ca.crt"), "no certificate");
  const { code, stdout, stderr } = await gatehouse(["check", "--config", config], env);
  t.equal(code, 1);
  t.match(stdout, /^✘/);
  t.match(stderr, /provider corp: its CA file can't be used/);
});

t.test("the sample config in deploy/ is a good one", async (t) => {
  const config = join(import.meta.dirname, "..", "..", "..", "deploy", "gatehouse.yaml");
  const { stdout } = await gatehouse(["check", "--config", config, "--json"]);
  // Its secrets and certificates are for its reader to bring.
  t.match(JSON.parse(stdout), {
    ok: false,
    targets: ["orders", "web", "api", "model"],
    policies: [
      { title: "the model for analysts" },
      { title: "orders for analysts" },
      { title: "the shop's API for analysts" },
    ],
  });
});
