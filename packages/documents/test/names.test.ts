import t from "tap";
import { columnPattern, functionName, partsOf, wildcard } from "../src/index.ts";

t.test("a wildcard stands for any characters, and for none", async (t) => {
  const cases: [string, string[], string[]][] = [
    ["pii.email", ["pii.email"], ["pii.emails", "pii", ""]],
    ["pii.*", ["pii.email", "pii.", "pii.a.b"], ["pii", "api.email"]],
    ["*", ["", "anything"], []],
    ["*.phone", ["pii.phone", ".phone"], ["phone", "pii.phones"]],
    ["a*b*a", ["aba", "aXbYa"], ["aa", "ab", "ba"]],
    ["aba*aba", ["abaaba"], ["aba", "ababa"]],
  ];
  for (const [pattern, fitting, others] of cases) {
    for (const name of fitting) t.ok(wildcard(pattern)(name), `${pattern} fits ${name}`);
    for (const name of others) t.notOk(wildcard(pattern)(name), `${pattern} does not fit ${name}`);
  }
});

t.test("a name is read as it is reported: in quotes only where it has to be", async (t) => {
  for (const [written, read] of [
    ["public.customers.email", "public.customers.email"],
    ['"public"."Customers".email', "public.Customers.email"],
    ['public."a.b".c', 'public."a.b".c'],
    ['public."say ""it""".c', 'public."say ""it""".c'],
    ["*.cust*.naïve column", "*.cust*.naïve column"],
  ] as const) {
    t.equal(columnPattern().parse(written), read);
  }
  t.equal(functionName().parse('"app".total'), "app.total");
  t.same(partsOf('public."a.b"."say ""it"""'), ["public", "a.b", 'say "it"']);
  t.same(partsOf("one"), ["one"]);
  t.same(partsOf("a line\n.x"), ["a line\n", "x"], "a database keeps names that no file may write");
});

t.test(
  "what has another number of parts, or a part that is empty or half in quotes, is no name",
  async (t) => {
    for (const text of [
      "",
      "a",
      "a.b",
      "a.b.c.d",
      "a..c",
      ".b.c",
      'a.b."c',
      'a.b.""',
      'a.b.c"d"',
      "a.b.c\n",
    ]) {
      t.notOk(columnPattern().safeParse(text).success, JSON.stringify(text));
    }
    t.notOk(functionName().safeParse("a.b.c").success);
    for (const text of ["", ".a", "a.", "a..b", 'a."b', 'a."b"c', 'a.b"c"', 'a.""']) {
      t.equal(partsOf(text), undefined, JSON.stringify(text));
    }
    t.notOk(columnPattern().safeParse(`a.b.${"c".repeat(510)}`).success);
  },
);
