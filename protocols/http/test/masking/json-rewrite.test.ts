import t from "tap";
import { rewriteJson } from "../../src/masking/json-rewrite.ts";

t.test("strings are asked for with where they stand, and all else stays as it is written", (t) => {
  const asked: [string, string][] = [];
  const text =
    '{ "a" : "x",\n"b":[1.50, "y\\u0040\\n", {"c": ["é😀", "\\ud83d\\ude00"]}, true, null ], "":"" } ';
  const out = rewriteJson(text, (path, value) => {
    asked.push([JSON.stringify(path), value]);
    return value.startsWith("y") ? 'new "y" é' : undefined;
  });
  t.same(asked, [
    ['["a"]', "x"],
    ['["b",1]', "y@\n"],
    ['["b",2,"c",0]', "é😀"],
    ['["b",2,"c",1]', "😀"],
    ['[""]', ""],
  ]);
  t.equal(out, text.replace('"y\\u0040\\n"', '"new \\"y\\" é"'));
  t.equal(
    rewriteJson('"x"', () => null),
    "null",
  );
  t.equal(
    rewriteJson("12", () => null),
    "12",
  );
  t.end();
});
