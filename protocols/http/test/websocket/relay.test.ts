import t from "tap";
import { type End, serve } from "./ends.ts";

const [CONTINUATION, TEXT, BINARY, PING, PONG] = [0, 1, 2, 9, 10] as const;

t.test("messages go both ways, each decided that a client sends", async (t) => {
  const { client, target, gate, done } = await serve();
  client.text("one");
  client.say({ bits: 0, opcode: TEXT, payload: "t" }, { opcode: CONTINUATION, payload: "wo" });
  await target.hears(2);
  target.text("three");
  await client.hears(1);
  client.close(1000, "bye");
  await target.hears(3);
  target.close(1000, "goodbye");
  await Promise.all([done, client.closed(), target.closed()]);
  t.same(target.heard, ["text one", "text two", "close 1000 "]);
  t.same(client.heard, ["text three", "close 1000 goodbye"]);
  t.same(
    gate.commands.map(({ kind, verbs, access, facts }) => [kind, verbs, access, facts["message"]]),
    [
      ["message", ["MESSAGE"], "write", "one"],
      ["message", ["MESSAGE"], "write", "two"],
    ],
  );
});

t.test("what was read behind the heads comes first", async (t) => {
  const { client, target, done } = await serve({
    clientHead: Buffer.from([0x81, 0x81, 0, 0, 0, 0, 0x61]),
    targetHead: Buffer.from([0x81, 0x01, 0x62]),
  });
  client.text("c");
  await Promise.all([client.hears(1), target.hears(2)]);
  t.same(target.heard, ["text a", "text c"]);
  t.same(client.heard, ["text b"]);
  leave(client, target);
  await done;
});

t.test("a message that a rule refuses is not sent, and is the last", async (t) => {
  const { client, target, done } = await serve({ allow: ({ facts }) => facts["message"] !== "drop" });
  client.text("fine");
  client.text("drop");
  client.text("late");
  await Promise.all([client.hears(1), target.hears(2)]);
  t.same(client.heard, ["close 1008 No. (ref_1)"]);
  t.same(target.heard, ["text fine", "close 1001 "]);
  client.close(1008);
  target.close(1001);
  await done;
});

t.test("a message that waits keeps those behind it, and pings are answered meanwhile", async (t) => {
  const { client, target, gate, done } = await serve({ hold: ({ facts }) => facts["message"] === "slow" });
  client.text("slow");
  client.text("quick");
  await gate.until((events) => events.some(({ type }) => type === "held"));
  client.say({ opcode: PING, payload: "there?" });
  await client.hears(1);
  t.same(client.heard, ["pong there?"]);
  target.text("meanwhile");
  await client.hears(2);
  t.same(target.heard, []);
  gate.waiting[0]?.approve();
  await target.hears(2);
  t.same(target.heard, ["text slow", "text quick"]);
  t.ok(gate.events.some((event) => event.type === "outcome" && event.outcome === "done"));
  leave(client, target);
  await done;
});

t.test("who leaves takes along what waits", async (t) => {
  for (const leave of ["cut", "goodbye"] as const) {
    const { client, target, gate, done } = await serve({ hold: () => true });
    client.text("slow");
    await gate.until((events) => events.some(({ type }) => type === "held"));
    if (leave === "cut") client.socket.destroy();
    else client.close(1000);
    await gate.until((events) => events.some(({ type }) => type === "gone"));
    target.socket.end();
    await done;
    t.notOk(
      target.heard.some((word) => word.startsWith("text")),
      leave,
    );
  }
});

t.test("who says so much while it waits that it would not be seen to leave is not waited for", async (t) => {
  const { client, target, gate, done } = await serve({ hold: ({ facts }) => facts["message"] === "slow" });
  client.text("slow");
  await gate.until((events) => events.some(({ type }) => type === "held"));
  for (let sent = 0; sent < 12; sent++) client.text("x".repeat(100_000));
  await gate.until((events) => events.some(({ type }) => type === "gone"));
  leave(client, target);
  await done;
  t.notOk(target.heard.some((word) => word.startsWith("text")));
});

t.test("what was said before a goodbye is done", async (t) => {
  const { client, target, done } = await serve();
  for (let count = 0; count < 100; count++) client.text(String(count));
  client.close(1001);
  client.socket.end();
  await target.hears(101);
  t.same(target.heard, [...Array.from({ length: 100 }, (_, count) => `text ${count}`), "close 1001 "]);
  target.close(1001);
  await done;
});

t.test("a binary message is a command of its own, of which nothing but its size is known", async (t) => {
  const { client, target, gate, done } = await serve();
  client.say({ opcode: BINARY, payload: "abc" });
  client.say(
    { bits: 0, opcode: BINARY, payload: "d" },
    { opcode: PING },
    { opcode: CONTINUATION, payload: "e" },
  );
  target.say({ bits: 0, opcode: BINARY, payload: "x" }, { opcode: CONTINUATION, payload: "y" });
  await Promise.all([target.hears(2), client.hears(2)]);
  t.same(target.heard, ["binary 3 616263", "binary -1 6465"]);
  t.same([...client.heard].sort(), ["binary -1 7879", "pong "]);
  t.same(
    gate.commands.map(({ kind, access, facts, fingerprint }) => [kind, access, facts["size"], fingerprint]),
    [
      ["binary", "unknown", 3, undefined],
      ["binary", "unknown", -1, undefined],
    ],
  );
  leave(client, target);
  await done;
});

t.test("of a binary message that is refused, nothing is sent", async (t) => {
  const { client, target, done } = await serve({ allow: ({ kind }) => kind !== "binary" });
  client.say({ bits: 0, opcode: BINARY, payload: "ab" }, { opcode: CONTINUATION, payload: "cd" });
  await Promise.all([client.hears(1), target.hears(1)]);
  t.same([client.heard, target.heard], [["close 1008 No. (ref_1)"], ["close 1001 "]]);
  leave(client, target);
  await done;
});

t.test("pings stay on their side", async (t) => {
  const { client, target, done } = await serve();
  target.say({ opcode: PING, payload: "target" }, { opcode: PONG, payload: "unasked" });
  client.say({ opcode: PONG, payload: "unasked" }, { opcode: PING, payload: "client" });
  await Promise.all([client.hears(1), target.hears(1)]);
  client.text("end");
  await target.hears(2);
  t.same(client.heard, ["pong client"]);
  t.same(target.heard, ["pong target", "text end"]);
  leave(client, target);
  await done;
});

for (const [name, say, code] of [
  ["a frame that is not masked", Buffer.from([0x81, 0x01, 0x61]), 1002],
  ["a text that is no UTF-8", Buffer.from([0x81, 0x81, 0, 0, 0, 0, 0xff]), 1007],
  ["a text that is too long", Buffer.from([0x81, 0xff, 0, 0, 0, 0, 0, 0x10, 0, 1, 0, 0, 0, 0]), 1009],
] as const) {
  t.test(`a client is told of ${name}`, async (t) => {
    const { client, target, gate, done } = await serve();
    client.socket.write(say);
    await Promise.all([client.hears(1), target.hears(1)]);
    t.match(client.heard, [new RegExp(`^close ${code} .* \\(ref_1\\)$`)]);
    t.same(target.heard, ["close 1001 "]);
    t.ok(gate.events.some(({ type }) => type === "refused"));
    client.socket.destroy();
    target.socket.destroy();
    await done;
  });
}

t.test("a target that breaks the rules is not handed on", async (t) => {
  const { client, target, gate, done } = await serve();
  target.text("fine");
  target.socket.write(Buffer.from([0x81, 0x81, 0, 0, 0, 0, 0x61]));
  await Promise.all([client.hears(2), target.hears(1)]);
  t.match(client.heard, [
    "text fine",
    /^close 1011 What the target "api" sends can't be handed on\. \(ref_1\)$/,
  ]);
  t.match(gate.events, [{}, { refused: { reason: "a server's frame that is masked" } }]);
  client.close(1011);
  target.socket.destroy();
  await done;
});

t.test("a target that goes without a word", async (t) => {
  const { client, target, done } = await serve();
  target.socket.end();
  await client.hears(1);
  t.match(client.heard, [/^close 1011 .*\(ref_1\)$/]);
  client.close(1011);
  await done;
});

t.test("a target's goodbye reaches the client, and is answered", async (t) => {
  const { client, target, done } = await serve();
  target.close(4001, "that was it");
  await Promise.all([client.hears(1), target.hears(1)]);
  t.same([client.heard, target.heard], [["close 4001 that was it"], ["close 4001 "]]);
  client.close(4001);
  await done;
});

t.test("who does not answer a goodbye is cut off", async (t) => {
  const { client, target, done } = await serve({ limits: { patience: 50 } });
  target.socket.pause();
  client.close(1000);
  await Promise.all([done, client.closed()]);
  t.match(client.heard, [/^close 1001/]);
});

for (const [kind, code] of [
  ["busy", 1001],
  ["revoked", 1008],
] as const) {
  t.test(`a session that is ended: ${kind}`, async (t) => {
    const { client, target, gate, done } = await serve();
    client.text("a");
    await target.hears(1);
    gate.endAll({ kind, message: "It is over." });
    await Promise.all([client.hears(1), target.hears(2)]);
    t.same(client.heard, [`close ${code} It is over. (ref_1)`]);
    t.equal(target.heard[1], "close 1001 ");
    client.close(code);
    target.close(1001);
    await done;
  });
}

t.test("a token that has expired lets nothing more through", async (t) => {
  let now = 0;
  const { client, target, done } = await serve({ now: () => now });
  client.text("before");
  await target.hears(1);
  now = Number.MAX_SAFE_INTEGER;
  client.text("after");
  await Promise.all([client.hears(1), target.hears(2)]);
  t.same(client.heard, ["close 1008 The access token has expired. (ref_1)"]);
  t.same(target.heard, ["text before", "close 1001 "]);
  leave(client, target);
  await done;
});

t.test("who is silent is asked, and who does not answer is gone", async (t) => {
  const { client, target, done } = await serve({ limits: { silence: 40 } });
  await client.until(({ heard }) => heard.includes("ping "));
  await Promise.all([done, client.closed(), target.closed()]);
  t.ok(target.heard.includes("ping "));
});

t.test("a session is idle while nothing is under way", async (t) => {
  const { client, target, gate, done } = await serve({ hold: () => true });
  t.equal(gate.activity, "idle");
  client.text("slow");
  await gate.until((events) => events.some(({ type }) => type === "held"));
  target.text("unasked");
  await client.hears(1);
  t.equal(gate.activity, "busy", "also behind what came meanwhile");
  gate.waiting[0]?.approve();
  await target.hears(1);
  client.say({ opcode: PING });
  await client.hears(2);
  t.equal(gate.activity, "idle");
  leave(client, target);
  await done;
});

t.test("who answers when asked stays", async (t) => {
  const { client, target, done } = await serve({ limits: { silence: 30 } });
  const ends = [client, target];
  let asked = 0;
  const answers = ends.map(async (end) => {
    for (let count = 1; count <= 4; count++) {
      await end.hears(count);
      asked++;
      end.say({ opcode: PONG });
    }
  });
  await Promise.all(answers);
  t.equal(asked, 8);
  t.notOk(ends.some(({ isClosed }) => isClosed));
  leave(client, target);
  await done;
});

t.test("a side that takes nothing slows the other down", async (t) => {
  for (const [from, to] of [
    ["client", "target"],
    ["target", "client"],
  ] as const) {
    const served = await serve();
    const [sender, taker] = [served[from], served[to]];
    const piece = "x".repeat(100_000);
    taker.socket.pause();
    let sent = 0;
    for (; sent < 1000 && sender.socket.writableLength < 5_000_000; sent++) {
      sender.text(piece);
      await new Promise((resolve) => setImmediate(resolve));
    }
    t.ok(sent < 1000, `${from}: what is sent stays with its sender`);
    taker.socket.resume();
    await taker.hears(sent);
    t.equal(taker.heard.length, sent);
    leave(served.client, served.target);
    await served.done;
  }
});

t.test("a side that takes nothing for too long is cut off", async (t) => {
  const { client, target, done } = await serve({ limits: { stalled: 50 } });
  client.socket.pause();
  for (let count = 0; count < 200; count++) target.text("x".repeat(100_000));
  await target.hears(1);
  t.same(target.heard, ["close 1001 "]);
  leave(client, target);
  await done;
});

/** Both go without a word. */
function leave(...ends: readonly End[]): void {
  for (const { socket } of ends) socket.destroy();
}
