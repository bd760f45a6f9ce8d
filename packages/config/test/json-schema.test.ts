import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseYaml } from "@gatehouse/documents";
import { Ajv2020 } from "ajv/dist/2020.js";
import t from "tap";
import { configJsonSchema, writeConfigSchema } from "../src/index.ts";
import { problemsOf, protocols, shortest } from "./made-up.ts";

const schema = configJsonSchema(protocols);
const validate = new Ajv2020({ allErrors: true, strictTypes: false }).compile(schema);

function fits(text: string): boolean {
  const parsed = parseYaml(text, "gatehouse.yaml");
  return parsed.ok && validate(parsed.document.value);
}

t.test("the schema says which draft it is of", async (t) => {
  t.equal(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
});

const good: readonly (readonly [string, string])[] = [
  ["drain", "drain"],
  ["station:", "tls: off\n    station:"],
  ["station:", "tls: { mode: verify-ca, ca: file:x }\n    station:"],
  ["protocol: telegraph", "protocol: telegraph\n    wires: 3"],
  ["15432 }", "15432 }\n  control: {}"],
  ["tls:", "development: false\ntls:"],
  ["tls:", "detectors: { custom.badge: 'B-[0-9]+' }\ntls:"],
  ["tls:", "sessions: { until: expiry, length: 8h, idle: off, idleInTransaction: 5m, perIdentity: 3 }\ntls:"],
  ["127.0.0.1:15432", "[127.0.0.1:15432, '[::1]:15432']"],
  ["127.0.0.1:15432", "unix:/run/x, tls: off"],
  ["{ address: 127.0.0.1:15432 }", "[{ address: db:1 }, { address: unix:/run/x, tls: off }]"],
  ["db.internal:5432", "[db-1:5432, db-2:5432]"],
  ["password: env:ORDERS_PASSWORD", "certificate: { cert: file:x, key: file:y }"],
  [
    "tls:",
    "approvals: { url: https://x.example.com, repeat: 30s, webhooks: [{ name: a, url: env:A, secret: file:x, body: slack, events: [void] }] }\ntls:",
  ],
  ["tls:", "approvals: { callbacks: [{ name: a, secret: env:A, provider: corp, groups: [dba] }] }\ntls:"],
  [
    "tls:",
    "approvals: { callbacks: [{ name: a, secret: env:A, form: slack, people: { U1234: { subject: d, provider: corp, groups: [dba] } } }] }\ntls:",
  ],
  ["reader: {}", "reader: { urgent: true }"],
];

for (const [from, to] of good) {
  t.test(`fits the schema and loads: ${JSON.stringify(to)}`, async (t) => {
    const text = shortest.replace(from, to);
    t.same(await problemsOf(t, text), []);
    t.ok(fits(text), JSON.stringify(validate.errors));
  });
}

t.test("development's literals and http issuers fit, and only then", async (t) => {
  for (const text of [
    shortest.replace("env:ORDERS_PASSWORD", "hunter2"),
    shortest.replace("reader: {}", "reader: { credential: { user: u, password: hunter2 } }"),
    shortest.replace("https://idp.example.com", "http://localhost:4000"),
    shortest.replace("tls:", "approvals: { url: http://localhost:1 }\ntls:"),
    shortest.replace("tls:", "approvals: { webhooks: [{ name: a, url: https://x.example.com }] }\ntls:"),
  ]) {
    t.notOk(fits(text));
    t.ok(fits(`development: true\n${text}`), JSON.stringify(validate.errors));
  }
});

const bad: readonly (readonly [string, string])[] = [
  ["policies:", "polices:"],
  ["telegraph: {", "telegrap: {"],
  ["127.0.0.1:15432", "127.0.0.1"],
  ["protocol: telegraph", "protocol: telegrph"],
  ["    protocol: telegraph\n", ""],
  ["station: paddington", "statoin: paddington"],
  ["    station: paddington\n", ""],
  ["protocol: telegraph", "protocol: semaphore"],
  ["station: paddington", "station: x\n    flags: red"],
  ["station:", "tls: none\n    station:"],
  ["station:", "tls: { mode: verify }\n    station:"],
  ["  orders:", "  or ders:"],
  ["audience: gatehouse", "audience: a\n      algorithms: [HS256]"],
  ["tls:", "log: { level: loud }\ntls:"],
  ["tls:", "limits: { connections: 0 }\ntls:"],
  ["tls:", "sessions: { until: later }\ntls:"],
  ["tls:", "sessions: { idle: never }\ntls:"],
  ["tls:", "detectors: { Badge: x }\ntls:"],
  ["127.0.0.1:15432", "[]"],
  ["127.0.0.1:15432", "unix:x, tls: off"],
  ["15432 }", "15432, tls: none }"],
  ["15432 }", "15432 }\n  control: { address: unix:/x }"],
  [", password: env:ORDERS_PASSWORD", ""],
  ["reader: {}", "reader: { urgent: 1 }"],
  ["[file:policies/*.yaml]", "[policies/x.yaml]"],
  ["password:", "pasword:"],
  ["tls:", "approvals: { webhooks: [{ name: a }] }\ntls:"],
  ["tls:", "approvals: { callbacks: [{ name: a, secret: env:A, provider: corp }] }\ntls:"],
  ["tls:", "approvals: { callbacks: [{ name: a, secret: env:A, form: slack }] }\ntls:"],
  [
    "tls:",
    "approvals: { callbacks: [{ name: a, secret: env:A, provider: corp, groups: [g], people: {} }] }\ntls:",
  ],
];

for (const [from, to] of bad) {
  t.test(`neither fits the schema nor loads: ${JSON.stringify(to)}`, async (t) => {
    const text = shortest.replace(from, to);
    t.not((await problemsOf(t, text)).length, 0);
    t.notOk(fits(text));
  });
}

t.test("the written schema is the schema, with a newline at its end", async (t) => {
  const path = join(t.testdir(), "gatehouse.schema.json");
  await writeConfigSchema(path, protocols);
  const text = readFileSync(path, "utf8");
  t.match(text, /\}\n$/);
  t.same(JSON.parse(text), JSON.parse(JSON.stringify(configJsonSchema(protocols))));
});
