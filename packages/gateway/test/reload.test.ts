import { appendFile, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";
import { Gateway } from "../src/index.ts";
import { auditEvents, environment } from "./environment.ts";

// What a reload does to open sessions is in test/reload.test.ts, with a database behind them.

t.test("a config without a problem is taken into use, and the log says which", async (t) => {
  const env = await environment(t);
  const gateway = await Gateway.start(env);
  t.teardown(() => gateway.stop("test ended"));
  const before = gateway.configuration;
  await appendFile(
    join(env.folder, "policies", "analysts.yaml"),
    "  - block: no tables\n    when: sql.unfiltered\n",
  );
  t.same(await gateway.reload(), []);
  const { config, policies } = gateway.configuration;
  t.not(policies.version, before.policies.version);
  t.equal(config.digest, before.config.digest);
  t.match((await auditEvents(env.folder)).at(-1), {
    type: "config.reloaded",
    policyVersion: policies.version,
    configDigest: config.digest,
  });
});

for (const file of ["gatehouse.yaml", "policies/analysts.yaml"]) {
  t.test(`${file} with an error is not loaded: the old one stays, and the log says so`, async (t) => {
    const env = await environment(t);
    const gateway = await Gateway.start(env);
    t.teardown(() => gateway.stop("test ended"));
    const before = gateway.configuration;
    const text = await readFile(join(env.folder, file), "utf8");
    await writeFile(join(env.folder, file), text.replace("targets:", "tragets:"));
    const problems = await gateway.reload();
    t.ok(problems.length > 0);
    t.match(
      problems.map(({ message }) => message).join("\n"),
      /"targets"/,
      "the nearest right word is named",
    );
    t.equal(gateway.configuration, before);
    t.match((await auditEvents(env.folder)).at(-1), {
      type: "config.rejected",
      problems: problems.length,
      first: new RegExp(`${file}:\\d+:\\d+: `),
    });
    t.ok(gateway.readiness().every(({ ready }) => ready));
    await writeFile(join(env.folder, file), text);
    t.same(await gateway.reload(), [], "and is loaded when it is right again");
  });
}

t.test("a policy file that is gone is a config with an error", async (t) => {
  const env = await environment(t);
  const gateway = await Gateway.start(env);
  t.teardown(() => gateway.stop("test ended"));
  const before = gateway.configuration;
  const text = await readFile(env.configFile, "utf8");
  await writeFile(env.configFile, text.replace("file:policies/*.yaml", "file:policies/gone.yaml"));
  t.equal((await gateway.reload()).length, 1);
  t.equal(gateway.configuration, before);
});

t.test("a reload while the provider is down keeps the keys that are known", async (t) => {
  const env = await environment(t);
  const gateway = await Gateway.start(env);
  t.teardown(() => gateway.stop("test ended"));
  await env.provider.stop();
  t.same(await gateway.reload(), []);
  t.match(gateway.readiness(), [{ ready: true }, { ready: true }, { name: "identity corp", ready: true }]);
});

t.test("a reload that changes the providers trusts the new ones alone", async (t) => {
  const env = await environment(t);
  const gateway = await Gateway.start(env);
  t.teardown(() => gateway.stop("test ended"));
  const text = await readFile(env.configFile, "utf8");
  await writeFile(env.configFile, text.replace("name: corp", "name: partner"));
  t.same(await gateway.reload(), []);
  t.match(
    gateway.readiness().map(({ name }) => name),
    ["accepting", "audit", "identity partner"],
  );
});

t.test("reloads that overlap leave the last config in force", async (t) => {
  const env = await environment(t);
  const gateway = await Gateway.start(env);
  t.teardown(() => gateway.stop("test ended"));
  const text = await readFile(env.configFile, "utf8");
  await writeFile(env.configFile, `${text}\n# once`);
  const first = gateway.reload();
  await writeFile(env.configFile, `${text}\n# twice`);
  await Promise.all([first, gateway.reload()]);
  const last = (await auditEvents(env.folder)).at(-1);
  t.match(last, { type: "config.reloaded", configDigest: gateway.configuration.config.digest });
});

t.test("what is read at the start alone is said to wait for the next one", async (t) => {
  const env = await environment(t);
  const gateway = await Gateway.start(env);
  t.teardown(() => gateway.stop("test ended"));
  await appendFile(env.configFile, "limits: { connections: 7 }\nsessions: { perIdentity: 7 }\n");
  t.same(await gateway.reload(), []);
  t.match(
    env.log.entries.filter(({ level }) => level === "warn"),
    [{ fields: { keys: ["limits"] }, message: "these keys take effect at the next start" }],
  );
});
