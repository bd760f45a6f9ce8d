import t from "tap";
import { HandedCatalogs } from "../../src/analysis/handed-catalogs.ts";
import type { CatalogData } from "../../src/catalog/catalog.ts";

function catalog(version: string, columns = 10): CatalogData {
  const table = {
    ...({ id: 20_000, schema: "public", name: "orders", kind: "table", parents: [] } as const),
    ...{ rules: false, triggers: false, rowSecurity: false },
    columns: Array.from({ length: columns }, (_, i) => ({ name: `c${i}`, number: i + 1, type: 25 })),
  };
  return {
    version,
    serverVersion: 180_000,
    relations: [table],
    routines: [],
    types: [],
    operators: [],
    casts: [],
  };
}

t.test("catalogs stay as long as there is room; those that have been there longest go", async (t) => {
  const catalogs = new HandedCatalogs(50_000);
  t.same(catalogs.add(catalog("1", 100)), []);
  t.same(catalogs.add(catalog("2", 100)), []);
  t.ok(catalogs.has(catalog("1")));
  t.same(catalogs.add(catalog("3", 200)), ["1"]);
  t.notOk(catalogs.has(catalog("1")));
  t.ok(catalogs.has(catalog("2")) && catalogs.has(catalog("3")));
});

t.test("one that is too large for all others is there alone", async (t) => {
  const catalogs = new HandedCatalogs(50_000);
  catalogs.add(catalog("1"));
  t.same(catalogs.add(catalog("large", 10_000)), ["1"]);
  t.ok(catalogs.has(catalog("large")));
  t.same(catalogs.add(catalog("2")), ["large"]);
});

t.test("of small ones there are not many, either", async (t) => {
  const catalogs = new HandedCatalogs();
  const gone = Array.from({ length: 40 }, (_, i) => catalogs.add(catalog(String(i)))).flat();
  t.same(gone, ["0", "1", "2", "3", "4", "5", "6", "7"]);
});
