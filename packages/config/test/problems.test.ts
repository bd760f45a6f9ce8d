import t from "tap";
import { loadConfig } from "../src/index.ts";
import { configFile, load, problemsOf, protocols, shortest } from "./made-up.ts";

const [start, ...middle] = shortest.split("\n");
if (start === undefined) throw new Error("the shortest file has lines");

const twoProviders =
  "audience: gatehouse\n    - { name: corp, issuer: https://b.example.com, audience: gatehouse }";

/** What is replaced in the shortest file, by what, and the problem that follows. */
const cases: readonly (readonly [string, string, string, RegExp])[] = [
  ["policies:", "polices:", "17:1", /^"polices" is not a key.*did you mean "policies"\?$/],
  ["policies: [file:policies/*.yaml]\n", "", "1:1", /^"policies" is missing \(expected a list\)/],
  ["[file:policies/*.yaml]", "[]", "17:1", /^expected file:PATH/],
  ["[file:policies/*.yaml]", "[policies/x.yaml]", "17:12", /^expected file:PATH, with `\*`/],
  ["file:policies/*.yaml", "file:*/x.yaml", "17:12", /^expected file:PATH, with `\*` in its last part alone/],
  ["file:policies/*.yaml", "file:policies/*.yml", "17:12", /^no file matches; name one that is there/],
  ["file:policies/*.yaml", "file:nowhere/x.yaml", "17:12", /^no file matches/],
  ["tls:", "development: 'yes'\ntls:", "1:14", /^expected a boolean$/],
  ["tls:", "state: state\ntls:", "1:8", /^expected file:PATH$/],
  ["tls:", "drain: 2h\ntls:", "1:8", /^expected a time from 0ms to 1h, such as 30s or 15m$/],
  ["tls:", "log: { level: warm }\ntls:", "1:15", /^expected one of .*"warn".*; did you mean "warn"\?$/],
  ["tls:", "audit: { durability: sync }\ntls:", "1:22", /^expected one of "written", "synced"/],
  ["tls:", "audit: { durabilty: synced }\ntls:", "1:10", /did you mean "durability"/],
  ["tls:", "limits: { connections: 0 }\ntls:", "1:24", /^too small: expected number to be >=1/],
  ["tls:", "limits: { connections: many }\ntls:", "1:24", /^expected a number$/],
  ["tls:", "limits: { startup: 10 }\ntls:", "1:20", /^expected a string$/],
  ["tls:", "limits: { startup: 1h }\ntls:", "1:20", /^expected a time from 1s to 5m/],
  ["tls:", "limits: { message: 2GiB }\ntls:", "1:20", /^expected a size from 128KiB to 1GiB/],
  ["tls:", "limits: { statement: 2MiB }\ntls:", "1:22", /^expected a size from 1KiB to 1MiB/],
  ["tls:", "limits: { statment: 1KiB }\ntls:", "1:11", /did you mean "statement"/],
  ["tls:", "detectors: { custom.badge: '(' }\ntls:", "1:28", /^not a pattern .* read: missing closing \)$/],
  ["tls:", "detectors: { custom.badge: 'x*' }\ntls:", "1:28", /^the pattern matches the empty text/],
  ["tls:", "detectors: { badge: x }\ntls:", "1:14", /^expected a name such as custom\.badge/],
  ["tls:", "detectors: { pii.email: x }\ntls:", "1:14", /^a detector of this name comes with Gatehouse$/],
  ["tls:", "detectors: { __proto__: x }\ntls:", "1:14", /^expected a name: a letter/],
  ["tls:", "detectors: [x]\ntls:", "1:1", /^expected a map of keys, found a list$/],
  ["cert: file:certs/gateway.crt, ", "", "1:1", /^"cert" is missing/],
  ["key: file:", "key: ", "1:43", /^expected file:PATH$/],
  [`${start}\n`, "", "2:3", /^this listener has no certificate: write `tls:/],
  ["telegraph: {", "telegrap: {", "3:3", /^"telegrap" is not a key.*did you mean "telegraph"\?$/],
  ["tls:", "limits: { keepalive: 2h }\ntls:", "1:22", /^expected a time from 1s to 1h/],
  ["tls:", "sessions: { until: expired }\ntls:", "1:20", /^expected one of "close".*mean "expiry"\?$/],
  ["tls:", "sessions: { length: 31d }\ntls:", "1:21", /^expected a time from 1m to 30d/],
  ["tls:", "sessions: { length: off }\ntls:", "1:21", /^expected a time from 1m to 30d/],
  ["tls:", "sessions: { idle: never }\ntls:", "1:19", /^expected off, or a time from 1s to 30d/],
  ["tls:", "sessions: { idleInTransaction: 1ms }\ntls:", "1:32", /^expected off, or a time from 1s/],
  ["tls:", "sessions: { idleInTransacton: 1h }\ntls:", "1:13", /did you mean "idleInTransaction"/],
  ["tls:", "sessions: { perIdentity: 0 }\ntls:", "1:26", /^too small: expected number to be >=1/],
  ["tls:", "approvals: { url: 'http://x.example.com' }\ntls:", "1:19", /^expected an https:\/\/ URL; http/],
  ["tls:", "approvals: { url: 'https://x.example.com/?a' }\ntls:", "1:19", /^this URL has no query/],
  ["tls:", "approvals: { repeat: 1s }\ntls:", "1:22", /^expected off, or a time from 10s to 1h/],
  ["tls:", "approvals: { pending: 0 }\ntls:", "1:23", /^too small: expected number to be >=1/],
  ["tls:", "approvals: { perIdentiy: 3 }\ntls:", "1:14", /did you mean "perIdentity"/],
  ["tls:", "approvals: { keep: 1m }\ntls:", "1:20", /^expected a time from 1h to 3650d/],
  [
    "tls:",
    "approvals: { webhooks: [{ name: a, url: 'https://h.example.com' }] }\ntls:",
    "1:41",
    /^expected a reference to a secret/,
  ],
  ["tls:", "approvals: { webhooks: [{ name: a }] }\ntls:", "1:25", /^"url" is missing/],
  ["tls:", "approvals: { webhooks: [{ name: a, url: env:A, urll: 1 }] }\ntls:", "1:48", /did you mean "url"/],
  ["tls:", "approvals: { webhooks: [{ name: a, url: env:A, body: slck }] }\ntls:", "1:54", /mean "slack"/],
  [
    "tls:",
    "approvals: { webhooks: [{ name: a, url: env:A, events: [] }] }\ntls:",
    "1:48",
    /^expected at least/,
  ],
  [
    "tls:",
    "approvals: { webhooks: [{ name: a, url: env:A, events: [aproved] }] }\ntls:",
    "1:57",
    /did you mean "approved"/,
  ],
  [
    "tls:",
    "approvals: { webhooks: [{ name: a, url: env:A }, { name: a, url: env:B }] }\ntls:",
    "1:58",
    /^another webhook has this name/,
  ],
  [
    "tls:",
    "approvals: { callbacks: [{ name: a, secret: env:A, provider: corp }] }\ntls:",
    "1:26",
    /^"groups" is missing: `form: generic` needs it/,
  ],
  [
    "tls:",
    "approvals: { callbacks: [{ name: a, secret: env:A, form: slack }] }\ntls:",
    "1:26",
    /^"people" is missing: `form: slack` needs it/,
  ],
  [
    "tls:",
    "approvals: { callbacks: [{ name: a, secret: env:A, form: slack, people: {}, groups: [dba] }] }\ntls:",
    "1:77",
    /^"groups" is for `form: generic` alone/,
  ],
  [
    "tls:",
    "approvals: { callbacks: [{ name: a, secret: env:A, provider: crop, groups: [dba] }] }\ntls:",
    "1:62",
    /^no provider under `identity\.oidc` has this name$/,
  ],
  [
    "tls:",
    "approvals: { callbacks: [{ name: a, secret: env:A, provider: corp, groups: [] }] }\ntls:",
    "1:68",
    /^expected at least one group$/,
  ],
  [
    "tls:",
    "approvals: { callbacks: [{ name: a, secret: env:A, provider: corp, groups: [x] }, { name: b, secret: env:A, provider: corp, groups: [y] }] }\ntls:",
    "1:102",
    /^another callback has this secret/,
  ],
  [
    "tls:",
    "approvals: { callbacks: [{ name: a, secret: env:A, form: slack, people: { dana: {} } }] }\ntls:",
    "1:75",
    /^expected a member ID of Slack's/,
  ],
  [
    "tls:",
    "approvals: { callbacks: [{ name: a, secret: env:A, form: slack, people: { U1234: { subject: d, provider: x, groups: [y] } } }] }\ntls:",
    "1:106",
    /^no provider under/,
  ],
  [
    "tls:",
    "approvals: { callbacks: [{ name: a, secret: env:A, form: slack, people: { __proto__: x } }] }\ntls:",
    "1:75",
    /^expected a name: a letter/,
  ],
  ["127.0.0.1:15432", "127.0.0.1", "3:25", /^expected host:port, or unix:\/PATH/],
  ["127.0.0.1:15432", "127.0.0.1:65536", "3:25", /^expected host:port, or unix:\/PATH/],
  ["127.0.0.1:15432", "unix:run/x", "3:25", /^expected host:port, or unix:\/PATH/],
  ["127.0.0.1:15432", `unix:/${"x".repeat(103)}`, "3:25", /^expected .* of at most 103 characters/],
  ["127.0.0.1:15432", "[]", "3:16", /^expected at least one$/],
  ["127.0.0.1:15432", "{ a: b }", "3:16", /^expected a string or a list, found a map of keys$/],
  ["127.0.0.1:15432", "[127.0.0.1:1, x]", "3:39", /^expected host:port, or unix:\/PATH/],
  ["127.0.0.1:15432", "[127.0.0.1:1, 127.0.0.1:1]", "3:39", /^another listener has this address/],
  ["127.0.0.1:15432", "unix:/x", "3:25", /^clients speak no TLS over a Unix socket: write `tls: off`/],
  ["15432 }", "15432, tls: off }", "3:25", /^`tls: off` is for Unix sockets alone/],
  ["127.0.0.1:15432 }", "[unix:/x, 127.0.0.1:1], tls: off }", "3:35", /^`tls: off` is for Unix sockets/],
  ["15432 }", "15432, tls: none }", "3:47", /^expected a map of keys or "off"$/],
  ["15432 }", "15432, tls: { cert: file:x } }", "3:42", /^"key" is missing/],
  ["{ address: 127.0.0.1:15432 }", "[{ address: '[::1]:1' }, { adress: 'x:1' }]", "3:41", /mean "address"/],
  ["{ address: 127.0.0.1:15432 }", "[]", "3:3", /^expected at least one$/],
  ["15432 }", "15432 }\n  control: { address: unix:/x }", "4:23", /^expected host:port$/],
  ["15432 }", "15432 }\n  control: { tls: off }", "4:19", /^expected a map of keys$/],
  ["{ address: 127.0.0.1:15432 }", "{}", "3:3", /^"address" is missing \(expected a string or a list\)/],
  [
    "15432 }",
    "15432 }\n  control: { address: 127.0.0.1:15432 }",
    "4:23",
    /^another listener has this address/,
  ],
  ["- name: corp\n      issuer", "- issuer", "6:7", /^"name" is missing/],
  ["name: corp", "name: 1corp", "6:13", /^expected a name: a letter/],
  ["audience: gatehouse", twoProviders, "9:15", /^another provider has this name/],
  ["audience: gatehouse", "audience: ''", "8:17", /^expected the `aud`/],
  [
    "audience: gatehouse",
    "audience: a\n      algorithms: [HS256]",
    "9:20",
    /^expected one of "RS256".*did you mean "RS256"/,
  ],
  ["audience: gatehouse", "audience: a\n      algorithms: []", "9:7", /^expected at least one algorithm$/],
  ["audience: gatehouse", "audience: a\n      clockSkew: 6m", "9:18", /^expected a time from 0ms to 5m/],
  ["audience: gatehouse", "audience: a\n      claims: { group: x }", "9:17", /did you mean "groups"/],
  [
    "audience: gatehouse",
    "audience: a\n      claims: { groups: a..b }",
    "9:25",
    /^expected the name of a claim/,
  ],
  ["https://idp", "http://idp", "7:15", /^expected an https:\/\/ URL; http:\/\/ is for loopback alone$/],
  [
    "https://idp.example.com",
    "http://localhost:1",
    "7:15",
    /http:\/\/ on loopback needs `development: true`/,
  ],
  ["https://idp.example.com", "idp.example.com", "7:15", /^expected an https:\/\/ URL$/],
  ["https://idp.example.com", "https://u:p@idp.example.com", "7:15", /^this URL holds no user name/],
  ["https://idp.example.com", "https://idp.example.com/?a", "7:15", /^this URL has no query/],
  ["  orders:", "  or ders:", "10:3", /^expected a name: a letter/],
  ["  orders:", "  __proto__:", "10:3", /^expected a name: a letter/],
  ["      reader:", "      __proto__:", "16:7", /^expected a name: a letter/],
  ["tls:", "__proto__: {}\ntls:", "1:1", /^"__proto__" is not a key/],
  ["protocol: telegraph", "protocol: telegrph", "11:15", /^expected one of .*; did you mean "telegraph"\?$/],
  [
    "    protocol: telegraph\n",
    "",
    "10:3",
    /^"protocol" is missing \(expected one of "telegraph", "semaphore", "courier"\)/,
  ],
  ["db.internal:5432", "db.internal", "12:14", /^expected host:port, or unix:\/PATH/],
  ["db.internal:5432", "[db:1, db]", "12:21", /^expected host:port, or unix:\/PATH/],
  ["db.internal:5432", "[]", "12:5", /^expected at least one$/],
  ["db.internal:5432", "unix:/x", "12:14", /^there is no TLS over a Unix socket: write `tls: off`/],
  ["db.internal:5432", "[db:1, unix:/x]", "12:21", /^there is no TLS over a Unix socket/],
  ["station: paddington", "statoin: paddington", "13:5", /^"statoin" is not a key.*did you mean "station"/],
  ["    station: paddington\n", "", "10:3", /^"station" is missing/],
  ["station: paddington", "station: 5", "13:14", /^expected a string$/],
  ["station: paddington", "station: x\n    flags: red", "14:5", /^"flags" is not a key/],
  ["station:", "connectTimeout: 1ms\n    station:", "13:21", /^expected a time from 100ms to 5m/],
  ["station:", "tls: { mode: verify-ca }\n    station:", "13:5", /^"ca" is missing: `verify-ca` needs/],
  [
    "station:",
    "tls: { mode: verify-ca, ca: file:x, serverName: y }\n    station:",
    "13:53",
    /^`verify-ca` checks no name/,
  ],
  ["station:", "tls: { mode: off, ca: file:x }\n    station:", "13:27", /^`off` checks nothing/],
  ["station:", "tls: { mode: off, serverName: x }\n    station:", "13:35", /^`off` checks nothing/],
  [
    "station:",
    "tls: { mode: verify }\n    station:",
    "13:18",
    /^expected one of "verify-full", "verify-ca", "off"/,
  ],
  ["station:", "tls: none\n    station:", "13:10", /^expected "off" or a map of keys$/],
  ["station:", "tls: { serverName: 'a b' }\n    station:", "13:24", /^expected a host name$/],
  ["env:ORDERS_PASSWORD", "hunter2", "14:46", /^expected a reference to a secret.*found a literal$/],
  ["env:ORDERS_PASSWORD", "12345", "14:46", /^expected a string$/],
  ["env:ORDERS_PASSWORD", "env:A-B", "14:46", /^expected env:NAME: the name of an environment variable/],
  ["env:ORDERS_PASSWORD", "ENV:HUNTER2", "14:46", /^expected env:NAME: /],
  [
    "env:ORDERS_PASSWORD",
    "exec:bin/token hunter2",
    "14:46",
    /^expected exec:\/PATH ARGUMENT \.\.\.: .*absolute/,
  ],
  ["env:ORDERS_PASSWORD", '"exec:/bin/token\\0 x"', "14:46", /^expected exec:\/PATH/],
  [
    "env:ORDERS_PASSWORD",
    "vault:secret/orders#password",
    "14:46",
    /^expected vault:.*: `data` stands behind/,
  ],
  ["env:ORDERS_PASSWORD", "vault:secret/data/orders", "14:46", /the field behind #/],
  ["env:ORDERS_PASSWORD", "vault:secret/data/../../sys/mounts#x", "14:46", /^expected vault:/],
  ["env:ORDERS_PASSWORD", "vault:secret/data/..#x", "14:46", /^expected vault:/],
  ["env:ORDERS_PASSWORD", "vault:secret/data/a b#x", "14:46", /^expected vault:/],
  [
    "env:ORDERS_PASSWORD",
    "vault:secret/data/orders#password",
    "14:46",
    /^this needs a secrets engine, and the file has none: write `vault: /,
  ],
  ["policies:", "vault: { token: env:T }\npolicies:", "17:1", /^"address" is missing/],
  ["policies:", "vault: { address: https://v }\npolicies:", "17:1", /^"token" is missing/],
  ["policies:", "vault: { address: https://v, tokn: env:T }\npolicies:", "17:30", /did you mean "token"/],
  [
    "policies:",
    "vault: { address: vault:8200, token: env:T }\npolicies:",
    "17:19",
    /^expected an https:\/\/ URL$/,
  ],
  [
    "policies:",
    "vault: { address: http://127.0.0.1:8200, token: env:T }\npolicies:",
    "17:19",
    /^expected an https:\/\/ URL \(http:\/\/ on loopback needs `development: true`\)/,
  ],
  ["policies:", "vault: { address: https://v?x=1, token: env:T }\npolicies:", "17:19", /no query/],
  [
    "policies:",
    "vault: { address: https://v, token: hunter2 }\npolicies:",
    "17:37",
    /^expected a reference to a secret, env:NAME, file:PATH or exec:\/PATH ARGUMENT \.\.\. \(literals/,
  ],
  [
    "policies:",
    "vault: { address: https://v, token: vault:secret/data/t#t }\npolicies:",
    "17:37",
    /^expected a reference to a secret/,
  ],
  [
    "policies:",
    "vault: { address: https://v, token: env:T, namespace: a b }\npolicies:",
    "17:55",
    /^expected a namespace/,
  ],
  ["user: gatehouse", 'user: "a\\0b"', "14:25", /^expected a user's name/],
  [", password: env:ORDERS_PASSWORD", "", "14:5", /^this credential proves nothing: write `password:/],
  ["password: env:ORDERS_PASSWORD", "certificate: { cert: file:x }", "14:36", /^"key" is missing/],
  ["env:ORDERS_PASSWORD", "env:P, certificate: { crt: file:x }", "14:68", /did you mean "cert"/],
  [
    "password: env:ORDERS_PASSWORD }",
    "certificate: { cert: file:x, key: file:y } }\n    tls: off",
    "14:36",
    /^a certificate is shown in TLS, which `tls: off` turns off/,
  ],
  [
    "reader: {}",
    "reader: { credential: { user: u, certificate: { cert: file:x, key: file:y } } }\n    tls: { mode: off }",
    "16:40",
    /^a certificate is shown in TLS/,
  ],
  ["station:", "tags: { pii: [customers.email] }\n    station:", "13:19", /^expected schema\.table\.column/],
  ["station:", "tags: { pii: [] }\n    station:", "13:13", /^expected at least one column$/],
  ["station:", "tags: { PII: [a.b.c] }\n    station:", "13:13", /^expected a tag: words of a-z/],
  ["password:", "pasword:", "14:36", /did you mean "password"/],
  [
    "    credential: { user: gatehouse, password: env:ORDERS_PASSWORD }\n",
    "",
    "15:7",
    /^this level has no credential/,
  ],
  ["reader: {}", "reader: { credentail: {} }", "16:17", /did you mean "credential"/],
  ["reader: {}", "reader: { urgent: 'yes' }", "16:25", /^expected a boolean$/],
  ["reader: {}", "reader: { urgnt: true }", "16:17", /^"urgnt" is not a key.*did you mean "urgent"/],
  ["reader: {}", "9lives: {}", "16:7", /^expected a name: a letter/],
  ["reader: {}", "reader:", "16:14", /^expected a map of keys, found nothing$/],
  ["levels:\n      reader: {}", "levels: {}", "15:5", /^expected at least one level$/],
  ["    levels:\n      reader: {}\n", "", "10:3", /^"levels" is missing/],
  ["policies:", "tls: {}\npolicies:", "17:1", /^Map keys must be unique$/],
  [
    "station: paddington",
    "station: !paddington x",
    "13:14",
    /^this is no YAML; a value that holds or begins with/,
  ],
  ["station: paddington", "\tstation: paddington", "13:5", /^Tabs are not allowed as indentation$/],
];

for (const [from, to, place, message] of cases) {
  t.test(`${JSON.stringify(from)} -> ${JSON.stringify(to)}: ${place}`, async (t) => {
    t.ok(shortest.includes(from), "the shortest file has the text to replace");
    const problems = await problemsOf(
      t,
      shortest.replace(from, () => to),
    );
    const found = problems.find((problem) => message.test(problem.slice(problem.indexOf(" ") + 1)));
    t.ok(found?.startsWith(`${place} `), problems.join("\n"));
  });
}

t.test(
  "problems of the common part, of a protocol's part and across parts come together, by line",
  async (t) => {
    const text = ["drain: soon", ...middle]
      .join("\n")
      .replace("https://", "http://")
      .replace("station: paddington", "wires: 0")
      .replace("file:policies/*.yaml", "file:none/*.yaml");
    const problems = await problemsOf(t, text);
    t.same(
      problems.map((problem) => problem.split(":")[0]),
      ["1", "3", "7", "10", "13", "17"],
    );
  },
);

t.test("an unknown protocol is one problem: its keys are not judged", async (t) => {
  const text = shortest
    .replace("protocol: telegraph", "protocol: telegraf")
    .replace("station: paddington", "wires: 3");
  for (const known of [protocols, protocols.slice(0, 1)]) {
    const result = await loadConfig(configFile(t, text), known);
    t.equal(!result.ok && result.problems.length, 1);
  }
});

t.test("the control plane's default address counts as an address", async (t) => {
  const text = shortest.replace("127.0.0.1:15432 }", "127.0.0.1:8444 }\n  control: {}");
  t.same(await problemsOf(t, text), ["4:3 another listener has this address; give each its own"]);
});

t.test("two listeners on port 0 are two free ports", async (t) => {
  const text = shortest.replace(
    "{ address: 127.0.0.1:15432 }",
    "{ address: 127.0.0.1:0 }\n  semaphore: { address: 127.0.0.1:0 }",
  );
  t.same(await problemsOf(t, text), []);
});

t.test("development allows http on loopback alone", async (t) => {
  for (const [url, ok] of [
    ["http://localhost:4000", true],
    ["http://[::1]:4000", true],
    ["http://127.0.0.2", true],
    ["http://idp.example.com", false],
    ["http://127.0.0.1.example.com", false],
    ["http://localhost@idp.example.com", false],
    ["ftp://localhost", false],
  ] as const) {
    const text = `development: true\n${shortest.replace("https://idp.example.com", url)}`;
    t.equal((await load(t, text)).ok, ok, url);
  }
});

t.test("a file of nothing but mistakes gives a hundred problems", async (t) => {
  const text = Array.from({ length: 200 }, (_, index) => `key${index}: {}`).join("\n");
  t.equal((await problemsOf(t, text)).length, 100);
});
