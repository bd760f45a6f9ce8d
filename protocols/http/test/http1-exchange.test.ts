import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { mock } from "node:test";
import t from "tap";
import { Deadline } from "../src/connection/deadline.ts";
import { MessageReader } from "../src/connection/message-reader.ts";
import { Http1Exchange } from "../src/http1-exchange.ts";
import { requestOf } from "./heads.ts";

t.test("a client that does not take its answer holds nothing for ever", async (t) => {
  const served = Promise.withResolvers<Socket>();
  const server = createServer((socket) => {
    served.resolve(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const at = server.address();
  if (at === null || typeof at === "string") throw new Error("It listens on a port.");
  const client = connect(at.port, "127.0.0.1");
  const socket = await served.promise;
  t.teardown(() => {
    client.destroy();
    server.close();
  });
  mock.timers.enable({ apis: ["setTimeout"] });
  t.teardown(() => {
    mock.timers.reset();
  });
  const exchange = new Http1Exchange(requestOf("GET /a"), {
    ...{ socket, reader: new MessageReader(socket), gone: new AbortController().signal },
    ...{ arrival: new Deadline(socket), delivery: new Deadline(socket) },
  });
  exchange.begin({ status: 200, reason: "OK", fields: [], framing: { kind: "chunked" } });
  // What the system does not take is not taken by anybody: the client reads nothing.
  client.pause();
  let room: Promise<void> | undefined;
  while (room === undefined) room = exchange.write([Buffer.alloc(1 << 20)]);
  mock.timers.tick(59_000);
  t.equal(socket.destroyed, false);
  mock.timers.tick(2000);
  await t.rejects(room, { code: "PROTOCOL_VIOLATION" });
  t.equal(socket.destroyed, true);
});
