import t from "tap";
import { parseFields } from "../src/codec/fields.ts";
import { prefersAsync } from "../src/prefer.ts";

function prefers(...values: readonly string[]): boolean {
  return prefersAsync(parseFields(values.map((value) => `Prefer: ${value}`)));
}

t.test("a client says that it does not want to wait, in each way to write it", async (t) => {
  for (const values of [
    ["respond-async"],
    ["Respond-Async"],
    ["respond-async, wait=10"],
    ["return=minimal; foo=bar,respond-async"],
    ["return=minimal", "respond-async"],
    ["respond-async; foo=bar"],
    ['respond-async=""'],
    ["respond-async = "],
    ['foo="a, b", respond-async'],
  ])
    t.ok(prefers(...values), values.join(" | "));
});

t.test("and what says something else does not", async (t) => {
  for (const values of [
    [],
    ["wait=10"],
    ["respond-asynchronously"],
    ["x-respond-async"],
    ["return=minimal; respond-async"],
    ['foo="a, respond-async"'],
    ['foo="\\", respond-async"'],
    ['foo="a, respond-async'],
    [`foo="${'\\"'.repeat(15_000)}, respond-async`],
    ["respond-async=no"],
    ["respond-async=no, respond-async"],
  ])
    t.notOk(prefers(...values), values.join(" | "));
});
