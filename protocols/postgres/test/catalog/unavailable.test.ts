/* While the target's catalog can't be read: what it would take to understand a statement is missing. */
import t from "tap";
import { encodeQuery } from "../../src/codec/query.ts";
import { startFrontWithServer } from "../support/front.ts";
import { errorIn, firstColumn, letter } from "../support/raw-client.ts";

const { front, server, admin } = await startFrontWithServer({
  settings: { catalog: "read" },
  lease: () => Promise.reject(new Error("no such secret")),
});
t.teardown(async () => {
  await admin.end();
  await front.close();
  await server.stop();
});
const client = await front.connect();
t.teardown(() => client.socket.destroy());

async function ask(text: string) {
  client.send(encodeQuery(text));
  const frames = await client.until("Z");
  return { fields: errorIn(frames), answer: frames.map(letter).join(""), values: firstColumn(frames) };
}

t.test("statements are refused, and the session goes on", async (t) => {
  for (const text of [
    "select 1",
    "begin; select 1",
    "show work_mem; select 1",
    "set work_mem = left('7MB', 3)",
  ]) {
    const { fields, answer } = await ask(text);
    t.match([fields.get("C"), fields.get("M")], ["55000", /can't read the target's catalog/], text);
    t.match(fields.get("H"), /readyz/, text);
    t.equal(answer, "EZ", text);
  }
  t.match(front.status(), { ok: false, reason: /no such secret/ });
});

t.test("transactions and settings need no catalog", async (t) => {
  for (const text of [
    "begin isolation level read committed;",
    "SET work_mem TO '7MB'",
    "set application_name = x",
    "rollback to savepoint nowhere",
    "rollback",
    "start transaction read only",
    " commit ;\n",
  ]) {
    const { fields } = await ask(text);
    t.not(fields.get("C"), "55000", text);
  }
  t.strictSame((await ask("show work_mem")).values, ["4MB"], "the one that was set in a transaction is gone");
});

t.test("a text that almost is one takes no longer to tell than it is long", async (t) => {
  const many = 20_000;
  for (const text of [
    `show ${"a".repeat(many)}${" ".repeat(many)}!`,
    `set ${"to".repeat(many)}!`,
    `begin${" a".repeat(many)}!`,
    `commit${" ".repeat(many)}!`,
  ]) {
    t.equal((await ask(text)).fields.get("C"), "55000", text.slice(0, 9));
  }
});
