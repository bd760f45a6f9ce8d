import { PassThrough } from "node:stream";
import { once } from "node:events";
import t from "tap";
import { MessageReader } from "../../src/connection/message-reader.ts";

const HEAD = "GET / HTTP/1.1\r\nHost: api\r\n\r\n";

t.test("what was read too far is handed over, and the rest is the next reader's", async (t) => {
  const stream = new PassThrough();
  stream.write(`${HEAD}early`);
  const reader = new MessageReader(stream);
  await reader.head();
  t.equal((await reader.handOver()).toString(), "early");
  stream.write("late");
  const [late] = (await once(stream, "data")) as [Buffer];
  t.equal(late.toString(), "late");
});

t.test("so is what came while somebody looked out for the end", async (t) => {
  const stream = new PassThrough();
  stream.write(HEAD);
  const reader = new MessageReader(stream);
  await reader.head();
  reader.watch(() => t.fail("it has not ended"));
  stream.write("first ");
  await new Promise((resolve) => setImmediate(resolve));
  stream.write("second");
  await new Promise((resolve) => setImmediate(resolve));
  const early = (await reader.handOver()).toString();
  t.equal(early, "first second");
  stream.write("late");
  const [late] = (await once(stream, "data")) as [Buffer];
  t.equal(late.toString(), "late", "and nobody else reads on");
});

t.test("nothing, where nothing has come", async (t) => {
  const stream = new PassThrough();
  stream.write(HEAD);
  const reader = new MessageReader(stream);
  await reader.head();
  reader.watch(() => t.fail("it has not ended"));
  t.equal((await reader.handOver()).length, 0);
  stream.write("late");
  const [late] = (await once(stream, "data")) as [Buffer];
  t.equal(late.toString(), "late");
});
