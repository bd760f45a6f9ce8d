import { readFileSync } from "node:fs";
import type { Target } from "@gatehouse/core";
import t from "tap";
import { apiNames, apis } from "../../src/api/index.ts";
import { httpFacts } from "../../src/facts/request-facts.ts";
import { refusalAnswer } from "../../src/refusal.ts";
import { httpSettings } from "../../src/settings.ts";
import { understand } from "../../src/understand.ts";

function targetOf(settings: object): Target {
  const read = httpSettings.read(settings, "/");
  if (!read.ok) throw new Error(JSON.stringify(read.issues));
  return {
    ...{ name: "model", protocol: "http", tls: { mode: "off" }, levels: new Map() },
    addresses: [{ host: "127.0.0.1", port: 1 }],
    ...{ credential: { user: "default" }, tags: new Map(), connectTimeout: 5000, settings: read.value },
  };
}

t.test("each decoder has the name by which it is asked for", (t) => {
  for (const name of apiNames) t.equal(apis[name].name, name);
  t.throws(() => targetOf({ api: "another" }), /openai.*anthropic/);
  t.end();
});

t.test(
  "a request at a target with an api has the facts of its decoder, and at another one none of them",
  async (t) => {
    const text = 'POST /v1/embeddings\n\n{"model":"m","input":"a"}';
    t.match(await understand(text, targetOf({ api: "openai" })), {
      ok: true,
      command: { access: "read", facts: { access: "read", operation: "embeddings", model: "m" } },
    });
    t.match(await understand(text, targetOf({ api: "anthropic" })), { command: { access: "unknown" } });
    t.match(await understand(text, targetOf({})), {
      command: { access: "write", facts: { model: undefined, operation: undefined } },
    });
  },
);

t.test("the documentation has every fact, and its type", (t) => {
  const page = readFileSync(new URL("../../../../docs/http.md", import.meta.url), "utf8");
  for (const [name, { type }] of Object.entries(httpFacts.facts)) {
    const [, said = ""] = new RegExp(`^\\| \`http\\.${name}\` \\| ([^|]+) \\|`, "m").exec(page) ?? [];
    const kind = { dyn: "any" }[type as string] ?? type.replace(/<.*/, "");
    t.ok(said.startsWith(kind), `${name}: ${type}, and not ${said}`);
  }
  t.end();
});

t.test("a refusal has the form of the API, or that of problem details", (t) => {
  const refusal = { kind: "policy", message: "No.", reference: "ref_1" } as const;
  const shown = (answer: ReturnType<typeof refusalAnswer>): readonly unknown[] => {
    const { status, fields, body } = answer;
    return [status, Object.fromEntries(fields)["Content-Type"], JSON.parse(body.toString())];
  };
  t.match(shown(refusalAnswer(refusal)), [
    403,
    "application/problem+json",
    { detail: "No.", reference: "ref_1" },
  ]);
  t.match(shown(refusalAnswer(refusal, { api: apis.openai })), [
    ...[403, "application/json", { error: { message: "No. (reference ref_1)" } }],
  ]);
  t.match(shown(refusalAnswer(refusal, { api: apis.anthropic, status: 429 })), [
    ...[429, "application/json", { type: "error", error: { type: "rate_limit_error" } }],
  ]);
  t.end();
});
