import type { Mask } from "@gatehouse/core";
import t from "tap";
import { AnswerText } from "../../src/websocket/answer-text.ts";
import { maskOf } from "../masking/masks.ts";
import { addresses, sampleValues } from "../masking/sample-values.ts";
import { raw } from "./bytes.ts";
import { serve } from "./ends.ts";

const CANARY = "anna@example.com";
const field = maskOf({ fields: ["$..name"] });

const masked = (text: string, ...masks: readonly Mask[]) => new AnswerText(masks, sampleValues).mask(text);

t.test("texts and JSON, masked", (t) => {
  t.equal(masked(`from ${CANARY}`), `from ${CANARY}`, "without a mask");
  t.equal(masked(`from ${CANARY} <3`, addresses), "from [redacted] <3");
  t.equal(masked(`{"from": "${CANARY}", "n": 1.0}`, addresses), '{"from": "[redacted]", "n": 1.0}');
  t.equal(masked('"anna\\u0040example.com"', addresses), '"[redacted]"', "a string alone");
  t.equal(masked(' [{"name":"Anna"}, 7]', field), ' [{"name":"[redacted]"}, 7]');
  t.equal(
    masked(`{"name":"Anna","from":"${CANARY}"}`, field, addresses),
    '{"name":"[redacted]","from":"[redacted]"}',
  );
  t.equal(masked("", addresses), "");
  t.equal(masked("4111111111111111", addresses), '"[redacted]"', "a number alone");
  t.equal(masked(`[12:30] ${CANARY}: "hi`, addresses), '[12:30] [redacted]: "hi', "what only begins as JSON");
  t.end();
});

for (const [name, text, masks] of [
  ["what begins as JSON and is none", '{"name": "Anna"', [field]],
  ["JSON with something behind it", '{"name": 1} x', [field, addresses]],
  ["no JSON, where a path has to be found", "hello", [field]],
  ["escapes outside of JSON", '42["message","anna\\u0040example.com"]', [addresses]],
] as const) {
  t.test(`can't be masked: ${name}`, (t) => {
    t.throws(() => masked(text, ...masks), { code: "PROTOCOL_VIOLATION" });
    t.end();
  });
}

t.test("escapes outside of JSON that hide nothing", (t) => {
  t.equal(masked("C:\\users\\anna", addresses), "C:\\users\\anna");
  t.equal(masked('42["message","a\\nb"]', addresses), '42["message","a\\nb"]');
  t.end();
});

t.test("masks that are not about answers, or about columns alone, hide nothing", (t) => {
  const columns = maskOf({ columns: ["public.users.email"] });
  const requests = maskOf({ detect: ["pii.email"], requests: { restore: false } });
  const answers = new AnswerText([columns, requests], sampleValues);
  t.notOk(answers.isMasked);
  answers.add([columns]);
  t.notOk(answers.isMasked);
  answers.add([addresses]);
  t.ok(answers.isMasked);
  t.equal(answers.mask(CANARY), "[redacted]");
  t.end();
});

t.test("nothing is left of a canary, wherever frames and pieces are cut", async (t) => {
  const { client, target, done } = await serve({ masks: [addresses], values: sampleValues });
  client.socket.setNoDelay(true);
  const texts = [`Grüße an ${CANARY} €`, `{"from":"${CANARY}","n":[1,"ü"]}`];
  let sent = 0;
  for (const text of texts) {
    const bytes = Buffer.from(text);
    for (let at = 0; at <= bytes.length; at++) {
      const frames = [
        raw({ bits: 0, opcode: 1, payload: bytes.subarray(0, at), masked: false }),
        raw({ opcode: 9, payload: "?", masked: false }),
        raw({ opcode: 0, payload: bytes.subarray(at), masked: false }),
      ];
      const all = Buffer.concat(frames);
      target.socket.write(all.subarray(0, at + 1));
      await new Promise((resolve) => setImmediate(resolve));
      target.socket.write(all.subarray(at + 1));
      sent++;
    }
  }
  await client.hears(sent);
  t.same(
    [...new Set(client.heard)],
    ["text Grüße an [redacted] €", 'text {"from":"[redacted]","n":[1,"ü"]}'],
  );
  client.socket.destroy();
  target.socket.destroy();
  await done;
});

t.test("a message's own masks hold from then on", async (t) => {
  const masks: Mask[] = [];
  const { client, target, done } = await serve({ masksOf: () => masks, values: sampleValues });
  target.text(CANARY);
  await client.hears(1);
  masks.push(addresses);
  client.text("show me");
  await target.hears(1);
  masks.pop();
  client.text("and again");
  await target.hears(2);
  target.text(CANARY);
  await client.hears(2);
  t.same(client.heard, [`text ${CANARY}`, "text [redacted]"]);
  client.socket.destroy();
  target.socket.destroy();
  await done;
});

for (const [name, frame] of [
  ["a binary message", { opcode: 2, payload: CANARY }],
  ["a text that can't be masked", { opcode: 1, payload: "{'anna\\u0040example.com'}" }],
] as const) {
  t.test(`${name} does not reach the client where masks apply`, async (t) => {
    const { client, target, gate, done } = await serve({ masks: [addresses], values: sampleValues });
    target.say(frame);
    await Promise.all([client.hears(1), target.hears(1)]);
    t.match(client.heard, [/^close 1011 [^@]* \(ref_1\)$/]);
    t.equal(target.heard[0], "close 1001 ");
    t.ok(gate.events.some(({ type }) => type === "refused"));
    client.socket.destroy();
    target.socket.destroy();
    await done;
  });
}

t.test("a goodbye's words are masked by being left out", async (t) => {
  const { client, target, done } = await serve({ masks: [addresses], values: sampleValues });
  target.close(1008, `not for ${CANARY}`);
  await client.hears(1);
  t.same(client.heard, ["close 1008 "]);
  client.close(1008);
  await done;
});

t.test("masks on requests refuse the message", async (t) => {
  const requests = maskOf({ detect: ["pii.email"], requests: { restore: false } });
  const { client, target, done } = await serve({ masksOf: () => [requests], values: sampleValues });
  client.text(CANARY);
  await Promise.all([client.hears(1), target.hears(1)]);
  t.match(client.heard, [/^close 1008 What is in a message/]);
  t.same(target.heard, ["close 1001 "]);
  client.socket.destroy();
  target.socket.destroy();
  await done;
});

t.test("the target's credential is taken out, also of binary messages and at any cut", async (t) => {
  const { client, target, done } = await serve({
    // Keeps back all to the end, and hides one word in it.
    redacted: (next) => {
      const kept: Buffer[] = [];
      return {
        write: (content) => {
          kept.push(...content);
          return undefined;
        },
        end: () => {
          const text = Buffer.concat(kept).toString("latin1").replace("s3cr3t", "******");
          const room = next.write([Buffer.from(text, "latin1")]);
          return room ? room.then(() => next.end()) : next.end();
        },
        abort: () => undefined,
      };
    },
  });
  target.text("it is s3cr3t");
  target.say(
    { bits: 0, opcode: 2, payload: "s3c" },
    { bits: 0, opcode: 0, payload: "r" },
    { opcode: 0, payload: "3t" },
  );
  target.say({ opcode: 2, payload: "plain" });
  await client.hears(3);
  target.close(1000, "s3cr3t");
  await client.hears(4);
  t.same(client.heard, [
    "text it is ******",
    `binary -1 ${Buffer.from("******").toString("hex")}`,
    `binary 5 ${Buffer.from("plain").toString("hex")}`,
    "close 1000 ",
  ]);
  client.close(1000);
  await done;
});
