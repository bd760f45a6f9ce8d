import t from "tap";
import { columnMatcher } from "../src/index.ts";

function matches(pattern: string, column: string): boolean {
  return columnMatcher(pattern)(column);
}

t.test("a star stands for any characters of its part, and of no other", async (t) => {
  for (const pattern of [
    "public.customers.email",
    "*.customers.email",
    "public.*.email",
    "public.customers.*",
    "*.*.*",
    "pub*.*tom*.e*l",
    "public.customers.*email*",
    "public.customers.**",
    "public.c*s*s.email",
  ]) {
    t.ok(matches(pattern, "public.customers.email"), pattern);
  }
  for (const pattern of [
    "public.customers.emai",
    "public.customers.mail",
    "public.customers.Email",
    "public.customers.e*m",
    "*.email.*",
    "public.*x*.email",
  ]) {
    t.notOk(matches(pattern, "public.customers.email"), pattern);
  }
  t.notOk(matches("public.*.email", 'public."a.b".email2'));
  t.notOk(matches("*.customers.email", "a.b.customers"));
});

t.test("a part with a dot or a quote stands in quotes, as columns are reported", async (t) => {
  t.ok(matches('public."my.table".email', 'public."my.table".email'));
  t.ok(matches('public."my.*".email', 'public."my.table".email'));
  t.ok(matches("public.*.email", 'public."my.table".email'));
  t.ok(matches('public."say ""hi""".*', 'public."say ""hi""".x'));
  t.ok(
    matches('"public"."customers"."email"', "public.customers.email"),
    "quotes that are not needed do no harm",
  );
  t.notOk(matches("public.my*.email", 'public.other."my.email"'));
});

t.test("other characters stand for themselves", async (t) => {
  t.ok(matches("public.a+b?.[x]", "public.a+b?.[x]"));
  t.notOk(matches("public.a+.x", "public.aa.x"));
  t.ok(matches("public.größe.\u{1f600}*", "public.größe.\u{1f600}\u{1f601}"));
});

t.test("what is no column's name, or no pattern of one, is taken for a masked one", async (t) => {
  t.ok(matches("public.customers.email", "customers.email"));
  t.ok(matches("public.customers.email", 'public."customers.email'));
  t.ok(matches("public.customers", "public.orders.id"));
  t.ok(matches('public."customers.email', "public.orders.id"));
});

t.test("many stars against a long name take no time to speak of", async (t) => {
  t.notOk(matches(`a.b.${"*a".repeat(200)}b`, `a.b.${"a".repeat(10_000)}`));
});
