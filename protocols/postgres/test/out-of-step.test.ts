import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { serialize } from "pg-protocol";
import t from "tap";
import { frame } from "../src/codec/framing.ts";
import { eventually, startFront, startFrontWithServer } from "./support/front.ts";
import { errorIn } from "./support/raw-client.ts";

const { front: plain, server, admin } = await startFrontWithServer();

/** Stands between the gateway and the server, and can speak in the server's place. */
const toGateway: Socket[] = [];
const between = createServer({ allowHalfOpen: true }, (gateway) => {
  const upstream = connect({ host: server.host, port: server.port });
  for (const socket of [gateway, upstream]) socket.on("error", () => socket.destroy());
  gateway.pipe(upstream).pipe(gateway);
  toGateway.push(gateway);
});
between.listen(0, "127.0.0.1");
await once(between, "listening");
const address = between.address();
if (address === null || typeof address !== "object") throw new Error("no port");
const front = await startFront({
  address: { host: "127.0.0.1", port: address.port },
  password: server.superuser.password,
});
t.teardown(async () => {
  between.close();
  await admin.end();
  await plain.close();
  await front.close();
  await server.stop();
});

const sayings = {
  "an answer to nothing": frame("C", Buffer.from("SELECT 1\0")),
  "a ReadyForQuery to nothing": frame("Z", Buffer.from("I")),
  "an offer to copy in": frame("G", Buffer.from([0, 0, 0])),
  "no message at all": Buffer.from([0x44, 0, 0, 0, 0]),
  "an encoding that can't be read": frame("S", Buffer.from("client_encoding\0SJIS\0")),
  "an error without its end": frame("E", Buffer.from("SERROR\0")),
};

for (const [what, bytes] of Object.entries(sayings)) {
  t.test(`a target that says ${what} ends the session, and the client is told so`, async (t) => {
    const client = await front.connect();
    toGateway.at(-1)?.write(bytes);
    t.equal(errorIn(await client.toEnd()).get("C"), "XX000");
    t.match(front.gate.events.at(-1), { type: "closed", end: "protocol_violation" });
  });
}

t.test("in the middle of a row nothing is said: it would be read as the row's", async (t) => {
  const client = await front.connect();
  client.send(serialize.query("select 1"));
  await client.shape();
  const row = frame("D", Buffer.alloc(100));
  toGateway.at(-1)?.write(row.subarray(0, 50));
  client.release();
  const [chunk] = (await once(client.socket, "data")) as [Buffer];
  front.gate.endAll();
  const heard = [chunk];
  client.socket.on("data", (more: Buffer) => heard.push(more));
  await once(client.socket, "end");
  t.strictSame(Buffer.concat(heard), row.subarray(0, 50));
});

t.test(
  "what the target said before it was out of step reaches the client, behind its goodbye as well",
  async (t) => {
    for (const goodbye of [Buffer.alloc(0), serialize.end()]) {
      const client = await front.connect();
      client.send(serialize.query("select pg_sleep(604)"), goodbye);
      const text = "select 1 from pg_stat_activity where query = 'select pg_sleep(604)' and state = 'active'";
      await eventually(async () => (await admin.query(text)).rows.length === 1);
      const row = frame("D", Buffer.alloc(1000));
      toGateway.at(-1)?.write(row.subarray(0, 500));
      client.release();
      const heard = [((await once(client.socket, "data")) as [Buffer])[0]];
      client.socket.on("data", (more: Buffer) => heard.push(more));
      toGateway.at(-1)?.write(Buffer.concat([row.subarray(500), sayings["no message at all"]]));
      await once(client.socket, "end");
      const said = Buffer.concat(heard);
      t.strictSame(said.subarray(0, row.length), row);
      t.match(said.toString("latin1", row.length), /^E.*FATAL.*XX000/s);
      t.match(front.gate.events.at(-1), { type: "closed", end: "protocol_violation" });
      await eventually(async () => (await admin.query(text)).rows.length === 0);
    }
  },
);
