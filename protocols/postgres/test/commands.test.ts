import type { Target } from "@gatehouse/core";
import t from "tap";
import type { Analysis } from "../src/analysis/analysis.ts";
import type { BindParameter } from "../src/codec/bind.ts";
import { type Given, sqlFacts, toCommand } from "../src/commands.ts";
import { postgres } from "../src/index.ts";

const target: Target = {
  name: "orders",
  protocol: "postgres",
  addresses: [{ host: "127.0.0.1", port: 1 }],
  tls: { mode: "off" },
  levels: new Map(),
  credential: { user: "gatehouse" },
  tags: new Map(),
  connectTimeout: 1000,
  settings: { database: "orders", schema: "shop" },
};

const analysis: Analysis = {
  statements: 1,
  verbs: ["UPDATE"],
  access: "write",
  own: "write",
  named: ["public.a"],
  reads: ["public.a", "public.b"],
  writes: ["public.a"],
  functions: ["pg_catalog.now"],
  functionKinds: [],
  locks: ["ROW EXCLUSIVE"],
  unfiltered: true,
  unlimited: false,
  defines: false,
  effects: [],
  lineage: [{ predicates: [], reads: ["public.b.x"], writes: ["public.a.y"], flows: [], gaps: [] }],
};

function given(parameters: readonly BindParameter[], parameterTypes: readonly number[] = []): Given {
  return { parameters, parameterTypes, decode: (bytes) => bytes.toString() };
}

t.test("a command has every fact that rules may ask for, and no other", async (t) => {
  const { facts, resources } = toCommand("query", "update a", analysis);
  t.strictSame(Object.keys(facts).sort(), Object.keys(sqlFacts.facts).sort());
  t.match(facts, { access: "write", verbs: ["UPDATE"], unfiltered: true, text: "update a", params: [] });
  t.strictSame(resources, ["public.a", "public.b"]);
});

t.test("rules see parameters whole, the audit log sees them bounded", async (t) => {
  const value = Buffer.from("x".repeat(2000));
  const long = { binary: false, value };
  const { facts, parameters } = toCommand(
    "execute",
    "select",
    analysis,
    given(
      [long, { binary: false, value: null }, { binary: true, value: Buffer.from([0, 0, 0, 7]) }],
      [25, 25, 23],
    ),
  );
  t.strictSame(facts["params"], [value.toString(), "", "7"]);
  t.strictSame(parameters, [`${"x".repeat(1024)}… (2000 bytes)`, null, "7"]);
  const many = toCommand("execute", "select", analysis, given(Array.from({ length: 1000 }, () => long)));
  t.equal(many.parameters.length, 256);
});

t.test("a long value of a known type is cut as the bytes it is", async (t) => {
  const value = Buffer.alloc(1025, 0xc3);
  const { facts, parameters } = toCommand("bind", "insert", analysis, given([{ binary: true, value }], [17]));
  t.equal(parameters[0], `\\x${"c3".repeat(1024)}… (1025 bytes)`);
  t.strictSame(facts["params"], [`\\x${"c3".repeat(1025)}`]);
});

t.test("commands of one shape differ in text and parameters alone", async (t) => {
  const one = toCommand("query", "update a set n = 1", analysis);
  const other = toCommand("query", "update a set n = 2", analysis);
  t.equal(one.shape, other.shape);
  t.equal(one.resources, other.resources, "which are one list");
  for (const [fact, { varies }] of Object.entries(sqlFacts.facts)) {
    if (varies !== true) t.strictSame(one.facts[fact], other.facts[fact], fact);
  }
  t.not(one.facts["text"], other.facts["text"]);
});

t.test("where a text may spell a secret, the command's text is the one without", async (t) => {
  const command = toCommand("query", "alter role x password 'y'", { ...analysis, redacted: "alter role x" });
  t.equal(command.text, "alter role x");
  t.equal(command.facts["text"], "alter role x password 'y'", "which rules see whole");
});

t.test("a text is understood without any session, or it is said why not", async (t) => {
  const protocol = postgres();
  t.match(await protocol.understand("select * from a", target), {
    ok: true,
    command: { kind: "query", access: "read", resources: ["shop.a"] },
  });
  const refused = async (text: string) => {
    const result = await protocol.understand(text, target);
    return result.ok ? undefined : result.refusal;
  };
  t.match(await refused("selekt"), { kind: "syntax", position: 1 });
  t.match(await refused("set client_encoding = 'SJIS'"), { kind: "unsupported", message: /SJIS/ });
  t.match(await refused("select '\0'"), { kind: "too_large" });
  await protocol.dispose();
});
