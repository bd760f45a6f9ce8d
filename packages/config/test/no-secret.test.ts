import { formatProblem } from "@gatehouse/documents";
import t, { type Test } from "tap";
import { load, shortest } from "./made-up.ts";

async function shown(t: Test, text: string): Promise<string> {
  const result = await load(t, text);
  return result.ok ? "" : result.problems.map(formatProblem).join("\n");
}

const certificate = "certificate: { cert: file:c.crt, key: file:c.key }";

const full = `${shortest.replace("reader: {}", `reader: { urgent: true, credential: { user: u, ${certificate} } }`)}drain: 30s
limits: { connections: 1, message: 1MiB }
sessions: { until: close, length: 8h, idle: off, perIdentity: 3 }
log: { level: info }
audit: { durability: written }
detectors: { custom.badge: B-123456 }
state: file:state
approvals:
  url: https://x
  webhooks: [{ name: a, url: env:A, secret: env:B, body: slack, events: [void] }]
  callbacks: [{ name: a, secret: env:C, form: slack, people: { U123: { subject: s, provider: corp, groups: [g] } } }]
`;

/** Every place of the file where a value stands, outside its lists' and maps' own signs. */
const places = [...full.matchAll(/(?<=: |\[)[^\s,{}[\]][^\s,{}[\]]*/g)];

t.test("a literal secret at any value's place is repeated in no problem", async (t) => {
  t.ok(places.length > 15);
  for (const place of places) {
    const [before, after] = [full.slice(0, place.index), full.slice(place.index + place[0].length)];
    for (const secret of [
      "hunter2",
      '"hunter2"',
      "'x, found hunter2; did you mean \"hunter2\"?'",
      "*hunter2",
      "!hunter2",
      "!hunter2!",
      "@hunter2",
      "postgres://u:hunter2@db:1/x",
      "{ hunter2 }",
      "{ a:hunter2 }",
      "{ a: hunter2 }",
      "[hunter2]",
      '"hunter2',
      "|\n hunter2\n  hunter2",
      `hunter2${"x".repeat(80)}`,
    ]) {
      const output = await shown(t, before + secret + after);
      t.notMatch(output, "hunter2", `${place[0]} -> ${secret}`);
    }
  }
});

t.test("a secret below a misspelt or misplaced key is repeated in no problem", async (t) => {
  for (const [from, to] of [
    ["password: env:ORDERS_PASSWORD", "passwrd: hunter2"],
    ["password: env:ORDERS_PASSWORD", "password:hunter2"],
    ["password: env:ORDERS_PASSWORD", "hunter2"],
    ["password: env:ORDERS_PASSWORD", "password: hunter2, extra: 1"],
    ["user: gatehouse, password: env:ORDERS_PASSWORD", "user: 5, password: hunter2"],
    ["station: paddington", "password: hunter2"],
    ["urgent: true", "password: hunter2"],
    ["127.0.0.1:15432", "[127.0.0.1:15432, hunter2]"],
    [
      "{ address: 127.0.0.1:15432 }",
      "[{ address: 127.0.0.1:15432 }, { address: hunter2, password: hunter2 }]",
    ],
    ["key: file:c.key", "key: hunter2"],
    ["idle: off", "idle: { off: hunter2 }"],
    ["drain: 30s", "password: hunter2"],
    ["drain: 30s", "hunter2"],
    ["{ user: gatehouse, password: env:ORDERS_PASSWORD }", "hunter2"],
  ] as const) {
    const output = await shown(t, full.replace(from, to));
    t.not(output, "", to);
    t.notMatch(output, "hunter2", to);
  }
});

t.test("a number that may be a password is not repeated either", async (t) => {
  t.notMatch(await shown(t, full.replace("env:ORDERS_PASSWORD", "4711")), "4711");
});
