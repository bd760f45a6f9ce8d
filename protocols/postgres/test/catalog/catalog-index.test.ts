import t from "tap";
import type { CatalogData, NamedType, Relation, Routine } from "../../src/catalog/catalog.ts";
import { CatalogIndex } from "../../src/catalog/catalog-index.ts";

function table(id: number, name: string, parents: readonly number[] = [], schema = "public"): Relation {
  const flags = { rules: false, triggers: false, rowSecurity: false };
  return { id, schema, name, kind: "table", columns: [], parents, ...flags };
}

function routine(id: number, name: string, schema = "public"): Routine {
  return {
    id,
    schema,
    name,
    kind: "function",
    arguments: "",
    language: "sql",
    volatility: "volatile",
    securityDefiner: false,
    returns: 23,
    returnsSet: false,
  };
}

function indexOf(parts: Partial<CatalogData>): CatalogIndex {
  const nothing = { relations: [], routines: [], types: [], operators: [], casts: [] };
  return new CatalogIndex({ version: "1", serverVersion: 180_000, ...nothing, ...parts });
}

t.test("a name is looked up with its schema, as it is written", async (t) => {
  const index = indexOf({
    relations: [table(1, "orders"), table(2, "orders", [], "archive"), table(3, "Or.ders", [], "a.b")],
    routines: [routine(4, "f"), routine(5, "f"), routine(6, "f", "archive")],
    types: [{ id: 7, schema: "public", name: "email", kind: "domain", base: 25 }],
  });
  t.equal(index.relation("public", "orders")?.id, 1);
  t.equal(index.relation("archive", "orders")?.id, 2);
  t.equal(index.relation("a.b", "Or.ders")?.id, 3);
  for (const [schema, name] of [
    ["public", "ORDERS"],
    ["a", "b.Or.ders"],
    ["public", "constructor"],
    ["__proto__", "orders"],
  ] as const) {
    t.equal(index.relation(schema, name), undefined);
  }
  t.equal(index.relationById(2)?.schema, "archive");
  t.equal(index.relationById(7), undefined);
  t.same(
    index.routines("public", "f").map(({ id }) => id),
    [4, 5],
    "all of one name",
  );
  t.same(index.routines("public", "g"), []);
  t.equal(index.type(7)?.base, 25);
  t.equal(index.type(25), undefined);
});

t.test(
  "below domains, and below types whose values are texts, is the type that values are written as",
  async (t) => {
    const own = (id: number, rest: Pick<NamedType, "kind" | "base" | "textual">) => ({
      ...{ id, schema: "public", name: `t${id}` },
      ...rest,
    });
    const index = indexOf({
      types: [
        own(1, { kind: "domain", base: 2 }),
        own(2, { kind: "domain", base: 1700 }),
        own(3, { kind: "base", textual: true }),
        own(4, { kind: "domain", base: 3 }),
        own(5, { kind: "base" }),
        own(6, { kind: "domain", base: 6 }),
      ],
    });
    const below = [1, 2, 3, 4, 5, 6, 20].map((id) => index.typeBelow(id));
    t.strictSame(below, [1700, 1700, 25, 25, 5, 6, 20]);
  },
);

t.test("relatives are all ancestors and all descendants, and no siblings", async (t) => {
  const index = indexOf({
    relations: [
      table(1, "measurements"),
      table(2, "y2025", [1]),
      table(3, "y2026", [1]),
      table(4, "y2026_01", [3]),
      table(5, "y2026_02", [3]),
      table(6, "elsewhere"),
    ],
  });
  const relatives = (id: number) =>
    index
      .relatives(id)
      .map((relation) => relation.id)
      .sort();
  t.same(relatives(1), [2, 3, 4, 5]);
  t.same(relatives(3), [1, 4, 5]);
  t.same(relatives(4), [1, 3]);
  t.same(relatives(6), []);
  t.same(relatives(99), []);
});

t.test(
  "by whichever way it is one, a relative comes once; a parent that is not listed is passed over",
  async (t) => {
    const index = indexOf({
      relations: [table(1, "a"), table(2, "b", [1]), table(3, "c", [1, 99]), table(4, "d", [2, 3])],
    });
    const relatives = (id: number) =>
      index
        .relatives(id)
        .map((relation) => relation.id)
        .sort();
    t.same(relatives(4), [1, 2, 3]);
    t.same(relatives(1), [2, 3, 4]);
    const circle = indexOf({ relations: [table(1, "a", [2]), table(2, "b", [1])] });
    t.same([...new Set(circle.relatives(1))].length, 1, "no server has one, and it ends all the same");
  },
);

t.test("it can be built on the other side of a thread", async (t) => {
  const data = indexOf({ relations: [table(1, "orders"), table(2, "y2026", [1])] }).data;
  const there = new CatalogIndex(structuredClone(data));
  t.same(there.relatives(2), [data.relations[0]]);
});
