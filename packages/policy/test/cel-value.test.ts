import type { DecisionRequest, Facts, FactSchema } from "@gatehouse/core";
import t from "tap";
import { type LoadedPolicies, loadPolicies } from "../src/index.ts";
import { command, facts as declared, request as requestTo, targets } from "./fixtures.ts";

const described = { description: "" };
const schema: FactSchema = {
  prefix: "http",
  facts: {
    access: { type: "string", ...described },
    headers: { type: "map<string, string>", ...described },
    query: { type: "map<string, list<string>>", ...described },
    parts: { type: "list<map<string, string>>", ...described },
    json: { type: "dyn", ...described },
  },
};

const known = {
  access: "write",
  headers: { "content-type": "application/json", constructor: "c" },
  query: Object.fromEntries([
    ["a", ["1", "2"]],
    ["__proto__", ["x"]],
  ]),
  parts: [{ name: "file", filename: "a.txt" }],
  json: {
    amount: 100,
    rate: 0.5,
    model: "small",
    stream: false,
    none: null,
    constructor: { constructor: "x" },
    messages: [
      { role: "system", content: "a" },
      { role: "user", content: "b" },
    ],
  },
};

t.test("members of an object are named", (t) => {
  const cases: readonly (readonly [when: string, holds: boolean])[] = [
    ['http.headers["content-type"] == "application/json"', true],
    ['http.headers.constructor == "c"', true],
    ['"x" in http.headers', false],
    ['"__proto__" in http.headers', false],
    ['"toString" in http.json', false],
    ['"2" in http.query.a', true],
    ['http.query["__proto__"] == ["x"]', true],
    ['http.parts.exists(part, part.name == "file" && part.filename.endsWith(".txt"))', true],
    ["http.json.amount == 100", true],
    ["http.json.amount > 99.5", true],
    ["http.json.amount in [1, 100]", true],
    ["http.json.rate < 1", true],
    ["http.json.stream == true", false],
    ["http.json.none == null", true],
    ['http.json.model == "small" && !("tools" in http.json)', true],
    ['http.json.messages.exists(message, message.role == "system")', true],
    ['http.json.messages[1].content == "b"', true],
    ["size(http.json.messages) == 2", true],
    ['http.json.constructor.constructor == "x"', true],
    ["http.json.model == 1", false],
  ];
  for (const [when, holds] of cases) t.equal(allows(when, known), holds, when);
  t.end();
});

t.test("what is not there, or of another type, fails the condition, which allows nothing and blocks", (t) => {
  const cases = [
    'http.headers["x"] == ""',
    'http.headers["__proto__"] != ""',
    "http.json.absent == 1",
    "http.json.absent != 1",
    "!(http.json.absent == 1)",
    'http.json.toString != ""',
    'http.json.amount.startsWith("1")',
    "http.json.model > 1",
    "http.json.messages[2].role != 'system'",
    "http.json.messages.all(message, message.absent == 1)",
    "http.json.stream.deeper == 1",
  ];
  for (const when of cases) {
    t.equal(allows(when, known), false, when);
    t.equal(blocks(when, known), true, when);
  }
  const { json: _, ...rest } = known;
  for (const when of [
    '"model" in http.json',
    "http.json == null",
    "size(http.json) == 0",
    "http.json != {}",
  ]) {
    t.equal(allows(when, rest), false, `${when} without any`);
    t.equal(blocks(when, rest), true, `${when} without any`);
  }
  t.end();
});

t.test("a condition on JSON has to come to true or false by itself", (t) => {
  for (const when of [
    "http.json.stream",
    "http.json",
    "http.headers",
    "dyn(http.json) == 1",
    "has(http.json.a)",
  ]) {
    t.equal(engine("allow", when), undefined, when);
  }
  t.not(engine("allow", "http.json.stream == true"), undefined);
  t.end();
});

t.test("an explanation has the values as they came", (t) => {
  const { rules } = engine("allow", 'http.headers.constructor == "c" && http.json.amount == 100')?.explain(
    request(known),
  ) ?? { rules: [] };
  t.same(
    rules[0]?.reasons.map(({ facts }) => facts),
    [{ "http.headers": known.headers }, { "http.json": known.json }],
  );
  t.end();
});

t.test("what is not known of commands to come may be anything, also of objects", (t) => {
  const { target, level } = request(known);
  const reach = engine("allow", "http.json == {'a': 1}")?.reach({ target, level });
  t.equal(reach?.couldAllow({ facts: { json: { among: [{ a: 1 }] } } }), true);
  t.end();
});

function allows(when: string, facts: Facts): boolean {
  return engine("allow", when)?.decide(request(facts)).effect === "allow";
}

function blocks(when: string, facts: Facts): boolean {
  return engine("block", when, "  - allow: all\n")?.decide(request(facts)).effect === "block";
}

/** Undefined where the condition is refused. */
function engine(effect: "allow" | "block", when: string, others = ""): LoadedPolicies | undefined {
  const rule = `  - ${effect}: it\n    when: ${JSON.stringify(when)}\n`;
  const loaded = loadPolicies({
    files: [
      {
        path: "a.yaml",
        text: `policy: it\nwho: { everyone: true }\ntargets: [api]\nrules:\n${rule}${others}`,
      },
    ],
    targets,
    facts: new Map([...declared, ["http", schema]]),
    detectors: [],
    onError: () => undefined,
  });
  return loaded.ok ? loaded.engine : undefined;
}

function request(facts: Facts): DecisionRequest {
  return requestTo({
    target: "api",
    level: "client",
    command: { ...command("write"), protocol: "http", facts },
  });
}
