import { createHash } from "node:crypto";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import t from "tap";
import { findPolicyTests, loadConfig } from "../src/index.ts";
import { configFile, load, loadGood, problemsOf, protocols, shortest } from "./made-up.ts";

t.test("what the shortest file leaves out has its default", async (t) => {
  const config = await loadGood(t, shortest);
  t.equal(config.development, false);
  t.same(config.limits, {
    connections: 1000,
    perAddress: 250,
    startup: 10_000,
    message: 16 * 1024 * 1024,
    statement: 256 * 1024,
    keepalive: 30_000,
  });
  t.same(config.sessions, {
    until: "close",
    length: 24 * 3_600_000,
    idle: Number.POSITIVE_INFINITY,
    idleInTransaction: 3_600_000,
    perIdentity: 100,
  });
  t.same(config.approvals, {
    url: undefined,
    repeat: undefined,
    perIdentity: 20,
    pending: 1000,
    keep: 30 * 24 * 3_600_000,
    webhooks: [],
    callbacks: [],
  });
  t.equal(config.drain, 30_000);
  t.equal(config.durability, "written");
  t.equal(config.logLevel, "info");
  t.equal(config.control, undefined);
  t.same(config.identity.oidc, [
    {
      name: "corp",
      issuer: "https://idp.example.com",
      audience: "gatehouse",
      algorithms: ["RS256", "PS256", "ES256", "EdDSA"],
      clockSkew: 30_000,
      claims: { subject: "sub", groups: "groups" },
    },
  ]);
  const target = config.targets.get("orders");
  t.same(target?.tls, { mode: "verify-full" });
  t.equal(target?.connectTimeout, 10_000);
  t.same(target?.settings, { station: "paddington", wires: 2 });
  t.same(target?.levels.get("reader")?.settings, { urgent: false });
});

t.test("what the file says is what the config has", async (t) => {
  const text = shortest
    .replace("tls:", "development: false\nstate: file:/var/lib/gatehouse\ntls:")
    .replace("15432 }", "15432 }\n  semaphore: { address: '[::1]:0' }\n  control: { address: 10.0.0.1:9000 }")
    .replace(
      "audience: gatehouse",
      "audience: gatehouse\n      algorithms: [ES512]\n      clockSkew: 0s\n      ca: file:idp.crt\n      claims: { subject: email, groups: realm.roles, kind: kind }",
    )
    .replace("station: paddington", "station: paddington\n    wires: 4\n    connectTimeout: 3s")
    .replace("reader: {}", "reader: { urgent: true }")
    .concat(
      "limits: { connections: 5, perAddress: 3, startup: 2s, message: 1MiB, statement: 1KiB, keepalive: 1m }\ndrain: 1m\n",
      "sessions: { until: expiry, length: 8h, idle: 30m, idleInTransaction: off, perIdentity: 3 }\n",
      "audit: { durability: synced }\nlog: { level: debug }\n",
    );
  const config = await loadGood(t, text);
  t.equal(config.stateFolder, "/var/lib/gatehouse");
  t.same([...config.listeners.keys()], ["telegraph", "semaphore"]);
  t.same(config.listeners.get("semaphore")?.[0]?.addresses, [{ host: "::1", port: 0 }]);
  t.same(config.control?.address, { host: "10.0.0.1", port: 9000 });
  t.match(config.identity.oidc[0], {
    algorithms: ["ES512"],
    clockSkew: 0,
    claims: { subject: "email", groups: "realm.roles", kind: "kind" },
  });
  t.match(config.targets.get("orders"), {
    name: "orders",
    protocol: "telegraph",
    addresses: [{ host: "db.internal", port: 5432 }],
    connectTimeout: 3000,
    settings: { station: "paddington", wires: 4 },
  });
  t.same(config.targets.get("orders")?.levels.get("reader")?.settings, { urgent: true });
  t.same(config.limits, {
    connections: 5,
    perAddress: 3,
    startup: 2000,
    message: 1024 * 1024,
    statement: 1024,
    keepalive: 60_000,
  });
  t.same(config.sessions, {
    until: "expiry",
    length: 8 * 3_600_000,
    idle: 30 * 60_000,
    idleInTransaction: Number.POSITIVE_INFINITY,
    perIdentity: 3,
  });
  t.equal(config.drain, 60_000);
  t.equal(config.durability, "synced");
  t.equal(config.logLevel, "debug");
});

t.test("every path is absolute, from the config's own folder", async (t) => {
  const file = configFile(
    t,
    shortest
      .replace("audience:", "ca: file:idp.crt\n      audience:")
      .replace("station:", "tls: { ca: file:../db.crt, serverName: db }\n    station:")
      .replace("env:ORDERS_PASSWORD", "file:secrets/orders"),
  );
  const folder = dirname(file);
  const result = await loadConfig(relative(process.cwd(), file), protocols);
  if (!result.ok) throw new Error("expected a config");
  const { config } = result;
  t.equal(config.file, file);
  t.equal(config.stateFolder, join(folder, "state"));
  t.same(config.listeners.get("telegraph")?.[0]?.tls, {
    cert: join(folder, "certs/gateway.crt"),
    key: join(folder, "certs/gateway.key"),
  });
  t.equal(config.identity.oidc[0]?.ca, join(folder, "idp.crt"));
  t.same(config.targets.get("orders")?.tls, {
    mode: "verify-full",
    ca: join(dirname(folder), "db.crt"),
    serverName: "db",
  });
  t.match(config.targets.get("orders")?.levels.get("reader")?.credential, {
    password: { from: "file", path: join(folder, "secrets/orders") },
  });
  t.same(config.policyFiles, [join(folder, "policies/orders.yaml")]);
});

t.test("a listener's own certificate wins over the common one", async (t) => {
  const config = await loadGood(
    t,
    shortest.replace("15432 }", "15432, tls: { cert: file:/own.crt, key: file:/own.key } }\n  control: {}"),
  );
  t.same(config.listeners.get("telegraph")?.[0]?.tls, { cert: "/own.crt", key: "/own.key" });
  t.match(config.control?.tls.cert, /certs\/gateway\.crt$/);
});

t.test("the control plane's address is on loopback unless the file says another", async (t) => {
  const config = await loadGood(t, shortest.replace("15432 }", "15432 }\n  control: {}"));
  t.same(config.control?.address, { host: "127.0.0.1", port: 8444 });
  t.same([...config.listeners.keys()], ["telegraph"]);
});

t.test("a level has its own credential, or else the target's", async (t) => {
  const config = await loadGood(
    t,
    shortest.replace(
      "      reader: {}\n",
      "      reader: {}\n      writer: { credential: { user: orders_writer, password: env:WRITER } }\n",
    ),
  );
  const levels = config.targets.get("orders")?.levels;
  t.match(levels?.get("reader"), {
    name: "reader",
    credential: { user: "gatehouse", password: { from: "env", name: "ORDERS_PASSWORD" } },
  });
  t.match(levels?.get("writer"), {
    name: "writer",
    credential: { user: "orders_writer", password: { from: "env", name: "WRITER" } },
  });
});

t.test("a target's own credential is the gateway's way in, or else its first level's", async (t) => {
  const config = await loadGood(t, shortest);
  t.match(config.targets.get("orders")?.credential, { user: "gatehouse" });
  const own = "reader: { credential: { user: r, password: env:R } }";
  const text = shortest.replace("reader: {}", own).replace(/ {4}credential: .*\n/, "");
  t.match((await loadGood(t, text)).targets.get("orders")?.credential, { user: "r" });
});

t.test("tags are read as columns are reported", async (t) => {
  const tags = `tags: { pii.email: [public.customers.email, '*."Contacts"."e.mail"'], secret: ["*.*.token"] }`;
  const config = await loadGood(t, shortest.replace("station:", `${tags}\n    station:`));
  t.same(
    [...(config.targets.get("orders")?.tags ?? [])],
    [
      ["pii.email", ["public.customers.email", '*.Contacts."e.mail"']],
      ["secret", ["*.*.token"]],
    ],
  );
  t.equal((await loadGood(t, shortest)).targets.get("orders")?.tags.size, 0);
});

t.test("listeners have one address or several, over TCP with TLS or on Unix sockets without", async (t) => {
  const tls = { cert: "/x.crt", key: "/x.key" };
  const own = "tls: { cert: file:/x.crt, key: file:/x.key }";
  const socket = { socket: "/run/gatehouse/.s.PGSQL.15432" };
  const settings = {};
  const unix = "address: unix:/run/gatehouse/../gatehouse/.s.PGSQL.15432, tls: off";
  for (const [written, read] of [
    [
      `{ address: ["127.0.0.1:1", "[::1]:1"], ${own} }`,
      [
        {
          addresses: [
            { host: "127.0.0.1", port: 1 },
            { host: "::1", port: 1 },
          ],
          tls,
          settings,
        },
      ],
    ],
    [`{ ${unix} }`, [{ addresses: [socket], tls: "off", settings }]],
    [
      `[{ address: "db:1", ${own} }, { ${unix} }]`,
      [
        { addresses: [{ host: "db", port: 1 }], tls, settings },
        { addresses: [socket], tls: "off", settings },
      ],
    ],
  ] as const) {
    const config = await loadGood(t, shortest.replace("{ address: 127.0.0.1:15432 }", written));
    t.same(config.listeners.get("telegraph"), read, written);
  }
});

t.test("listeners that are all without TLS need no certificate", async (t) => {
  const text = shortest
    .replace(/^tls:.*\n/, "")
    .replace("address: 127.0.0.1:15432", "address: unix:/run/gatehouse/telegraph, tls: off");
  t.match((await loadGood(t, text)).listeners.get("telegraph"), [{ tls: "off" }]);
});

t.test("a target's addresses are kept in their order, sockets among them where it has no TLS", async (t) => {
  const config = await loadGood(
    t,
    shortest.replace("db.internal:5432", "[unix:/run/db, db.internal:5432, '[::1]:5433']\n    tls: off"),
  );
  t.same(config.targets.get("orders")?.addresses, [
    { socket: "/run/db" },
    { host: "db.internal", port: 5432 },
    { host: "::1", port: 5433 },
  ]);
});

t.test("a credential is a password, a certificate, or both", async (t) => {
  const certificate = "certificate: { cert: file:/c.crt, key: file:/c.key }";
  const files = { cert: "/c.crt", key: "/c.key" };
  for (const [written, read] of [
    [`user: u, ${certificate}`, { user: "u", certificate: files }],
    [
      `user: u, ${certificate}, password: env:P`,
      { user: "u", password: { from: "env", name: "P" }, certificate: files },
    ],
  ] as const) {
    const text = shortest.replace("user: gatehouse, password: env:ORDERS_PASSWORD", written);
    const config = await loadGood(t, text);
    t.strictSame(config.targets.get("orders")?.levels.get("reader")?.credential, read, written);
  }
});

const engine = "vault: { address: https://vault.example.com:8200/, token: file:token }\n";

t.test("a secrets engine, and what refers to it", async (t) => {
  const config = await loadGood(
    t,
    shortest
      .replace("env:ORDERS_PASSWORD", "vault:secret/data/orders#password")
      .replace(
        "reader: {}",
        "reader: { credential: { user: r, password: exec:/bin/token  orders reader } }",
      ) + engine.replace(" }", ", ca: file:ca.crt, namespace: platform/data }"),
  );
  const folder = dirname(config.file);
  t.strictSame(config.vault, {
    address: "https://vault.example.com:8200",
    token: { from: "file", path: join(folder, "token") },
    ca: join(folder, "ca.crt"),
    namespace: "platform/data",
  });
  const target = config.targets.get("orders");
  t.strictSame(target?.credential.password, { from: "vault", path: "secret/data/orders", field: "password" });
  t.match(target?.levels.get("reader")?.credential, {
    password: { from: "exec", command: ["/bin/token", "orders", "reader"] },
  });
});

t.test("all that needs a secrets engine is told where there is none", async (t) => {
  const reference = "vault:secret/data/x#y";
  const text = `${shortest
    .replace("env:ORDERS_PASSWORD", reference)
    .replace("reader: {}", "reader: { credential: { vault: database/creds/orders } }")}approvals:
  webhooks: [{ name: pager, url: ${reference}, secret: ${reference} }]
  callbacks: [{ name: chatops, secret: ${reference}, provider: corp, groups: [dba] }]
`;
  const problems = await problemsOf(t, text);
  t.equal(problems.length, 5);
  for (const problem of problems) t.match(problem, /this needs a secrets engine/);
  await loadGood(t, text + engine);
});

t.test("in development a literal is no misspelt reference, and http is for loopback", async (t) => {
  const development = `development: true\n${shortest}`;
  for (const written of ["exec:bin/token", "vault:orders", "env:A-B"]) {
    t.match(await problemsOf(t, development.replace("env:ORDERS_PASSWORD", written)), [
      /expected (exec|vault|env):/,
    ]);
  }
  const local = engine.replace("https://vault.example.com:8200/", "http://127.0.0.1:8200");
  t.match((await loadGood(t, development + local)).vault, { address: "http://127.0.0.1:8200" });
  t.match(await problemsOf(t, development + engine.replace("https:", "http:")), [/for loopback alone/]);
});

t.test("a level whose sessions each have a user of their own", async (t) => {
  const level = (written: string) => shortest.replace("reader: {}", `reader: ${written}`);
  const credentialOf = async (written: string) =>
    (await loadGood(t, level(written) + engine)).targets.get("orders")?.levels.get("reader")?.credential;
  t.strictSame(await credentialOf("{ guild: operators }"), {
    mint: { ttl: 900_000, ready: 2, share: "session" },
  });
  t.strictSame(await credentialOf("{ guild: operators, ttl: 1h, ready: 0, share: identity }"), {
    mint: { ttl: 3_600_000, ready: 0, share: "identity" },
  });
  t.strictSame(await credentialOf("{ credential: { vault: database/creds/orders } }"), {
    vault: "database/creds/orders",
  });
  for (const [written, problem] of [
    ["{ ready: 3 }", /`ready` is for a level whose sessions each have a user/],
    ["{ guild: operators, ttl: 5s }", /expected a time from 1m to 1d/],
    ["{ guild: operators, ready: 101 }", /100/],
    ["{ guild: operators, credential: { user: u, password: env:P } }", /remove this, or what gives them one/],
    ["{ credential: { vault: /creds/../x } }", /expected a path of the secrets engine/],
    ["{ credential: { vault: database/creds/x, user: u } }", /`vault` stands alone/],
    ["{ credential: { user: u } }", /proves nothing/],
    ["{ credential: { password: env:P } }", /"user" is missing/],
  ] as const) {
    const problems = await problemsOf(t, level(written) + engine);
    t.match(problems, [problem], written);
    t.equal(problems.length, 1, written);
  }
  const without = level("{ guild: operators }").replace(/ {4}credential:.*\n/, "");
  t.match(await problemsOf(t, without), [/made by the target's own credential, and the target has none/]);
});

t.test("a target's TLS in each of its forms", async (t) => {
  for (const [written, read] of [
    ["off", { mode: "off" }],
    ["{ mode: off }", { mode: "off" }],
    ["{}", { mode: "verify-full" }],
    ["{ mode: verify-full, serverName: db }", { mode: "verify-full", serverName: "db" }],
    ["{ mode: verify-ca, ca: file:/db.crt }", { mode: "verify-ca", ca: "/db.crt" }],
  ] as const) {
    const config = await loadGood(t, shortest.replace("station:", `tls: ${written}\n    station:`));
    t.same(config.targets.get("orders")?.tls, read, written);
  }
});

t.test("an issuer is kept letter by letter, with the slash at its end", async (t) => {
  const config = await loadGood(t, shortest.replace("example.com", "EXAMPLE.com/realm/"));
  t.equal(config.identity.oidc[0]?.issuer, "https://idp.EXAMPLE.com/realm/");
});

t.test("development allows literal secrets, and http on loopback", async (t) => {
  const text = `development: true\n${shortest.replace("env:ORDERS_PASSWORD", "hunter2").replace("https://idp.example.com", "http://127.0.0.1:4000")}`;
  const config = await loadGood(t, text);
  const password = config.targets.get("orders")?.credential.password;
  t.equal(password?.from === "literal" && password.secret.reveal(), "hunter2");
  t.equal(config.identity.oidc[0]?.issuer, "http://127.0.0.1:4000");
  t.notMatch(JSON.stringify([...config.targets.values()].map(({ levels }) => [...levels])), "hunter2");
});

t.test("the digest changes with the text and with nothing else", async (t) => {
  const config = await loadGood(t, shortest);
  t.equal(config.digest, createHash("sha256").update(shortest).digest("hex").slice(0, 12));
  t.not((await loadGood(t, `${shortest}# one more line\n`)).digest, config.digest);
});

t.test("a name of every object's is no target unless it stands in the file", async (t) => {
  const config = await loadGood(t, shortest.replace("orders:", "constructor:"));
  t.same([...config.targets.keys()], ["constructor"]);
  t.equal(config.targets.get("__proto__"), undefined);
  t.equal(config.targets.get("toString"), undefined);
  t.equal(config.targets.get("constructor")?.levels.get("valueOf"), undefined);
});

t.test(
  "policy files are found by pattern, each once and sorted; hidden ones, tests and folders are not",
  async (t) => {
    const file = configFile(
      t,
      shortest.replace(
        "[file:policies/*.yaml]",
        "[file:policies/z*.yaml, file:policies/*s*.yaml, file:a.yaml]",
      ),
    );
    const folder = dirname(file);
    const names = ["zebras.yaml", ".#orders.yaml", "orders.test.yaml", ".ships.test.yaml", "other.yml"];
    for (const name of ["a.yaml", ...names.map((name) => `policies/${name}`)])
      writeFileSync(join(folder, name), "");
    mkdirSync(join(folder, "policies/ships.yaml"));
    symlinkSync(join(folder, "a.yaml"), join(folder, "policies/links.yaml"));
    const result = await loadConfig(file, protocols);
    t.same(result.ok && result.config.policyFiles.map((path) => relative(folder, path)), [
      "a.yaml",
      "policies/links.yaml",
      "policies/orders.yaml",
      "policies/zebras.yaml",
    ]);
    const tests = await findPolicyTests(result.ok ? result.config.policyFiles : []);
    t.same(
      tests.map((path) => relative(folder, path)),
      ["policies/orders.test.yaml"],
    );
    const named = tests.concat(join(folder, "a.yaml"));
    t.same(await findPolicyTests(named), [], "one that is named in full is a policy file");
  },
);

t.test("a file that can't be read is a problem that says what to do", async (t) => {
  const folder = t.testdir({ latin: Buffer.from([0x61, 0xe4]) });
  writeFileSync(join(folder, "large.yaml"), "#".repeat(5 * 1024 * 1024));
  for (const [name, message] of [
    ["missing.yaml", /there is no such file; name another, or write one/],
    [".", /not a file/],
    ["latin", /not UTF-8 text; save it as UTF-8/],
    ["large.yaml", /larger than 1 MiB/],
    ["latin/below", /can't be read \(ENOTDIR\); make it readable/],
  ] as const) {
    const file = join(folder, name);
    const result = await loadConfig(file, protocols);
    t.match(result, { ok: false, problems: [{ file, line: 1, column: 1, message }] }, name);
  }
});

t.test("an empty file misses what it needs", async (t) => {
  t.match(await load(t, ""), { ok: false, problems: [{ message: "expected a map of keys, found nothing" }] });
});

t.test("a folder of policies that can't be read is a problem", async (t) => {
  const file = configFile(t, shortest.replace("file:policies/*.yaml", "file:gatehouse.yaml/*.yaml"));
  t.match(await loadConfig(file, protocols), {
    ok: false,
    problems: [{ message: /can't be read \(ENOTDIR\)/ }],
  });
});

t.test("approvals are told of and answered as the file says, with the providers' issuers", async (t) => {
  const text = `${shortest}approvals:
  url: https://gatehouse.example.com/
  repeat: 1m
  perIdentity: 5
  pending: 50
  keep: 7d
  webhooks:
    - { name: slack, url: env:SLACK_URL, body: slack }
    - { name: pager, url: file:pager-url, secret: file:/keys/pager, events: [denied, break-glass], ca: file:/ca.crt }
  callbacks:
    - { name: chatops, secret: env:CHATOPS, provider: corp, groups: [dba] }
    - name: slack
      secret: env:SLACK_SIGNING
      form: slack
      people: { U024BE7LH: { subject: dana, provider: corp, groups: [dba, leads] } }
`;
  const config = await loadGood(t, text);
  const corp = { provider: "corp", issuer: "https://idp.example.com" };
  t.same(config.approvals, {
    url: "https://gatehouse.example.com",
    repeat: 60_000,
    perIdentity: 5,
    pending: 50,
    keep: 7 * 24 * 3_600_000,
    webhooks: [
      {
        name: "slack",
        url: { from: "env", name: "SLACK_URL" },
        plaintext: false,
        body: "slack",
        events: ["requested", "approved", "denied", "expired", "void", "break-glass"],
      },
      {
        name: "pager",
        url: { from: "file", path: join(dirname(config.file), "pager-url") },
        secret: { from: "file", path: "/keys/pager" },
        plaintext: false,
        body: "generic",
        events: ["denied", "break-glass"],
        ca: "/ca.crt",
      },
    ],
    callbacks: [
      {
        name: "chatops",
        secret: { from: "env", name: "CHATOPS" },
        form: "generic",
        groups: ["dba"],
        ...corp,
      },
      {
        name: "slack",
        secret: { from: "env", name: "SLACK_SIGNING" },
        form: "slack",
        people: new Map([["U024BE7LH", { subject: "dana", groups: ["dba", "leads"], ...corp }]]),
      },
    ],
  });
});

t.test("in development a webhook's URL may stand in the file, and may be http on loopback", async (t) => {
  const hook = (url: string) =>
    `development: true\n${shortest}approvals: { webhooks: [{ name: local, url: "${url}" }] }\n`;
  const config = await loadGood(t, hook("http://localhost:9000/hook"));
  t.match(config.approvals.webhooks, [{ plaintext: true, url: { from: "literal" } }]);
  t.notOk((await load(t, hook("http://hooks.example.com/hook"))).ok);
});
