import type { TLSSocket } from "node:tls";
import t, { type Test } from "tap";
import { ask } from "../support/client.ts";
import { type Front, type FrontOptions, startFront } from "../support/front.ts";
import { END_HEADERS, END_STREAM, type Frame, frame, hpack, TYPE, word } from "./frames.ts";
import { type RawHttp2Target, startRawHttp2Target } from "./raw-target.ts";

/*
 * What targets of HTTP/2 do that no server of Node's does.
 */

async function behind(
  t: Test,
  answer: (socket: TLSSocket, head: Frame, connection: number) => void,
  options: Omit<FrontOptions, "target"> = {},
): Promise<{ readonly front: Front; readonly target: RawHttp2Target }> {
  const target = await startRawHttp2Target(t.testdir(), answer);
  const front = await startFront({ target, tls: { mode: "verify-full", ca: target.ca }, ...options });
  t.teardown(async () => {
    await front.close();
    await target.stop();
  });
  return { front, target };
}

const head = (stream: number, flags: number, ...more: (readonly [string, string])[]) =>
  frame(TYPE.HEADERS, flags | END_HEADERS, stream, hpack([[":status", "200"], ...more]));
const data = (stream: number, text: string, flags = 0) => frame(TYPE.DATA, flags, stream, Buffer.from(text));
const whole = (stream: number) => Buffer.concat([head(stream, 0), data(stream, "ok", END_STREAM)]);
const reset = (stream: number, code: number) => frame(TYPE.RST_STREAM, 0, stream, word(code));
const goaway = (last: number, code = 0) => frame(TYPE.GOAWAY, 0, 0, Buffer.concat([word(last), word(code)]));

const requests = ({ heard }: RawHttp2Target) =>
  heard.flat().filter(({ type }) => type === TYPE.HEADERS).length;

for (const [what, code] of [
  ["no error", 0],
  ["CANCEL", 8],
  ["INTERNAL_ERROR", 2],
] as const) {
  t.test(`an answer that is reset in the middle, with ${what}, is not taken for a whole one`, async (t) => {
    const { front } = await behind(t, (socket, { stream }) => {
      socket.write(Buffer.concat([head(stream, 0), data(stream, "half"), reset(stream, code)]));
    });
    // What has not gone out yet may still become a refusal; half an answer never looks whole.
    const answer = await ask(front, { path: "/api/" }).catch(() => undefined);
    t.not(answer?.status, 200);
  });
}

t.test("nothing of a request is indexed, and the secret never by anybody", async (t) => {
  const { front, target } = await behind(t, (socket, { stream }) => socket.write(whole(stream)));
  await ask(front, { path: "/api/" });
  await ask(front, { path: "/api/" });
  const heads = target.heard[0]?.filter(({ type }) => type === TYPE.HEADERS) ?? [];
  // The first begins with the table's size, which is none (RFC 7541, section 6.3).
  const [first, second] = heads.map(({ payload }) => payload.subarray(payload[0] === 0x20 ? 1 : 0));
  t.equal(heads[0]?.payload[0], 0x20);
  t.same(first, second);
  // Each is a literal that is never indexed (section 6.2.3); `authorization` is 23 in the static table.
  t.equal((first?.[0] ?? 0) & 0xf0, 0x10);
  t.ok(first?.includes(Buffer.from([0x1f, 0x08])));
});

t.test("what a target refuses to look at is sent once more, whatever it does", async (t) => {
  const { front, target } = await behind(t, (socket, { stream }) => {
    socket.write(stream === 1 ? reset(stream, 7) : whole(stream));
  });
  t.match(await ask(front, { method: "POST", path: "/api/" }), { status: 200, body: "ok" });
  t.equal(requests(target), 2);
  t.equal(target.heard.length, 1);
});

t.test("what came behind a target's going is sent to where it can go", async (t) => {
  const { front, target } = await behind(t, (socket, { stream }, connection) => {
    socket.write(connection === 0 && stream === 3 ? goaway(1) : whole(stream));
  });
  t.equal((await ask(front, { path: "/api/" })).status, 200);
  t.match(await ask(front, { method: "POST", path: "/api/" }), { status: 200, body: "ok" });
  t.same([requests(target), target.heard.length], [3, 2]);
});

t.test("what a target may have done is not sent again", async (t) => {
  const { front, target } = await behind(t, (socket, { stream }, connection) => {
    if (connection > 0 || stream === 1) socket.write(whole(stream));
    else socket.write(Buffer.concat([goaway(3), reset(3, 2)]));
  });
  t.equal((await ask(front, { path: "/api/" })).status, 200);
  t.equal((await ask(front, { method: "POST", path: "/api/" })).status, 502);
  t.equal(requests(target), 2);
});

t.test("a target that goes ends its answers first", async (t) => {
  const { front, target } = await behind(t, (socket, { stream }, connection) => {
    if (connection > 0) socket.write(whole(stream));
    else socket.write(Buffer.concat([goaway(1), whole(1)]));
  });
  t.equal((await ask(front, { path: "/api/" })).body, "ok");
  t.equal((await ask(front, { path: "/api/" })).body, "ok");
  t.equal(target.heard.length, 2);
});

for (const [what, bytes] of [
  ["a field of HTTP/1", (stream: number) => head(stream, END_STREAM, ["transfer-encoding", "chunked"])],
  [
    "a change of protocol",
    (stream: number) => frame(TYPE.HEADERS, END_HEADERS, stream, hpack([[":status", "101"]])),
  ],
  [
    "a status that is none",
    (stream: number) => frame(TYPE.HEADERS, END_HEADERS | END_STREAM, stream, hpack([[":status", "999"]])),
  ],
  [
    "no status",
    (stream: number) => frame(TYPE.HEADERS, END_HEADERS | END_STREAM, stream, hpack([["x", "y"]])),
  ],
  [
    "a length that it has not",
    (stream: number) =>
      Buffer.concat([head(stream, 0, ["content-length", "3"]), data(stream, "ok", END_STREAM)]),
  ],
  [
    "two lengths",
    (stream: number) => head(stream, END_STREAM, ["content-length", "1"], ["content-length", "2"]),
  ],
  [
    "a promise",
    (stream: number) =>
      frame(TYPE.PUSH_PROMISE, END_HEADERS, stream, Buffer.concat([word(2), hpack([[":status", "200"]])])),
  ],
  [
    "nothing but hints",
    (stream: number) =>
      Buffer.concat(
        Array.from({ length: 40 }, () =>
          frame(TYPE.HEADERS, END_HEADERS, stream, hpack([[":status", "103"]])),
        ),
      ),
  ],
] as const) {
  t.test(`${what} is no answer`, async (t) => {
    const { front } = await behind(t, (socket, { stream }) => socket.write(bytes(stream)));
    const answer = await ask(front, { path: "/api/" }).catch(() => undefined);
    t.ok(answer === undefined || answer.status === 502, `${answer?.status}`);
  });
}
