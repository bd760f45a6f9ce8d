import t from "tap";
import { readRequests } from "./reading.ts";

const bytes = (text: string) => Buffer.from(text, "latin1");
const read = (text: string) => readRequests([bytes(text)]);

t.test("requests follow each other on one connection, each with its own body", async (t) => {
  const { messages, malformed } = read(
    "GET /a?b=c HTTP/1.1\r\nHost: api\r\nX-Two: 1\r\nx-two:\t2 \r\n\r\n" +
      "POST /b HTTP/1.1\r\nhost: api:8443\r\ncontent-length: 3\r\n\r\nabc" +
      "PUT /c HTTP/1.1\r\nHost: api\r\nTransfer-Encoding: Chunked\r\n\r\n4\r\nabcd\r\nA\r\n0123456789\r\n0\r\nx-sum: 1\r\n\r\n" +
      "OPTIONS * HTTP/1.1\r\nHost: api\r\n\r\n",
  );
  t.equal(malformed, undefined);
  t.match(messages, [
    {
      method: "GET",
      target: "/a?b=c",
      body: "",
      fields: [
        ["host", "api"],
        ["x-two", "1"],
        ["x-two", "2"],
      ],
    },
    { method: "POST", target: "/b", body: "abc" },
    { method: "PUT", target: "/c", body: "abcd0123456789", trailers: [["x-sum", "1"]] },
    { method: "OPTIONS", target: "*", body: "" },
  ]);
});

t.test("it is the same requests in whatever pieces they come", async (t) => {
  const all = bytes(
    "POST /b HTTP/1.1\r\nHost: api\r\nContent-Length: 3\r\n\r\nabcPUT /c HTTP/1.1\r\nHost: api\r\nTransfer-Encoding: chunked\r\n\r\n" +
      "4\r\nabcd\r\n00000\r\nx-sum: 1\r\nx: y\r\n\r\nGET /d HTTP/1.1\r\nHost: api\r\n\r\n",
  );
  const whole = readRequests([all]);
  t.equal(whole.messages.length, 3);
  for (let at = 1; at < all.length; at++) {
    t.same(readRequests([all.subarray(0, at), all.subarray(at)]), whole, `cut at ${at}`);
  }
  t.same(readRequests([...all].map((byte) => Buffer.of(byte))), whole, "byte by byte");
});

t.test("an absolute target is its path, where its host is the one that is meant", async (t) => {
  t.match(read("GET http://api:80/a?b HTTP/1.1\r\nHost: API:80\r\n\r\n").messages, [{ target: "/a?b" }]);
  t.match(read("GET https://api?b HTTP/1.1\r\nHost: api\r\n\r\n").messages, [{ target: "/?b" }]);
  t.match(read("GET http://other/a HTTP/1.1\r\nHost: api\r\n\r\n").malformed, { status: 400 });
  t.match(read("CONNECT api:443 HTTP/1.1\r\nHost: api\r\n\r\n").malformed, { status: 400 });
});

t.test("what a message says too much of has a status of its own", async (t) => {
  const long = "a".repeat(70_000);
  t.match(read(`GET /${long.slice(0, 20_000)} HTTP/1.1\r\nHost: api\r\n\r\n`).malformed, { status: 414 });
  t.match(read(`GET / HTTP/1.1\r\nHost: api\r\nx: ${long}`).malformed, { status: 431 });
  t.match(read(`GET / HTTP/1.1\r\nHost: api\r\n${"a: b\r\n".repeat(300)}\r\n`).malformed, { status: 431 });
  t.match(read("GET / HTTP/2.0\r\nHost: api\r\n\r\n").malformed, { status: 505 });
  t.match(read("POST / HTTP/1.1\r\nHost: api\r\nTransfer-Encoding: gzip, chunked\r\n\r\n").malformed, {
    status: 501,
  });
});
