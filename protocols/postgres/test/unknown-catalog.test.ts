import { GatehouseError, Secret } from "@gatehouse/core";
import pg from "pg";
import t from "tap";
import { startFrontWithServer } from "./support/front.ts";
import { leaseOf } from "./support/target.ts";

/** Whether the gateway's own way into the target leads in. */
let open = false;
const { front, server, admin } = await startFrontWithServer({
  settings: { catalog: "read" },
  lease: () => {
    const { user, password } = server.superuser;
    if (open) return Promise.resolve(leaseOf(user, new Secret(password)));
    return Promise.reject(new GatehouseError("SECRET_UNAVAILABLE", "The password can't be read."));
  },
});
t.teardown(async () => {
  await admin.end();
  await front.close();
  await server.stop();
});

t.test(
  "while the catalog can't be read, nothing that rests on it is run, and the session lives",
  async (t) => {
    const client = front.pg();
    await client.connect();
    t.teardown(() => client.end());
    await client.query("begin");
    for (const text of [
      "select 1",
      "select * from pg_class",
      "commit; drop table x",
      "set x to (select 1)",
    ]) {
      await t.rejects(
        client.query(text),
        { code: "55000", message: /can't read the target's catalog/ },
        text,
      );
      await client.query("rollback");
    }
    await t.rejects(client.query({ text: "select $1::int", values: [1] }), { code: "55000" });
    await client.query("show search_path");
    await client.query("set statement_timeout = 1000");
    const refused = front.gate.events.filter(({ type }) => type === "refused");
    t.match(
      refused,
      Array.from({ length: 5 }, () => ({ refused: { kind: "unavailable" } })),
    );
  },
);

t.test("its status says why", async (t) => {
  t.match(front.status(), { ok: false, reason: /The password can't be read/ });
});

t.test("a text that is almost one of a transaction's takes no longer to tell than it is long", async (t) => {
  const client = front.pg();
  await client.connect();
  t.teardown(() => client.end());
  const many = 20_000;
  for (const text of [
    `show ${"a".repeat(many)}${" ".repeat(many)}!`,
    `set ${"to".repeat(many)}!`,
    `begin${" a".repeat(many)}!`,
    `commit${" ".repeat(many)}!`,
  ]) {
    await t.rejects(client.query(text), { code: "55000" }, text.slice(0, 9));
  }
});

t.test("it is read as soon as it can be, in sessions that are open already", async (t) => {
  const client = front.pg();
  await client.connect();
  t.teardown(() => client.end());
  await t.rejects(client.query("select 1"), { code: "55000" });
  open = true;
  for (;;) {
    try {
      const { rows } = await client.query<{ one: number }>("select 1 as one");
      return t.same(rows, [{ one: 1 }]);
    } catch (error) {
      // The target is left alone for a second after a failure.
      if (!(error instanceof pg.DatabaseError) || error.code !== "55000") throw error;
    }
  }
});
