import t from "tap";
import type { CatalogData } from "../../src/catalog/catalog.ts";
import { SessionCatalog } from "../../src/catalog/session-catalog.ts";

const data: CatalogData = {
  version: "1",
  serverVersion: 180_000,
  relations: [],
  routines: [],
  types: [],
  operators: [],
  casts: [],
};

function catalog() {
  let stale = 0;
  const cache = {
    current: () => data,
    fresh: () => Promise.resolve(data),
    stale: () => {
      stale++;
    },
    renew: () => Promise.resolve(),
  };
  return { session: new SessionCatalog(cache), stale: () => stale };
}

t.test("what the server contradicts is read anew", async (t) => {
  const { session, stale } = catalog();
  t.match(session.view(), { data, unsettled: false });
  session.contradicted();
  t.equal(stale(), 1);
});

t.test("so is what the session may have changed, when its transaction has ended", async (t) => {
  const { session, stale } = catalog();
  session.ready("idle");
  session.sent({ effects: [], defines: false }, "ddl", "create table t ()");
  t.match(session.view(), { unsettled: true });
  session.ready("open");
  t.match([stale(), session.view()], [0, { unsettled: true }]);
  session.ready("idle");
  t.match([stale(), session.view()], [1, { unsettled: false }]);
});
