import { PassThrough } from "node:stream";
import { setTimeout as pause } from "node:timers/promises";
import t from "tap";
import { MessageReader } from "../../src/connection/message-reader.ts";
import { RequestBody } from "../../src/connection/request-body.ts";

t.test("what comes while a slow target takes the beginning is handed on behind it", async (t) => {
  const socket = new PassThrough();
  const body = new RequestBody(1000);
  const reader = new MessageReader(socket);
  body.start((take) => reader.body({ kind: "length", length: 6 }, take));
  socket.write("ab");
  await pause(5);
  const parts: string[] = [];
  const room = Promise.withResolvers<void>();
  const sent = body.sendTo((content) => {
    parts.push(Buffer.concat(content).toString());
    return parts.length === 1 ? room.promise : undefined;
  });
  socket.write("cd");
  await pause(5);
  room.resolve();
  socket.write("ef");
  await sent;
  t.equal(parts.join(""), "abcdef");
});
