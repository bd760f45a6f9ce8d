import { serialize } from "pg-protocol";
import t from "tap";
import { encodeSslRequest } from "../src/codec/startup-packet.ts";
import { eventually, startFrontWithServer } from "./support/front.ts";
import { logIn, rawSocket, securedSocket } from "./support/raw-client.ts";

const ME = { user: "reader", database: "orders" };
const { front, server, admin } = await startFrontWithServer();
t.teardown(async () => {
  await admin.end();
  await front.close();
  await server.stop();
});

async function backends(): Promise<number> {
  const text =
    "select 1 from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()";
  return (await admin.query(text)).rows.length;
}

t.test("nothing is left after 200 connections of every end", async (t) => {
  const ends: (() => Promise<void>)[] = [
    async () => {
      (await front.connect()).socket.destroy();
    },
    async () => {
      const client = await front.connect();
      client.send(serialize.end());
      await client.toEnd();
    },
    async () => {
      const client = await front.connect();
      client.send(serialize.query("select pg_sleep(603)"));
      client.socket.destroySoon();
    },
    async () => {
      (await rawSocket(front.port)).destroy();
    },
    async () => {
      const socket = await rawSocket(front.port);
      socket.write(encodeSslRequest(), () => socket.destroy());
    },
    async () => {
      const client = await front.connect();
      client.send(Buffer.from([0x7a, 0, 0, 0, 4]));
      await client.toEnd();
    },
    async () => {
      const { client } = await logIn(await securedSocket(front.port, front.ca), ME, "wrong");
      await client.toEnd();
    },
    async () => {
      const client = await front.connect();
      client.send(serialize.query("copy (select 1) to stdout"));
      await client.shape();
      client.socket.destroy();
    },
  ];
  const open = () =>
    process
      .getActiveResourcesInfo()
      .filter((name) => /TCP|TLS|Timeout/.test(name))
      .sort();
  await eventually(async () => (await backends()) === 0);
  const before = open();
  for (let round = 0; round < 200; round += 40) {
    await Promise.all(Array.from({ length: 40 }, async (_, i) => ends[i % ends.length]?.()));
  }
  await eventually(async () => (await backends()) === 0);
  await eventually(() => open().length <= before.length);
  t.equal(front.gate.open, 0);
  t.strictSame(open(), before);
});
