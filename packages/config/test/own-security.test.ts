import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseYaml } from "@gatehouse/documents";
import { Ajv2020 } from "ajv/dist/2020.js";
import t from "tap";
import { checkSecrets, configJsonSchema, loadConfig } from "../src/index.ts";
import { configFile, loadGood, problemsOf, protocols, shortest } from "./made-up.ts";

/** A gateway that has no certificate, since its one protocol needs none. */
const sealed = shortest
  .replace(/^tls:.*\n/, "")
  .replace("telegraph: { address: 127.0.0.1:15432 }", "courier: { address: 127.0.0.1:2222, seal: file:seal }")
  .replace("protocol: telegraph", "protocol: courier")
  .replace(/ {4}station:.*\n/, "")
  .replace("user: gatehouse, password: env:ORDERS_PASSWORD", "key: file:keys/orders");

const validate = new Ajv2020({ allErrors: true, strictTypes: false }).compile(configJsonSchema(protocols));

function fits(text: string): boolean {
  const parsed = parseYaml(text, "gatehouse.yaml");
  return parsed.ok && validate(parsed.document.value);
}

t.test(
  "a protocol that protects its connections itself needs no certificate, on sockets neither",
  async (t) => {
    const text = sealed.replace("127.0.0.1:2222", '["127.0.0.1:2222", "unix:/run/courier"]');
    const config = await loadGood(t, text);
    const folder = dirname(config.file);
    t.same(config.listeners.get("courier"), [
      {
        addresses: [{ host: "127.0.0.1", port: 2222 }, { socket: "/run/courier" }],
        tls: "own",
        settings: { seal: join(folder, "seal"), horses: 2 },
      },
    ]);
    t.same(config.targets.get("orders")?.tls, { mode: "own" });
    t.ok(fits(text), JSON.stringify(validate.errors));
    await loadGood(t, text.replace("db.internal:5432", "unix:/run/orders"));
  },
);

t.test("a common certificate is for the listeners that need one", async (t) => {
  const common = "tls: { cert: file:/x.crt, key: file:/x.key }\n";
  const config = await loadGood(t, common + sealed.replace("seal }", "seal }\n  control: {}"));
  t.equal(config.listeners.get("courier")?.[0]?.tls, "own");
  t.same(config.control?.tls, { cert: "/x.crt", key: "/x.key" });
});

t.test("each listener of a list has its own settings", async (t) => {
  const list = "[{ address: 'a:1', seal: file:/a }, { address: 'b:1', seal: file:/b, horses: 4 }]";
  const config = await loadGood(t, sealed.replace("{ address: 127.0.0.1:2222, seal: file:seal }", list));
  t.same(
    config.listeners.get("courier")?.map(({ settings }) => settings),
    [
      { seal: "/a", horses: 2 },
      { seal: "/b", horses: 4 },
    ],
  );
});

t.test("the level says who its sessions are, by its name or by its settings", async (t) => {
  const text = sealed.replace(
    "reader: {}",
    "reader: {}\n      writer: { rider: ned, credential: { authority: file:ca, password: env:P } }",
  );
  const config = await loadGood(t, text);
  const folder = dirname(config.file);
  const key = { from: "file", path: join(folder, "keys/orders") };
  const target = config.targets.get("orders");
  t.strictSame(target?.levels.get("reader")?.credential, { key, user: "reader" });
  t.strictSame(target?.levels.get("writer")?.credential, {
    user: "ned",
    password: { from: "env", name: "P" },
    authority: { from: "file", path: join(folder, "ca") },
  });
  t.strictSame(target?.credential, { key, user: "reader" }, "the gateway goes as the first level does");
  t.ok(fits(text), JSON.stringify(validate.errors));
});

/** What is replaced in the file above, by what, the problem that follows, and whether an editor can see it. */
const cases: readonly (readonly [string, string, RegExp, "alone"?])[] = [
  ["seal }", "seal, tls: off }", /^courier protects its connections itself, without TLS: remove this$/],
  ["seal }", "seal, tls: { cert: file:x, key: file:y } }", /^courier protects its connections itself/],
  ["seal }", "seal, horses: 0 }", /^too small: expected number to be >=1/],
  ["seal }", "seal, horse: 1 }", /^"horse" is not a key .*did you mean "horses"/],
  [", seal: file:seal", "", /^"seal" is missing/],
  ["file:seal", "seal", /^expected file:PATH$/],
  ["    credential:", "    tls: off\n    credential:", /^courier protects its connections itself/],
  [
    "key: file:keys/orders",
    "key: file:x, user: ned",
    /^at courier targets, each level says who its sessions are/,
  ],
  ["key: file:keys/orders", "key: hunter2", /^expected a reference to a secret/],
  ["key: file:keys/orders", "key: env:A, authority: env:B", /^`authority` certifies a key of its own/],
  [
    "key: file:keys/orders",
    "certificate: { cert: file:x, key: file:y }",
    /^courier targets take `password`, `key` or `authority`: remove this$/,
  ],
  [
    "{ key: file:keys/orders }",
    "{}",
    /^this credential proves nothing: write `password: env:NAME`, `key: file:PATH` or `authority: file:PATH`$/,
  ],
  ["reader: {}", "reader: { credential: { user: ned, key: env:A } }", /^at courier targets, each level says/],
  ["reader: {}", "reader: { credential: {} }", /^this credential proves nothing/],
  [
    "reader: {}",
    "reader: { credential: { vault: ssh/creds/x } }\nvault: { address: https://v, token: env:T }",
    /^what the engine issues has a user of its own/,
  ],
  ["reader: {}", "reader: { ttl: 1h }", /^`ttl` is for a level whose sessions each have a user/, "alone"],
  [
    "    credential: { key: file:keys/orders }\n",
    "",
    /^this level has no credential: write `credential: { password: env:NAME }` here/,
    "alone",
  ],
  ["file:keys/orders", "vault:secret/data/x#y", /^this needs a secrets engine/, "alone"],
  ["key: file:keys/orders", "authority: vault:secret/data/x#y", /^this needs a secrets engine/, "alone"],
  [
    "  oidc:",
    "  ssh: { authority: file:keys/orders }\n  oidc:",
    /^`identity\.ssh` has this authority, whose certificates are in people's hands/,
    "alone",
  ],
];

for (const [from, to, message, alone] of cases) {
  t.test(`${JSON.stringify(from)} -> ${JSON.stringify(to)}`, async (t) => {
    const base = to.includes("ssh:") ? sealed.replace("key: file", "authority: file") : sealed;
    t.ok(base.includes(from));
    const text = base.replace(from, () => to);
    const problems = (await problemsOf(t, text)).map((problem) => problem.slice(problem.indexOf(" ") + 1));
    t.match(problems, [message]);
    t.equal(problems.length, 1, problems.join("\n"));
    t.equal(fits(text), alone !== undefined);
  });
}

t.test("what one protocol's targets take, another's do not", async (t) => {
  const key = shortest.replace("password: env:ORDERS_PASSWORD", "key: file:x");
  t.match(await problemsOf(t, key), [
    /^14:36 telegraph targets take `password` or `certificate`: remove this$/,
  ]);
  t.notOk(fits(key));
});

t.test("an editor is proposed what may stand there, and nothing else", async (t) => {
  const schema = JSON.stringify(configJsonSchema(protocols));
  t.match(schema, '"horses"');
  t.notMatch(schema, '"not":{}');
});

t.test("keys and authorities are looked at, and what is none is told by its name alone", async (t) => {
  const file = configFile(
    t,
    sealed.replace("reader: {}", "reader: {}\n      writer: { credential: { authority: file:ca } }"),
  );
  writeFileSync(join(dirname(file), "ca"), "hunter2");
  const result = await loadConfig(file, protocols);
  const problems = result.ok ? await checkSecrets(result.config) : [];
  t.match(problems, [
    { of: "target orders, level reader", message: /orders does not exist/ },
    { of: "target orders, level writer", message: /^The key in .*ca can't be used/ },
  ]);
  t.equal(problems.length, 2);
  t.notMatch(JSON.stringify(problems), "hunter2");
});
