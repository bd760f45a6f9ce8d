import t from "tap";
import { parseJson } from "../src/index.ts";

const text = `{
  "a": [1, {"b\\"c": [true, null, "x]"], "d": {}}],
  "e": -1.5e3
}
`;

function placeOf(path: readonly (string | number)[], atKey?: true) {
  const parsed = parseJson(text, "a.json");
  if (!parsed.ok) throw new Error("it must parse");
  const [found] = parsed.document.problems([{ path, message: "wrong", ...(atKey ? { atKey } : {}) }]);
  return found && `${found.line}:${found.column}`;
}

t.test("an issue's path is found in the text, or its nearest parent", async (t) => {
  t.equal(placeOf([]), "1:1");
  t.equal(placeOf(["a"]), "2:8");
  t.equal(placeOf(["a"], true), "2:3");
  t.equal(placeOf(["a", 0]), "2:9");
  t.equal(placeOf(["a", 1, 'b"c', 2]), "2:34");
  t.equal(placeOf(["a", 1, "d"], true), "2:41");
  t.equal(placeOf(["e"]), "3:8");
  t.equal(placeOf(["a", 1, "no"]), "2:12");
  t.equal(placeOf(["e", "f", 3]), "3:8");
});

t.test("what is no JSON is said to be none, and where", async (t) => {
  for (const [wrong, place, message] of [
    ['{\n  "a": 1,\n}', "3:1", /^the file is no JSON: expected double-quoted property name$/],
    ['{\n  "a": [1 2]\n}', "2:11", /expected ',' or ']'/],
    ["[1,\n", "2:1", /unexpected end/],
    ["policy: x", "1:1", /^the file is no JSON: unexpected token 'p'$/],
  ] as const) {
    const parsed = parseJson(wrong, "a.json");
    const [problem] = parsed.ok ? [] : parsed.problems;
    t.equal(problem && `${problem.line}:${problem.column}`, place, wrong);
    t.match(problem?.message, message);
  }
});

t.test("of a file that is wrong all over, a few problems are told", async (t) => {
  const parsed = parseJson(text, "a.json");
  if (!parsed.ok) throw new Error("it must parse");
  const issues = Array.from({ length: 100 }, () => ({ path: [], message: "wrong" }));
  t.equal(parsed.document.problems(issues).length, 20);
});
