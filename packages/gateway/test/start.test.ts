import { appendFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { verifyAuditLog } from "@gatehouse/audit";
import { writePair } from "@gatehouse/certs";
import { freePort } from "@gatehouse/testkit";
import t, { type Test } from "tap";
import { ConfigurationError, Gateway } from "../src/index.ts";
import { auditEvents, type Environment, environment } from "./environment.ts";

const auditFile = ({ folder }: Environment) => join(folder, "state", "audit", "audit.jsonl");

/** What kept a gateway from starting keeps it no longer: nothing of the failed start is left. */
async function startsAfterwards(t: Test, env: Environment): Promise<void> {
  const gateway = await Gateway.start(env);
  t.ok(gateway.address("postgres"));
  await gateway.stop("test ended");
  t.match(await verifyAuditLog(auditFile(env)), { ok: true, torn: 0 });
}

t.test("a start and a stop are on the audit log, with the versions of config and policies", async (t) => {
  const env = await environment(t);
  const gateway = await Gateway.start(env);
  const { config, policies } = gateway.configuration;
  t.same(
    gateway.readiness().map(({ name, ready }) => [name, ready]),
    [
      ["accepting", true],
      ["audit", true],
      ["identity corp", true],
    ],
  );
  await Promise.all([gateway.stop("SIGTERM"), gateway.stop("SIGINT")]);
  t.match(await auditEvents(env.folder), [
    { type: "gateway.started", policyVersion: policies.version, configDigest: config.digest },
    { type: "gateway.stopped", reason: "SIGTERM" },
  ]);
  t.match(gateway.readiness()[0], { name: "accepting", ready: false });
});

t.test("a config with errors starts nothing, and every problem of it is told", async (t) => {
  const env = await environment(t, { config: "limits: { conections: 5 }\ndrian: 2s" });
  await t.rejects(Gateway.start(env), { code: "CONFIG_INVALID", message: /conections[\s\S]*drian/ });
  try {
    await Gateway.start(env);
  } catch (error) {
    t.ok(error instanceof ConfigurationError && error.problems.length === 2);
  }
  await t.rejects(readFile(auditFile(env)), { code: "ENOENT" });
});

t.test("a policy with an error starts nothing", async (t) => {
  const env = await environment(t);
  const policy = join(env.folder, "policies", "analysts.yaml");
  const text = await readFile(policy, "utf8");
  await writeFile(policy, text.replace("sql.access", "sql.acces"));
  await t.rejects(Gateway.start(env), { code: "CONFIG_INVALID", message: /analysts\.yaml:7:.*"access"/ });
  await writeFile(policy, text);
  await startsAfterwards(t, env);
});

t.test("a port that is taken is named, and the start undone", async (t) => {
  const port = await freePort();
  const other = createServer().listen(port, "127.0.0.1");
  await once(other, "listening");
  const env = await environment(t, { listener: `{ address: 127.0.0.1:${port} }` });
  await t.rejects(Gateway.start(env), {
    code: "ADDRESS_IN_USE",
    message: new RegExp(`127\\.0\\.0\\.1:${port}`),
    hint: /another address/,
  });
  t.match(await auditEvents(env.folder), [{ type: "gateway.started" }, { type: "gateway.stopped" }]);
  other.close();
  await once(other, "close");
  await startsAfterwards(t, env);
});

t.test("every address of every listener is listened on, and free again after the stop", async (t) => {
  // Its path must fit into a socket's address, which a test's own folder may be too deep for.
  const folder = await mkdtemp(join(tmpdir(), "gatehouse-"));
  t.teardown(() => rm(folder, { recursive: true }));
  const socket = join(folder, ".s.PGSQL.15432");
  const port = await freePort();
  const tcp = `{ address: ["127.0.0.1:0", "127.0.0.1:${port}"] }`;
  const env = await environment(t, {
    listener: `[{ address: "unix:${socket}", tls: off }, ${tcp}]`,
  });
  const gateway = await Gateway.start(env);
  t.teardown(() => gateway.stop("test ended"));
  t.same(gateway.address("postgres"), { socket }, "the first of them");
  const free = gateway.port("postgres") ?? 0;
  t.not(free, 0);
  const addresses = [{ path: socket }, { host: "127.0.0.1", port: free }, { host: "127.0.0.1", port }];
  for (const address of addresses) {
    const client = connect(address);
    await once(client, "connect");
    client.destroy();
  }
  await gateway.stop("test ended");
  for (const address of addresses) {
    const client = connect(address);
    await t.rejects(once(client, "connect"), { code: /^(ECONNREFUSED|ENOENT)$/ });
  }
});

t.test("a second gateway on one state folder is refused, and the first goes on", async (t) => {
  const env = await environment(t);
  const first = await Gateway.start(env);
  await t.rejects(Gateway.start(env), { code: "AUDIT_LOCKED" });
  t.same(await first.reload(), []);
  await first.stop("test ended");
  t.match(await auditEvents(env.folder), [
    { type: "gateway.started" },
    { type: "config.reloaded" },
    { type: "gateway.stopped" },
  ]);
  await startsAfterwards(t, env);
});

t.test("an audit log whose last line was changed is not continued", async (t) => {
  const env = await environment(t);
  await (await Gateway.start(env)).stop("first run");
  const whole = await readFile(auditFile(env), "utf8");
  await writeFile(auditFile(env), whole.replace("first run", "other run"));
  await t.rejects(Gateway.start(env), { code: "AUDIT_BROKEN", hint: /audit verify/ });
  await writeFile(auditFile(env), whole);
  await startsAfterwards(t, env);
});

t.test("an audit log that a crash left torn is continued, and what was torn is on it", async (t) => {
  const env = await environment(t);
  await (await Gateway.start(env)).stop("first run");
  await appendFile(auditFile(env), '{"v":1,"seq":3,"time":"2026');
  await startsAfterwards(t, env);
  t.match(
    (await auditEvents(env.folder)).map(({ type }) => type),
    ["gateway.started", "gateway.stopped", "log.recovered", "gateway.started", "gateway.stopped"],
  );
});

t.test("a certificate that is missing, or of another key, keeps the gateway from starting", async (t) => {
  const env = await environment(t);
  const certs = join(env.folder, "certs");
  await rm(join(certs, "gateway.crt"));
  await t.rejects(Gateway.start(env), { code: "CERTIFICATE_INVALID", message: /gateway\.crt/ });
  await writePair(certs, "gateway", await env.issue("gateway"));
  const { certificatePem } = await env.issue("gateway");
  await writeFile(join(certs, "gateway.crt"), certificatePem);
  await t.rejects(Gateway.start(env), { code: "CERTIFICATE_INVALID" });
  await writePair(certs, "gateway", await env.issue("gateway"));
  await startsAfterwards(t, env);
});
