import t from "tap";
import { startFront, TOKEN } from "../support/front.ts";
import { startTarget } from "../support/target.ts";
import {
  ACK,
  answerTo,
  dialFrames,
  END_HEADERS,
  END_STREAM,
  frame,
  hpack,
  PADDED,
  PREFACE,
  PRIORITIZED,
  setting,
  TYPE,
  word,
} from "./frames.ts";

/*
 * What RFC 9113 says of what a client must not do, section by section, and the floods that servers have fallen to. Each case has a connection of
 * its own, and is held to the first thing that the gateway says to it.
 */

const target = await startTarget((request, response) => request.pipe(response));
const front = await startFront({ target });
t.teardown(async () => {
  await front.close();
  await target.stop();
});

type Field = readonly [string, string];

const PSEUDO: readonly Field[] = [
  [":method", "GET"],
  [":scheme", "https"],
  [":authority", "gateway"],
  [":path", "/api/x"],
];
const TOKEN_FIELD: Field = ["authorization", `Bearer ${TOKEN}`];
const POST: readonly Field[] = [[":method", "POST"], ...PSEUDO.slice(1), TOKEN_FIELD];
const ALL = END_STREAM | END_HEADERS;

/** The head of a request that is let through, and more. */
const get = (...more: Field[]) => hpack([...PSEUDO, TOKEN_FIELD, ...more]);
const without = (name: string, ...more: Field[]) =>
  hpack([...PSEUDO.filter(([other]) => other !== name), ...more, TOKEN_FIELD]);
const asks = (block: Buffer, stream = 1) => frame(TYPE.HEADERS, ALL, stream, block);
const posts = (...more: Field[]) => frame(TYPE.HEADERS, END_HEADERS, 1, hpack([...POST, ...more]));
const data = (text: string, flags = END_STREAM) => frame(TYPE.DATA, flags, 1, Buffer.from(text));
const many = (count: number, make: (number: number) => Buffer) =>
  Buffer.concat(Array.from({ length: count }, (_, number) => make(number)));

const OK = "status 200";
const MALFORMED = "status 400";
const PROTOCOL = "goaway PROTOCOL_ERROR";
const RESET = "rst PROTOCOL_ERROR";
const SIZE = "goaway FRAME_SIZE_ERROR";
/** What the library makes of an error of a stream that it takes for one of the connection (section 5.4). */
const BROKEN = "goaway INTERNAL_ERROR";
const CALM = "goaway ENHANCE_YOUR_CALM";

/** What is sent behind the preface, and what is heard. */
const CASES: readonly (readonly [section: string, what: string, said: readonly Buffer[], heard: string])[] = [
  ["3.4", "a request", [asks(get())], OK],
  ["4.1", "a frame of an unknown type", [frame(TYPE.UNKNOWN, 0xff, 0, word(1)), asks(get())], OK],
  ["4.1", "flags that mean nothing", [frame(TYPE.PING, 0x16, 0, Buffer.alloc(8)), asks(get())], OK],
  ["4.2", "DATA above the largest frame", [posts(), frame(TYPE.DATA, 0, 1, Buffer.alloc(16_385))], SIZE],
  ["4.2", "HEADERS above the largest frame", [frame(TYPE.HEADERS, ALL, 1, Buffer.alloc(16_385))], SIZE],
  [
    "4.3",
    "a header block that is none",
    [asks(Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff]))],
    "goaway COMPRESSION_ERROR",
  ],
  ["4.3", "an index that is not there", [asks(Buffer.from([0xfe]))], "goaway COMPRESSION_ERROR"],
  [
    "4.3",
    "a table above what was allowed",
    [asks(Buffer.concat([Buffer.from([0x3f, 0xe1, 0xff, 0x03]), get()]))],
    "goaway COMPRESSION_ERROR",
  ],
  ["5.1", "DATA on an idle stream", [frame(TYPE.DATA, 0, 1, Buffer.from("x"))], PROTOCOL],
  ["5.1", "RST_STREAM on an idle stream", [frame(TYPE.RST_STREAM, 0, 1, word(8))], PROTOCOL],
  ["5.1", "WINDOW_UPDATE on an idle stream", [frame(TYPE.WINDOW_UPDATE, 0, 1, word(1))], PROTOCOL],
  ["5.1", "CONTINUATION on an idle stream", [frame(TYPE.CONTINUATION, END_HEADERS, 1, get())], PROTOCOL],
  ["5.1", "DATA behind its end", [posts(), data("x"), data("y")], "goaway STREAM_CLOSED"],
  ["5.1", "HEADERS behind its end", [asks(get()), asks(get())], "goaway STREAM_CLOSED"],
  ["5.1.1", "a stream with the server's number", [asks(get(), 2)], PROTOCOL],
  ["5.1.1", "a request on stream 0", [asks(get(), 0)], PROTOCOL],
  [
    "5.1.2",
    "more requests at once than may be",
    [many(102, (number) => frame(TYPE.HEADERS, END_HEADERS, 2 * number + 1, hpack(POST)))],
    "rst REFUSED_STREAM",
  ],
  ["6.1", "DATA on stream 0", [frame(TYPE.DATA, 0, 0, Buffer.from("x"))], PROTOCOL],
  [
    "6.1",
    "padding as long as the frame",
    [posts(), frame(TYPE.DATA, END_STREAM | PADDED, 1, Buffer.from([5, 1, 2, 3, 4]))],
    PROTOCOL,
  ],
  [
    "6.1",
    "padding that fits",
    [posts(), frame(TYPE.DATA, END_STREAM | PADDED, 1, Buffer.from([2, 0x78, 0, 0]))],
    OK,
  ],
  [
    "6.2",
    "HEADERS padded past their end",
    [frame(TYPE.HEADERS, ALL | PADDED, 1, Buffer.concat([Buffer.from([255]), get()]))],
    PROTOCOL,
  ],
  [
    "6.2",
    "another frame between HEADERS and CONTINUATION",
    [frame(TYPE.HEADERS, END_STREAM, 1, get()), frame(TYPE.PING, 0, 0, Buffer.alloc(8))],
    PROTOCOL,
  ],
  [
    "6.2",
    "HEADERS with a priority",
    [frame(TYPE.HEADERS, ALL | PRIORITIZED, 1, Buffer.concat([word(0), Buffer.from([16]), get()]))],
    OK,
  ],
  ["6.3", "PRIORITY of another size", [asks(get()), frame(TYPE.PRIORITY, 0, 1, word(0))], SIZE],
  ["6.4", "RST_STREAM on stream 0", [frame(TYPE.RST_STREAM, 0, 0, word(8))], PROTOCOL],
  ["6.4", "RST_STREAM of another size", [posts(), frame(TYPE.RST_STREAM, 0, 1, Buffer.alloc(3))], SIZE],
  ["6.5", "SETTINGS on a stream", [frame(TYPE.SETTINGS, 0, 1)], PROTOCOL],
  ["6.5", "SETTINGS of another size", [frame(TYPE.SETTINGS, 0, 0, Buffer.alloc(3))], SIZE],
  ["6.5", "an acknowledgement with content", [frame(TYPE.SETTINGS, ACK, 0, Buffer.alloc(6))], SIZE],
  ["6.5.2", "ENABLE_PUSH of 2", [frame(TYPE.SETTINGS, 0, 0, setting(2, 2))], PROTOCOL],
  [
    "6.5.2",
    "a window above 2^31-1",
    [frame(TYPE.SETTINGS, 0, 0, setting(4, 0x80000000))],
    "goaway FLOW_CONTROL_ERROR",
  ],
  ["6.5.2", "frames smaller than 16,384", [frame(TYPE.SETTINGS, 0, 0, setting(5, 16_383))], PROTOCOL],
  ["6.5.2", "a setting that nobody knows", [frame(TYPE.SETTINGS, 0, 0, setting(0x99, 7)), asks(get())], OK],
  [
    "6.6",
    "PUSH_PROMISE from a client",
    [asks(get()), frame(TYPE.PUSH_PROMISE, END_HEADERS, 1, Buffer.concat([word(2), get()]))],
    PROTOCOL,
  ],
  ["6.7", "PING on a stream", [frame(TYPE.PING, 0, 1, Buffer.alloc(8))], PROTOCOL],
  ["6.7", "PING of another size", [frame(TYPE.PING, 0, 0, Buffer.alloc(6))], SIZE],
  ["6.8", "GOAWAY on a stream", [frame(TYPE.GOAWAY, 0, 1, Buffer.alloc(8))], PROTOCOL],
  [
    "6.9",
    "WINDOW_UPDATE of nothing for the connection",
    [frame(TYPE.WINDOW_UPDATE, 0, 0, word(0))],
    PROTOCOL,
  ],
  [
    "6.9",
    "WINDOW_UPDATE of nothing for a stream",
    [posts(), frame(TYPE.WINDOW_UPDATE, 0, 1, word(0))],
    PROTOCOL,
  ],
  ["6.9", "WINDOW_UPDATE of another size", [frame(TYPE.WINDOW_UPDATE, 0, 0, Buffer.alloc(3))], SIZE],
  [
    "6.9.1",
    "a window of the connection above 2^31-1",
    [frame(TYPE.WINDOW_UPDATE, 0, 0, word(0x7fffffff))],
    "goaway FLOW_CONTROL_ERROR",
  ],
  [
    "6.9.1",
    "a window of a stream above 2^31-1",
    [posts(), frame(TYPE.WINDOW_UPDATE, 0, 1, word(0x7fffffff))],
    "goaway FLOW_CONTROL_ERROR",
  ],
  [
    "6.10",
    "CONTINUATION of another stream",
    [frame(TYPE.HEADERS, END_STREAM, 1, get()), frame(TYPE.CONTINUATION, END_HEADERS, 3)],
    PROTOCOL,
  ],
  [
    "6.10",
    "CONTINUATION on stream 0",
    [frame(TYPE.HEADERS, END_STREAM, 1, get()), frame(TYPE.CONTINUATION, END_HEADERS, 0)],
    PROTOCOL,
  ],
  [
    "6.10",
    "CONTINUATION behind the end of the headers",
    [asks(get()), frame(TYPE.CONTINUATION, END_HEADERS, 1)],
    PROTOCOL,
  ],
  [
    "6.10",
    "a head in two frames",
    [
      frame(TYPE.HEADERS, END_STREAM, 1, get().subarray(0, 20)),
      frame(TYPE.CONTINUATION, END_HEADERS, 1, get().subarray(20)),
    ],
    OK,
  ],
  [
    "8.1",
    "a second head that does not end the request",
    [posts(), frame(TYPE.HEADERS, END_HEADERS, 1, hpack([["x", "y"]]))],
    RESET,
  ],
  [
    "8.1",
    "trailers with a pseudo-header",
    [posts(), frame(TYPE.HEADERS, ALL, 1, hpack([[":path", "/api/y"]]))],
    RESET,
  ],
  ["8.1.1", "less DATA than the length", [posts(["content-length", "5"]), data("abcd")], RESET],
  ["8.1.1", "more DATA than the length", [posts(["content-length", "3"]), data("abcd")], BROKEN],
  [
    "8.1.1",
    "DATA of two frames above the length",
    [posts(["content-length", "3"]), data("ab", 0), data("cd")],
    BROKEN,
  ],
  ["8.1.1", "a length without a body", [asks(get(["content-length", "5"]))], RESET],
  ["8.1.1", "two lengths", [posts(["content-length", "1"], ["content-length", "1"]), data("a")], RESET],
  ["8.1.1", "a length that is none", [posts(["content-length", "+1"]), data("a")], RESET],
  ["8.1.1", "the length that it has", [posts(["content-length", "4"]), data("ab", 0), data("cd")], OK],
  ["8.2.1", "a name with a capital", [asks(get(["X-Capital", "1"]))], RESET],
  ["8.2.1", "a value with a blank before it", [asks(get(["x-own", " 1"]))], MALFORMED],
  ["8.2.1", "a value with a tab behind it", [asks(get(["x-own", "1\t"]))], MALFORMED],
  ["8.2.2", "connection", [asks(get(["connection", "close"]))], RESET],
  ["8.2.2", "keep-alive", [asks(get(["keep-alive", "5"]))], RESET],
  ["8.2.2", "proxy-connection", [asks(get(["proxy-connection", "close"]))], RESET],
  ["8.2.2", "transfer-encoding", [posts(["transfer-encoding", "chunked"]), data("0\r\n\r\n")], RESET],
  ["8.2.2", "upgrade", [asks(get(["upgrade", "h2c"]))], RESET],
  ["8.2.2", "http2-settings", [asks(get(["http2-settings", "AAMAAABkAAQAAP__"]))], MALFORMED],
  ["8.2.2", "te with more than trailers", [asks(get(["te", "trailers, deflate"]))], RESET],
  ["8.2.2", "te: trailers", [asks(get(["te", "trailers"]))], OK],
  [
    "8.3",
    "a pseudo-header that nobody knows",
    [asks(hpack([...PSEUDO, [":other", "x"], TOKEN_FIELD]))],
    RESET,
  ],
  ["8.3", "a response's pseudo-header", [asks(hpack([...PSEUDO, [":status", "200"], TOKEN_FIELD]))], RESET],
  [
    "8.3",
    "a pseudo-header behind a field",
    [asks(hpack([...PSEUDO.slice(1), TOKEN_FIELD, [":method", "GET"]]))],
    RESET,
  ],
  ["8.3", "a pseudo-header twice", [asks(hpack([...PSEUDO, [":path", "/api/y"], TOKEN_FIELD]))], RESET],
  ["8.3.1", "no method", [asks(without(":method"))], RESET],
  ["8.3.1", "no scheme", [asks(without(":scheme"))], RESET],
  ["8.3.1", "no path", [asks(without(":path"))], RESET],
  ["8.3.1", "an empty path", [asks(hpack([...PSEUDO.slice(0, 3), [":path", ""], TOKEN_FIELD]))], RESET],
  [
    "8.3.1",
    "a path without a slash",
    [asks(hpack([...PSEUDO.slice(0, 3), [":path", "api/x"], TOKEN_FIELD]))],
    RESET,
  ],
  [
    "8.3.1",
    "a path with a fragment",
    [asks(hpack([...PSEUDO.slice(0, 3), [":path", "/api/x#y"], TOKEN_FIELD]))],
    MALFORMED,
  ],
  [
    "8.3.1",
    "a whole URL for a path",
    [asks(hpack([...PSEUDO.slice(0, 3), [":path", "https://other/api/x"], TOKEN_FIELD]))],
    RESET,
  ],
  [
    "8.3.1",
    "another scheme",
    [asks(hpack([[":method", "GET"], [":scheme", "http"], ...PSEUDO.slice(2), TOKEN_FIELD]))],
    MALFORMED,
  ],
  ["8.3.1", "neither authority nor host", [asks(without(":authority"))], RESET],
  [
    "8.3.1",
    "the host alone",
    [asks(hpack([...PSEUDO.filter(([name]) => name !== ":authority"), ["host", "gateway"], TOKEN_FIELD]))],
    OK,
  ],
  ["8.3.1", "an authority and another host", [asks(get(["host", "other"]))], MALFORMED],
  ["8.3.1", "an authority and the same host", [asks(get(["host", "Gateway"]))], OK],
  [
    "8.3.1",
    "an authority with a user",
    [
      asks(
        hpack([
          [":method", "GET"],
          [":scheme", "https"],
          [":authority", "me@gateway"],
          [":path", "/api/x"],
          TOKEN_FIELD,
        ]),
      ),
    ],
    RESET,
  ],
  [
    "8.3.1",
    "a method with a small letter",
    [asks(hpack([[":method", "Get"], ...PSEUDO.slice(1), TOKEN_FIELD]))],
    MALFORMED,
  ],
  [
    "8.5",
    "CONNECT",
    [asks(hpack([[":method", "CONNECT"], [":authority", "other:443"], TOKEN_FIELD]))],
    MALFORMED,
  ],
  [
    "RFC 8441",
    "CONNECT to a protocol",
    [asks(hpack([[":method", "CONNECT"], [":protocol", "websocket"], ...PSEUDO.slice(1), TOKEN_FIELD]))],
    RESET,
  ],
  [
    "10.5",
    "more fields than anybody has",
    [asks(get(...Array.from({ length: 230 }, (_, number): Field => [`x${number}`, "1"])))],
    "status 431",
  ],
  [
    "10.5",
    "a head above its bound",
    [
      frame(TYPE.HEADERS, END_STREAM, 1, get(["x", "x".repeat(15_000)])),
      frame(TYPE.CONTINUATION, 0, 1, hpack([["x", "x".repeat(15_000)]])),
      frame(TYPE.CONTINUATION, END_HEADERS, 1, hpack([["x", "x".repeat(15_000)]])),
    ],
    "status 431",
  ],
  [
    "10.5",
    "CONTINUATION without end",
    [
      frame(TYPE.HEADERS, END_STREAM, 1, get()),
      many(50, () => frame(TYPE.CONTINUATION, 0, 1, hpack([["x", "y"]]))),
    ],
    BROKEN,
  ],
  [
    "10.5",
    "CONTINUATION of nothing, without end",
    [frame(TYPE.HEADERS, END_STREAM, 1, get()), many(50, () => frame(TYPE.CONTINUATION, 0, 1))],
    BROKEN,
  ],
  [
    "10.5",
    "requests that are taken back at once",
    [
      many(300, (number) =>
        Buffer.concat([asks(get(), 2 * number + 1), frame(TYPE.RST_STREAM, 0, 2 * number + 1, word(8))]),
      ),
    ],
    CALM,
  ],
  [
    "10.5",
    "requests that the server is made to reset",
    [
      many(300, (number) =>
        Buffer.concat([asks(get(), 2 * number + 1), frame(TYPE.WINDOW_UPDATE, 0, 2 * number + 1, word(0))]),
      ),
    ],
    PROTOCOL,
  ],
  ["10.5", "pings without end", [many(500, () => frame(TYPE.PING, 0, 0, Buffer.alloc(8)))], CALM],
  ["10.5", "settings without end", [many(500, () => frame(TYPE.SETTINGS, 0, 0))], CALM],
  [
    "10.5",
    "settings that are too many for one frame",
    [
      frame(
        TYPE.SETTINGS,
        0,
        0,
        many(40, () => setting(0x99, 1)),
      ),
    ],
    CALM,
  ],
  ["10.5", "DATA of nothing, without end", [posts(), many(500, () => frame(TYPE.DATA, 0, 1))], "closed"],
];

for (const [section, what, said, heard] of CASES) {
  t.test(`${section}: ${what}`, async (t) => {
    t.equal(await answerTo(front, [PREFACE, ...said]), heard);
  });
}

for (const [what, said] of [
  ["HTTP/1.1 where HTTP/2 was agreed", Buffer.from("GET / HTTP/1.1\r\nHost: gateway\r\n\r\n")],
  ["a request before the settings", Buffer.concat([PREFACE.subarray(0, 24), asks(get())])],
] as const) {
  t.test(`3.4: ${what}`, async (t) => {
    t.match(await answerTo(front, [said]), /^goaway (?:PROTOCOL|INTERNAL)_ERROR$/);
  });
}

t.test("6.9: more DATA than the window takes, while nobody reads", async (t) => {
  const never = new Promise<undefined>(() => undefined);
  const slow = await startFront({ target, enter: () => never });
  t.teardown(() => slow.close());
  const said = [PREFACE, posts(), many(5, () => frame(TYPE.DATA, 0, 1, Buffer.alloc(16_384)))];
  t.equal(await answerTo(slow, said), "goaway FLOW_CONTROL_ERROR");
});

for (const code of [0, 8]) {
  t.test(`8.1: a body that is reset with ${code} is not whole to anybody`, async (t) => {
    const ends: boolean[] = [];
    const begun = Promise.withResolvers<void>();
    const ended = Promise.withResolvers<void>();
    const listening = await startTarget((request) => {
      request.on("data", () => begun.resolve());
      request.on("error", () => undefined);
      request.on("close", () => {
        ends.push(request.complete);
        ended.resolve();
      });
    });
    const between = await startFront({ target: listening });
    const socket = await dialFrames(between);
    t.teardown(async () => {
      socket.destroy();
      await between.close();
      await listening.stop();
    });
    const type = ["content-type", "application/octet-stream"] as const;
    socket.write(Buffer.concat([PREFACE, posts(type), data("half", 0)]));
    await begun.promise;
    socket.write(frame(TYPE.RST_STREAM, 0, 1, word(code)));
    await ended.promise;
    t.same(ends, [false]);
  });
}

t.test("6.9: who opens no window has no answer stored for it", async (t) => {
  const full = Promise.withResolvers<void>();
  let waiting = 0;
  const endless = await startTarget((_, response) => {
    const piece = Buffer.alloc(64 * 1024);
    while (response.write(piece));
    if (++waiting === 100) full.resolve();
  });
  const between = await startFront({ target: endless });
  const socket = await dialFrames(between);
  t.teardown(async () => {
    socket.destroy();
    await between.close();
    await endless.stop();
  });
  const before = process.memoryUsage();
  const closed = frame(TYPE.SETTINGS, 0, 0, setting(4, 0));
  socket.write(Buffer.concat([PREFACE, closed, many(100, (number) => asks(get(), 2 * number + 1))]));
  socket.resume();
  await full.promise;
  // All that can move has moved when another request has been answered.
  t.equal(await answerTo(front, [PREFACE, asks(get())]), OK);
  const now = process.memoryUsage();
  t.ok(
    now.arrayBuffers - before.arrayBuffers < 64 * 1024 * 1024,
    `${now.arrayBuffers - before.arrayBuffers}`,
  );
});

t.test("after all of it, the gateway is there", async (t) => {
  t.equal(await answerTo(front, [PREFACE, asks(get())]), OK);
});
