import t from "tap";
import { Malformed } from "../../src/codec/malformed.ts";
import { JsonMasks } from "../../src/masking/json-masks.ts";
import { rewriteJson, rewrittenWhole } from "../../src/masking/json-rewrite.ts";
import { maskOf } from "./masks.ts";
import { addresses, sampleValues } from "./sample-values.ts";

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

t.test("what is not one JSON value is not rewritten", (t) => {
  for (const text of ["", " ", "{", '{"a"', "[DONE]", "{}{}", '"a', "1 2"]) {
    let error: unknown;
    try {
      rewriteJson(text, () => undefined);
    } catch (caught) {
      error = caught;
    }
    t.ok(error instanceof Malformed, text);
  }
  t.end();
});

t.test("a whole text is masked as one that comes in pieces is", (t) => {
  const masks = new JsonMasks([maskOf({ fields: ["$.x"], with: { kind: "hash" } }), addresses], sampleValues);
  t.equal(rewrittenWhole('{"x":"é😀","é":"😀 a@b.c"}', masks), '{"x":"[hash:3]","é":"😀 [redacted]"}');
  t.end();
});
