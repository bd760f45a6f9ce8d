import { randomBytes } from "node:crypto";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { type AuditLog, GatehouseError, idSource, type Lease, type LoginRequest } from "@gatehouse/core";
import { createSecrets, staticLeases } from "@gatehouse/credentials";
import { createAuthenticator } from "@gatehouse/identity";
import { generatePrivateKey } from "@gatehouse/openssh";
import { SessionRegistry } from "@gatehouse/sessions";
import t, { type Test } from "tap";
import { createGate, type GateOptions } from "../src/gate.ts";
import { loadConfiguration, loadProtocols } from "../src/index.ts";
import { auditEvents, auditLogOf, type Environment, environment } from "./environment.ts";
import { nobodyWaits } from "./nobody-waits.ts";

const client = { host: "127.0.0.1", port: 50_000 };
const authority = generatePrivateKey("ssh-ed25519");

/** A gate over a real config, provider and audit log. */
async function gateOf(
  t: Test,
  env: Environment,
  audit?: AuditLog,
  approvals: GateOptions["approvals"] = nobodyWaits,
) {
  const loaded = await loadConfiguration(env.configFile, loadProtocols(), () => undefined);
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  const { config, policies } = loaded.configuration;
  const { clock, log } = env;
  const { oidc, ssh } = config.identity;
  const authenticator = createAuthenticator({
    ...{ providers: oidc, keys: ssh.keys, clock, log },
    authority: () => Promise.resolve(authority.publicKey),
    secret: () => Promise.reject(new Error("there is none")),
  });
  t.teardown(() => authenticator.close());
  await authenticator.start();
  const sessions = new SessionRegistry({ clock, limits: () => config.sessions });
  const held = new Set<Lease>();
  const gate = createGate({
    admission: () => ({ config, policies, authenticator }),
    audit: audit ?? (await auditLogOf(t, env)),
    clock,
    ids: idSource(randomBytes),
    log,
    approvals,
    brokeGlass: () => undefined,
    entrance: { enter: () => Promise.resolve({ ok: true }) },
    leases: {
      async acquire({ level: { credential } }) {
        if (!("user" in credential)) throw new Error("the level has no credential of its own");
        const lease = await staticLeases(createSecrets({ vault: () => undefined })).acquire({ credential });
        const release = async () => {
          held.delete(leased);
          await lease.release();
        };
        const leased: Lease = { user: lease.user, password: lease.password, release };
        held.add(leased);
        return leased;
      },
    },
    sessions,
  });
  return { gate, sessions, held };
}

const asking = (token: string, other: Partial<LoginRequest> = {}): LoginRequest => ({
  protocol: "postgres",
  credential: { token },
  target: "orders",
  level: "reader",
  client,
  application: "psql",
  ...other,
});

t.test(
  "whom a rule lets in is let in, and the log says who it is before the session is theirs",
  async (t) => {
    const env = await environment(t);
    const { gate, sessions } = await gateOf(t, env);
    const result = await gate.login(asking(await env.provider.token("crew-analyst")));
    if (!result.ok) throw new Error(result.refusal.message);
    const { session, lease } = result.session;
    t.match(session, { id: /^ses_/, identity: { subject: "crew-analyst", kind: "workload" } });
    t.match(lease, { user: "orders_reader" });
    t.equal(lease.password?.reveal(), "the reader's own");
    t.equal(sessions.size, 1);
    t.match(await auditEvents(env.folder), [
      {
        type: "session.opened",
        session: session.id,
        subject: "crew-analyst",
        target: "orders",
        level: "reader",
        protocol: "postgres",
        groups: ["crew-analyst"],
        proof: { method: "oidc", provider: "corp", issuer: env.provider.issuer },
        client,
        application: "psql",
        user: "orders_reader",
      },
    ]);
  },
);

t.test("a session's end is on the log once, with what was asked and refused in it", async (t) => {
  const env = await environment(t);
  const { gate, sessions, held } = await gateOf(t, env);
  const result = await gate.login(asking(await env.provider.token("crew-analyst")));
  if (!result.ok) throw new Error(result.refusal.message);
  t.equal(held.size, 1);
  await result.session.refuse({ kind: "syntax", message: "syntax error", text: "selec" });
  env.clock.advance(1500);
  await result.session.close("client_closed");
  await result.session.close("gateway_error");
  t.equal(sessions.size, 0);
  t.equal(held.size, 0, "its credential was given back");
  const events = await auditEvents(env.folder);
  t.match(events.at(-1), {
    type: "session.closed",
    end: "client_closed",
    commands: 1,
    refused: 1,
    duration: 1500,
  });
  t.equal(events.filter(({ type }) => type === "session.closed").length, 1);
});

t.test("a target that is not there and one that is not theirs are refused in the same words", async (t) => {
  const env = await environment(t);
  const { gate } = await gateOf(t, env);
  const token = await env.provider.token("crew-analyst");
  const refusals = [];
  for (const target of ["payroll", "nowhere", "constructor", "__proto__"]) {
    const result = await gate.login(asking(token, { target }));
    if (result.ok) throw new Error("let in");
    const { reference, message, ...rest } = result.refusal;
    t.match(reference, /^ref_/);
    refusals.push({ ...rest, message: message.replace(target, "TARGET") });
  }
  t.match(refusals[0], {
    kind: "target",
    message: 'Target "TARGET" does not exist, or is not yours to use.',
  });
  for (const refusal of refusals) t.strictSame(refusal, refusals[0]);
  t.match(await auditEvents(env.folder), [
    {
      type: "login.failed",
      kind: "target",
      target: "payroll",
      reason: "no rule lets in",
      subject: "crew-analyst",
    },
    { type: "login.failed", kind: "target", target: "nowhere", reason: "no such target" },
    { target: "constructor", reason: "no such target" },
    { target: "__proto__", reason: "no such target" },
  ]);
});

t.test("somebody whom no rule names is told of no target at all", async (t) => {
  const env = await environment(t);
  const { gate } = await gateOf(t, env);
  const result = await gate.login(asking(await env.provider.token("dana")));
  t.match(result, {
    ok: false,
    refusal: { kind: "target", message: /"orders" does not exist, or is not yours/ },
  });
});

t.test("a target of another protocol is not there for this one", async (t) => {
  const env = await environment(t);
  const { gate } = await gateOf(t, env);
  const token = await env.provider.token("crew-analyst");
  t.match(await gate.login(asking(token, { protocol: "ssh" })), { ok: false, refusal: { kind: "target" } });
});

t.test("a level that is not there and one that is not theirs are refused in the same words", async (t) => {
  const env = await environment(t);
  const { gate } = await gateOf(t, env);
  const token = await env.provider.token("crew-analyst");
  const said = [];
  for (const level of ["writer", "owner"]) {
    const result = await gate.login(asking(token, { level }));
    if (result.ok) throw new Error("let in");
    t.match(result.refusal, { kind: "level", hint: "Yours: reader." });
    said.push(result.refusal.message.replace(level, "LEVEL"));
  }
  t.equal(said[0], said[1]);
  t.match(await auditEvents(env.folder), [
    { type: "login.failed", kind: "level", level: "writer", subject: "crew-analyst" },
    { type: "login.failed", kind: "level", level: "owner" },
  ]);
});

t.test("names as long as a message are cut before they are logged or repeated", async (t) => {
  const env = await environment(t);
  const { gate } = await gateOf(t, env);
  const long = "x".repeat(9000);
  const token = await env.provider.token("crew-analyst");
  const result = await gate.login(asking(token, { target: long, level: long }));
  if (result.ok) throw new Error("let in");
  t.ok(result.refusal.message.length < 200);
  t.match(await auditEvents(env.folder), [{ target: "x".repeat(256), level: "x".repeat(256) }]);
  t.ok(JSON.stringify(env.log.entries).length < 4096, "the gateway's own log is not for filling either");
});

t.test(
  "a provider that is down at the start refuses log-ins as unavailable, and is used when it is back",
  async (t) => {
    const env = await environment(t);
    const token = await env.provider.token("crew-analyst");
    await env.provider.stop();
    const { gate } = await gateOf(t, env);
    t.match(await gate.login(asking(token)), {
      ok: false,
      refusal: { kind: "unavailable", message: "The gateway can't let anybody in now." },
    });
    t.match(await auditEvents(env.folder), [
      { kind: "unavailable", reason: /^IDENTITY_UNAVAILABLE: .*corp/ },
    ]);
    await env.provider.start();
    env.clock.advance(60_000);
    t.match(await gate.login(asking(token)), { ok: true });
  },
);

t.test("a provider that goes down later does not matter while its keys are known", async (t) => {
  const env = await environment(t);
  const { gate } = await gateOf(t, env);
  const token = await env.provider.token("crew-analyst");
  await env.provider.stop();
  t.match(await gate.login(asking(token)), { ok: true });
});

t.test(
  "a secret that is not there refuses the log-in; the client is not told which, the log is",
  async (t) => {
    const env = await environment(t);
    const { gate, sessions } = await gateOf(t, env);
    await rm(join(env.folder, "secrets", "reader"));
    const result = await gate.login(asking(await env.provider.token("crew-analyst")));
    if (result.ok) throw new Error("let in");
    t.match(result.refusal, { kind: "internal", message: "The gateway can't let anybody in now." });
    t.notMatch(JSON.stringify(result.refusal), "secrets");
    t.match(await auditEvents(env.folder), [
      { type: "login.failed", kind: "internal", reason: /secrets\/reader/, subject: "crew-analyst" },
    ]);
    t.equal(sessions.size, 0);
  },
);

t.test("a session that can't be put on the audit log is not opened", async (t) => {
  const env = await environment(t);
  const full = () => Promise.reject(new GatehouseError("AUDIT_FAILED", "The disk is full."));
  const { gate, sessions, held } = await gateOf(t, env, { append: full });
  const result = await gate.login(asking(await env.provider.token("crew-analyst")));
  t.match(result, { ok: false, refusal: { kind: "internal" } });
  t.equal(sessions.size, 0);
  t.equal(held.size, 0, "its credential was given back");
  t.match(await gate.login(asking("nothing")), { ok: false, refusal: { kind: "credential" } });
});

t.test("log-ins at the same moment don't pass an identity's limit together", async (t) => {
  const env = await environment(t, { config: "sessions: { perIdentity: 3 }" });
  const { gate, sessions, held } = await gateOf(t, env);
  const token = await env.provider.token("crew-analyst");
  const results = await Promise.all(Array.from({ length: 10 }, () => gate.login(asking(token))));
  const [first, ...others] = results.flatMap((result) => (result.ok ? [result.session] : []));
  const refusals = results.flatMap((result) => (result.ok ? [] : [result.refusal]));
  t.equal(others.length, 2);
  t.equal(refusals.length, 7);
  for (const refusal of refusals) {
    t.match(refusal, {
      kind: "too_many",
      message: "You have 3 sessions open, which is as many as one identity may have.",
      hint: /^Close one of them/,
    });
  }
  t.equal(sessions.size, 3);
  t.equal(held.size, 3, "who was refused gave the credential back");
  const failed = (await auditEvents(env.folder)).filter(({ type }) => type === "login.failed");
  t.equal(failed.length, 7);
  t.match(failed[0], { kind: "too_many", reason: /as it may: 3/, subject: "crew-analyst" });
  t.match(await gate.login(asking(await env.provider.token("dana"))), {
    refusal: { kind: "target" },
  });
  await first?.close("client_closed");
  t.match(await gate.login(asking(token)), { ok: true }, "a session that has closed makes room");
});

t.test("a session outlives its token, or ends with it, as the config says", async (t) => {
  for (const until of ["close", "expiry"] as const) {
    const env = await environment(t, { config: `sessions: { until: ${until} }` });
    const { gate, sessions } = await gateOf(t, env);
    const result = await gate.login(asking(await env.provider.token("crew-analyst")));
    if (!result.ok) throw new Error(result.refusal.message);
    const { ended, session } = result.session;
    env.clock.advance(session.identity.expiresAt - env.clock.now() - 1);
    sessions.sweep();
    t.notOk(ended.aborted, until);
    env.clock.advance(1);
    sessions.sweep();
    t.equal(ended.aborted, until === "expiry", until);
    if (until === "expiry") t.match(ended.reason, { kind: "expired", reference: session.id });
    await result.session.close("expired");
    t.match((await auditEvents(env.folder)).at(-1), { type: "session.closed", end: "expired" });
  }
});

t.test("a gateway that drains waits for a session whose opening is on its way to the log", async (t) => {
  const env = await environment(t);
  const appending = Promise.withResolvers<undefined>();
  const written = Promise.withResolvers<undefined>();
  const audit: AuditLog = {
    append: () => {
      appending.resolve(undefined);
      return written.promise;
    },
  };
  const { gate, sessions } = await gateOf(t, env, audit);
  const login = gate.login(asking(await env.provider.token("crew-analyst")));
  await appending.promise;
  let drained = false;
  const reason = { kind: "busy", message: "The gateway is shutting down.", reference: "ref_1" } as const;
  const draining = sessions.drain(reason, 3_600_000, 0).then(() => {
    drained = true;
  });
  await turn();
  t.notOk(drained);
  written.resolve(undefined);
  const result = await login;
  if (!result.ok) throw new Error(result.refusal.message);
  result.session.activity("idle");
  t.ok(result.session.ended.aborted);
  await result.session.close("drained");
  await draining;
});

t.test(
  "a log-in that an adapter rejects by itself is on the log under the reference that the client is told",
  async (t) => {
    const env = await environment(t);
    const { gate } = await gateOf(t, env);
    const { credential: _, ...request } = asking("");
    const refusal = await gate.rejectLogin(request, {
      kind: "level",
      message: "No plaintext.",
      hint: "Use TLS.",
    });
    t.match(refusal, { kind: "level", message: "No plaintext.", hint: "Use TLS." });
    t.match(await auditEvents(env.folder), [
      { type: "login.failed", reference: refusal.reference, kind: "level", reason: "No plaintext.", client },
    ]);
  },
);

t.test("a key that is tied to somebody lets them in, and one that is not is not accepted", async (t) => {
  const [hers, strange] = [
    generatePrivateKey("ssh-ed25519").publicKey,
    generatePrivateKey("ssh-ed25519").publicKey,
  ];
  const holder = `{ subject: crew-analyst, provider: corp, groups: [crew-analyst], keys: ["${hers.toString()}"] }`;
  const env = await environment(t, { providers: `  ssh: { keys: [${holder}] }` });
  const { gate } = await gateOf(t, env);
  t.equal(await gate.accepts({ key: hers.blob, client }), true);
  t.equal(await gate.accepts({ key: strange.blob, client }), false);
  t.equal(await gate.accepts({ key: Buffer.from("no key"), client }), false);
  const result = await gate.login(asking("", { credential: { key: hers.blob, client } }));
  t.match(result, {
    ok: true,
    session: {
      session: { identity: { subject: "crew-analyst", proof: { method: "ssh-key", provider: "corp" } } },
    },
  });
  const refused = await gate.login(asking("", { credential: { key: strange.blob, client } }));
  t.match(refused, { ok: false, refusal: { kind: "credential" } });
  t.match(await auditEvents(env.folder), [
    { type: "session.opened", proof: { method: "ssh-key", key: hers.fingerprint } },
    { type: "login.failed", reason: /IDENTITY_INVALID: The key SHA256:.* is nobody's/ },
  ]);
});

t.test("where nobody can sign in with a browser, that is no error of the gate's", async (t) => {
  const gone = new AbortController().signal;
  const client = { host: "192.0.2.7", port: 50_000 };
  const { gate } = await gateOf(t, await environment(t));
  t.equal(await gate.signIn(client, gone), undefined, "no provider has a client for it");
  const down = `    - { name: down, issuer: "https://127.0.0.1:1", audience: gatehouse, device: { clientId: x } }`;
  const env = await environment(t, { providers: down });
  const { gate: other } = await gateOf(t, env);
  t.equal(await other.signIn(client, gone), undefined, "the provider is down");
  t.match(env.log.entries.at(-1), { level: "warn", message: /sign in/ });
});

t.test(
  "whoever proves who they are is told how what they have asked for stands, and nobody else",
  async (t) => {
    const env = await environment(t);
    const standing = { id: "apr_1", state: "pending", until: 1, message: "It waits." } as const;
    const asked: string[] = [];
    const { gate, sessions } = await gateOf(t, env, undefined, {
      ...nobodyWaits,
      standing({ subject }, id) {
        asked.push(`${subject} ${id}`);
        if (id === "apr_9") return Promise.reject(new GatehouseError("STORE_FAILED", "The disk is full."));
        return Promise.resolve(id === standing.id ? standing : undefined);
      },
    });
    const token = await env.provider.token("crew-analyst");
    const ask = (token: string, id: string) => {
      const { target: _, level: __, ...request } = asking(token);
      return gate.standing(request, id);
    };
    t.same(await ask(token, "apr_1"), { ok: true, standing });
    t.same(await ask(token, "apr_2"), { ok: true, standing: undefined });
    t.match(await ask(`${token.slice(0, -4)}AAAA`, "apr_1"), { ok: false, refusal: { kind: "credential" } });
    t.match(await ask(token, "apr_9"), { ok: false, refusal: { kind: "internal" } });
    t.same(asked, ["crew-analyst apr_1", "crew-analyst apr_2", "crew-analyst apr_9"]);
    t.equal(sessions.size, 0, "it is no log-in");
    t.match(await auditEvents(env.folder), [
      { type: "login.failed", kind: "credential", target: "" },
      { type: "login.failed", kind: "internal", subject: "crew-analyst" },
    ]);
  },
);
