import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { text } from "node:stream/consumers";
import t from "tap";
import { startModelServer } from "../src/index.ts";

/*
 * That its answers have the form of the real ones is for the APIs' own libraries to say, which are driven in the tests of the HTTP adapter.
 */

const SCRIPT = {
  choices: [{ tokens: ["a", "b"], call: { name: "pay", tokens: ['{"to":', '"bob"}'] } }, { tokens: ["c"] }],
};

async function asked(port: number, path: string, body?: object, headers: Record<string, string> = {}) {
  const method = body ? "POST" : "GET";
  const sent = request({ port, host: "127.0.0.1", path, method, headers, agent: false });
  sent.end(body && JSON.stringify(body));
  const [response] = (await once(sent, "response")) as [IncomingMessage];
  return response;
}

t.test("a model server streams its choices by turns, a token in each event", async (t) => {
  const server = await startModelServer({ script: SCRIPT });
  t.teardown(() => server.stop());
  const answer = await asked(server.port, "/v1/chat/completions", { model: "m", stream: true });
  const events = (await text(answer)).split("\n\n").filter((event) => event !== "");
  t.equal(events.pop(), "data: [DONE]");
  const deltas = events.map((event) => {
    const { choices } = JSON.parse(event.slice("data: ".length)) as {
      choices: readonly { index: number; delta: { content?: string; tool_calls?: unknown } }[];
    };
    return choices.map(({ index, delta }) => [index, delta.content ?? delta.tool_calls ?? null]);
  });
  const call = (rest: object, args: string) => ({
    index: 0,
    ...rest,
    function: { ...("id" in rest ? { name: "pay" } : {}), arguments: args },
  });
  t.same(deltas, [
    ...[[[0, ""]], [[1, ""]], [[0, "a"]], [[1, "c"]], [[0, "b"]]],
    [[0, [call({ id: "call_1", type: "function" }, '{"to":')]]],
    [[0, [call({}, '"bob"}')]]],
    ...[[[0, null]], [[1, null]]],
  ]);
});

t.test("a token that waits comes when it may, and those before it at once", async (t) => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const tokens = ["first", { text: "second", after: () => promise }, { text: "third", after: 1 }];
  const server = await startModelServer({ script: { choices: [{ tokens }] } });
  t.teardown(() => server.stop());
  const answer = await asked(server.port, "/v1/messages", { model: "m", stream: true });
  let seen = "";
  for await (const part of answer) {
    seen += String(part);
    if (!seen.includes("first")) continue;
    if (!seen.includes("second")) resolve();
  }
  t.match(seen, /first.*second.*third.*message_stop/s);
});

t.test("a model server keeps what it was asked, and wants its key", async (t) => {
  const script = ({ body }: { readonly body: unknown }) => ({
    choices: [{ tokens: [JSON.stringify(body)] }],
  });
  const server = await startModelServer({ script, key: "k" });
  t.teardown(() => server.stop());
  const { port } = server;
  const paths = ["/v1/chat/completions", "/v1/responses", "/v1/messages", "/v1/embeddings"];
  for (const path of paths) {
    const body = { model: path };
    t.equal((await asked(port, path, body)).statusCode, 401);
    t.equal((await asked(port, path, body, { "x-api-key": "k" })).statusCode, 200);
    const answer = await asked(port, path, body, { authorization: "Bearer k" });
    t.equal(answer.statusCode, 200);
    t.match(JSON.parse(await text(answer)), { model: path });
  }
  t.equal((await asked(port, "/v1/models", undefined, { "x-api-key": "k" })).statusCode, 200);
  t.equal((await asked(port, "/v1/other", {}, { "x-api-key": "k" })).statusCode, 404);
  t.equal((await asked(port, "/v1/messages", [], { "x-api-key": "k" })).statusCode, 400);
  t.same(
    server.requests.slice(0, 3).map(({ method, path, body }) => [method, path, body]),
    Array.from({ length: 3 }, () => ["POST", paths[0], { model: paths[0] }]),
  );
});

t.test("a client that leaves in the middle ends its stream", async (t) => {
  const never = { text: "b", after: () => new Promise<void>(() => undefined) };
  const server = await startModelServer({ script: { choices: [{ tokens: ["a", never] }] } });
  const answer = await asked(server.port, "/v1/responses", { model: "m", stream: true });
  await once(answer, "data");
  answer.destroy();
  await server.stop();
  t.equal(server.requests.length, 1);
});
