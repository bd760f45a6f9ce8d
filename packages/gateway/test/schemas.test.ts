import { readFile } from "node:fs/promises";
import { configJsonSchema } from "@gatehouse/config";
import { caseFileJsonSchema, policyFileJsonSchema } from "@gatehouse/policy";
import t from "tap";
import { loadProtocols } from "../src/index.ts";

/** As editors read it: how its lines are broken is the formatter's. */
async function deployed(name: string): Promise<unknown> {
  return JSON.parse(await readFile(new URL(`../../../deploy/${name}`, import.meta.url), "utf8"));
}

const plain = (schema: unknown): unknown => JSON.parse(JSON.stringify(schema));

t.test("the config's JSON Schema in deploy/ is the one that this gateway's config is read by", async (t) => {
  t.strictSame(await deployed("gatehouse.schema.json"), plain(configJsonSchema(loadProtocols())));
});

t.test("the policy files' JSON Schema in deploy/ is the one that they are read by", async (t) => {
  t.strictSame(await deployed("policy.schema.json"), plain(policyFileJsonSchema()));
});

t.test("the JSON Schema of cases in deploy/ is the one that they are read by", async (t) => {
  t.strictSame(await deployed("policy-test.schema.json"), plain(caseFileJsonSchema()));
});
