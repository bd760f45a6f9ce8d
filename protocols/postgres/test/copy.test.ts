import { serialize } from "pg-protocol";
import t, { type Test } from "tap";
import { startFrontWithServer } from "./support/front.ts";
import { errorIn, letter, type RawClient } from "./support/raw-client.ts";

const { front, server, admin } = await startFrontWithServer({
  allow: ({ text }) => !text.includes("secret"),
});
t.teardown(async () => {
  await admin.end();
  await front.close();
  await server.stop();
});
await admin.query("create table lines (line text)");
await admin.query("create table numbers (n int)");

const { query, copyDone, copyFail, copyData, sync, parse, bind, execute } = serialize;
const data = (text: string) => copyData(Buffer.from(text));

async function count(table: string): Promise<number> {
  const { rows } = await admin.query<{ count: string }>(`select count(*) from ${table}`);
  await admin.query(`truncate ${table}`);
  return Number(rows[0]?.count);
}

async function stillWorks(t: Test, client: RawClient): Promise<void> {
  client.send(query("select 1"));
  t.equal(await client.shape(), "TDCZI", "the session goes on");
  client.send(parse({ text: "select 1" }), bind(), execute(), sync());
  t.equal(await client.shape(), "12DCZI", "with its answers in step");
  client.socket.destroy();
}

t.test("COPY in by a simple query", async (t) => {
  const client = await front.connect();
  client.send(query("copy lines from stdin"));
  await client.until("G");
  client.send(data("a\nb\n"), data("c\n"), copyDone());
  t.equal(await client.shape(), "CZI");
  t.equal(await count("lines"), 3);
  await stillWorks(t, client);
});

t.test("COPY in by the extended protocol, with libpq's Sync behind the Execute", async (t) => {
  const client = await front.connect();
  client.send(parse({ text: "copy lines from stdin" }), bind(), execute(), sync());
  t.equal((await client.until("G")).map(letter).join(""), "12G");
  client.send(data("a\n"), copyDone(), sync());
  t.equal(await client.shape(), "CZI");
  t.equal(await count("lines"), 1);
  await stillWorks(t, client);
});

t.test("COPY in that is sent ahead of the server's CopyInResponse", async (t) => {
  const client = await front.connect();
  client.send(
    parse({ text: "copy lines from stdin" }),
    bind(),
    execute(),
    sync(),
    data("a\n"),
    copyDone(),
    sync(),
    query("select 1"),
  );
  t.equal(await client.shape(), "12GCZI");
  t.equal(await client.shape(), "TDCZI");
  t.equal(await count("lines"), 1);
  await stillWorks(t, client);
});

t.test("Syncs and Flushes in the middle of the data are passed over", async (t) => {
  const client = await front.connect();
  client.send(parse({ text: "copy lines from stdin" }), bind(), execute(), sync());
  await client.until("G");
  client.send(data("a\n"), sync(), serialize.flush(), data("b\n"), copyDone(), sync());
  t.equal(await client.shape(), "CZI");
  t.equal(await count("lines"), 2);
  await stillWorks(t, client);
});

t.test("COPY that the client fails", async (t) => {
  const client = await front.connect();
  client.send(query("copy lines from stdin"));
  await client.until("G");
  client.send(data("a\n"), copyFail("changed my mind"));
  const frames = await client.until("Z");
  t.equal(errorIn(frames).get("C"), "57014");
  client.send(parse({ text: "copy lines from stdin" }), bind(), execute(), sync());
  await client.until("G");
  client.send(copyFail("again"), sync());
  t.equal(await client.shape(), "EZI");
  t.equal(await count("lines"), 0);
  await stillWorks(t, client);
});

t.test("COPY whose data the server does not take; what the client still sends is dropped", async (t) => {
  const client = await front.connect();
  client.send(query("copy numbers from stdin"));
  await client.until("G");
  client.send(data("1\n"), data("two\n"), data("3\n"), copyDone());
  t.equal(errorIn(await client.until("Z")).get("C"), "22P02");
  client.send(parse({ text: "copy numbers from stdin" }), bind(), execute(), sync());
  await client.until("G");
  client.send(data("two\n"), data("3\n"), copyDone(), sync());
  t.equal(await client.shape(), "EZI");
  t.equal(await count("numbers"), 0);
  await stillWorks(t, client);
});

t.test("COPY that is refused takes no data", async (t) => {
  const client = await front.connect();
  await admin.query("create table if not exists secrets (value text)");
  client.send(query("copy secrets from stdin"));
  t.equal(await client.shape(), "EZI");
  client.send(query("copy secrets from stdin"), data("a\n"), copyDone());
  t.equal(await client.shape(), "EZI");
  client.send(parse({ text: "copy secrets from stdin" }), bind(), execute(), data("a\n"), copyDone(), sync());
  t.equal(await client.shape(), "EZI");
  t.equal(await count("secrets"), 0);
  await stillWorks(t, client);
});

t.test("two COPYs in one text", async (t) => {
  const client = await front.connect();
  client.send(query("copy lines from stdin; copy numbers from stdin"));
  await client.until("G");
  client.send(data("a\n"), copyDone());
  await client.until("G");
  client.send(data("1\n"), copyDone());
  t.equal(await client.shape(), "CZI");
  t.equal((await count("lines")) + (await count("numbers")), 2);
  await stillWorks(t, client);
});

t.test("COPY out by both protocols", async (t) => {
  const client = await front.connect();
  client.send(query("copy (select generate_series(1, 3)) to stdout"));
  t.equal(await client.shape(), "HdddcCZI");
  client.send(parse({ text: "copy (select 1) to stdout" }), bind(), execute(), sync());
  t.equal(await client.shape(), "12HdcCZI");
  await stillWorks(t, client);
});

t.test("anything but its data during a COPY in ends the connection", async (t) => {
  const client = await front.connect();
  client.send(query("copy lines from stdin"));
  await client.until("G");
  client.send(query("select 1"));
  t.equal(errorIn(await client.toEnd()).get("C"), "08P01");
  t.equal(await count("lines"), 0);
});

t.test("data outside of a COPY are dropped, as the server drops them", async (t) => {
  const client = await front.connect();
  client.send(data("a\n"), copyDone(), copyFail("x"), query("select 1"));
  t.equal(await client.shape(), "TDCZI");
  await stillWorks(t, client);
});

t.test(
  "Syncs behind the data are answered where the COPY has failed before them, and only there",
  async (t) => {
    const begin = {
      simple: [query("copy numbers from stdin")],
      extended: [parse({ text: "copy numbers from stdin" }), bind(), execute()],
    };
    for (const [protocol, messages] of Object.entries(begin)) {
      const simple = protocol === "simple";
      for (const [what, syncs, bytes, answers] of [
        ["a line that fails", 1, "two\n", simple ? 3 : 2],
        ["a line that fails, and two of them", 2, "two\n", simple ? 4 : 3],
        ["a line that fails at the data's end", 1, "two", simple ? 2 : 1],
      ] as const) {
        const client = await front.connect();
        client.send(...messages, ...(simple ? [] : [serialize.flush()]));
        await client.until("G");
        client.send(data(bytes), ...Array.from({ length: syncs }, () => sync()), copyDone(), sync());
        t.equal(await client.shape(), "EZI", `${protocol}: ${what}`);
        for (let left = answers; left > 1; left--) t.equal(await client.shape(), "ZI");
        await stillWorks(t, client);
      }
    }
  },
);

t.test(
  "a message among the data is answered as by the server, once, whenever the server has begun",
  async (t) => {
    const messages = {
      "a query": query("select 1"),
      "a Parse": parse({ text: "select 1" }),
      "a message of no type": Buffer.from([0x7a, 0, 0, 0, 4]),
    };
    for (const [what, message] of Object.entries(messages)) {
      for (const begun of [true, false]) {
        const client = await front.connect();
        client.send(query("copy lines from stdin"), ...(begun ? [] : [data("a\n"), message, sync()]));
        if (begun) {
          await client.until("G");
          client.send(data("a\n"), message, sync());
        }
        const errors = (await client.toEnd()).filter((frame) => letter(frame) === "E");
        t.strictSame(
          errors.map((frame) => [errorIn([frame]).get("V"), errorIn([frame]).get("C")]),
          [
            ["ERROR", "08P01"],
            ["FATAL", "08P01"],
          ],
          `${what}, ${begun ? "with the COPY begun" : "sent ahead"}`,
        );
        t.equal(await count("lines"), 0);
      }
    }
  },
);
