import { startPostgres } from "@gatehouse/testkit";
import pg from "pg";
import t from "tap";
import { analyzeFunctionCall, functionByOid } from "../../src/analysis/function-calls.ts";

t.test("the large-object functions have the names and ids that the server gives them", async (t) => {
  const server = await startPostgres();
  const client = new pg.Client({
    host: server.host,
    port: server.port,
    database: "postgres",
    ...server.superuser,
  });
  await client.connect();
  t.teardown(async () => {
    await client.end();
    await server.stop();
  });
  const { rows } = await client.query<{ oid: number; name: string }>(
    "select oid::int4, proname as name from pg_proc where proname ~ '^(lo_|loread|lowrite)' or oid between 700 and 3500",
  );
  t.ok(rows.length > 1000);
  const theirs = rows.map(({ oid, name }) =>
    /^(lo_|loread|lowrite)/.test(name) ? `${oid} ${name}` : `${oid}`,
  );
  const ours = rows.map(({ oid }) =>
    [oid, functionByOid(oid)].filter((part) => part !== undefined).join(" "),
  );
  t.strictSame(ours, theirs);
});

t.test("a function call is as calling the function by its name", async (t) => {
  t.match(analyzeFunctionCall(952), {
    statements: 1,
    verbs: ["FUNCTION CALL"],
    access: "write",
    own: "write",
    functions: ["pg_catalog.lo_open"],
    effects: [],
  });
  t.match(analyzeFunctionCall(954), { access: "read", functions: ["pg_catalog.loread"] });
  t.match(analyzeFunctionCall(764), { access: "admin", functions: ["pg_catalog.lo_import"] });
  t.match(analyzeFunctionCall(3458), { access: "admin", functions: ["pg_catalog.lo_get"] });
});

t.test("an id that is not known may be anything, and may set anything", async (t) => {
  t.match(analyzeFunctionCall(12345), {
    access: "unknown",
    functions: ["oid 12345"],
    effects: [{ kind: "reading" }],
  });
});
