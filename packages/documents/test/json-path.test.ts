import t from "tap";
import { parseJsonPath } from "../src/index.ts";

const every = { every: true } as const;

t.test("a path is read as its steps", (t) => {
  const cases = [
    ["$", []],
    ["$.a", [{ deep: false, name: "a" }]],
    [
      "$.customers[*].email",
      [
        { deep: false, name: "customers" },
        { deep: false, ...every },
        { deep: false, name: "email" },
      ],
    ],
    ["$..ssn", [{ deep: true, name: "ssn" }]],
    [
      "$.*..*",
      [
        { deep: false, ...every },
        { deep: true, ...every },
      ],
    ],
    [
      "$..[*]..[0]",
      [
        { deep: true, ...every },
        { deep: true, index: 0 },
      ],
    ],
    [
      "$['a b'][\"c'd\"][12]",
      [
        { deep: false, name: "a b" },
        { deep: false, name: "c'd" },
        { deep: false, index: 12 },
      ],
    ],
    [
      String.raw`$['it\'s "x" \\ \u0041']..["say \"it\""]`,
      [
        { deep: false, name: 'it\'s "x" \\ A' },
        { deep: true, name: 'say "it"' },
      ],
    ],
    ["$['']", [{ deep: false, name: "" }]],
    [
      "$.größe_1.😀",
      [
        { deep: false, name: "größe_1" },
        { deep: false, name: "😀" },
      ],
    ],
  ] as const;
  for (const [path, steps] of cases) t.same(parseJsonPath(path), steps, path);
  t.end();
});

t.test("what is no path, or one that can't be followed while JSON comes, is none", (t) => {
  for (const path of [
    ...["", "a", ".a", "$a", "$.", "$..", "$...a", "$.a.", "$.1a", "$.a-b", "$.a b", "$ .a", "$.a "],
    ...["$[", "$[]", "$[01]", "$[-1]", "$[1:2]", "$[0,1]", "$[a]", "$['a]", "$['a\"]", "$['a'b']", "$[ 0 ]"],
    ...["$[?@.a]", "$.a()", "$['a','b']", "$['\\x']", "$['\\u12']", "$['\\\"']", '$["\\\'"]', "$['a\n']"],
    ...["$.a\u0085", "@.a", "$$", `$${".a".repeat(300)}`, "$[9999999999]"],
  ])
    t.equal(parseJsonPath(path), undefined, JSON.stringify(path));
  t.end();
});
