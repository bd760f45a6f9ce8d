import t from "tap";
import { Fields } from "../src/codec/fields.ts";
import type { Version } from "../src/codec/framing.ts";
import { encodeAnswerHead, encodeResponseHead, fieldOf } from "../src/encode.ts";
import {
  type Answering,
  incomingHead,
  incomingTrailers,
  interimHead,
  refusesCredential,
} from "../src/incoming.ts";
import { Place } from "../src/references.ts";
import { answering, pairs, whereabouts, readResponse, responseOf, SECRET } from "./heads.ts";

const OK = "200 OK";

/** How the response goes to its client, and which version of HTTP that one speaks. */
type Case = Partial<Answering> & {
  readonly version?: Version;
  readonly last?: boolean;
  readonly changed?: boolean;
};

/** What the client reads of a response. */
function got(first: string, lines: readonly string[], more: Case = {}) {
  const { version = "1.1", last = false, changed = false, ...rest } = more;
  const all = { ...answering, ...rest };
  const head = incomingHead({ ...responseOf(first, lines, all.method), changed }, all);
  const answer = encodeAnswerHead(head, version, last);
  return { ...answer, read: readResponse(answer.bytes, all.method), text: answer.bytes.toString("latin1") };
}

t.test("the client gets the response without what is between the gateway and the target", async (t) => {
  const { read, text } = got(OK, [
    ...[
      "Server: api",
      "Content-Type: text/plain",
      "Content-Length: 3",
      "Connection: keep-alive, X-Hop",
      "X-Hop: 1",
    ],
    ...[
      "Keep-Alive: timeout=5",
      'Alt-Svc: h3=":443"',
      "Strict-Transport-Security: max-age=1",
      "Via: 1.1 cdn",
    ],
    ...[
      "WWW-Authenticate: Basic",
      "Proxy-Authenticate: Basic",
      "Set-Cookie: a=b",
      "Set-Cookie2: a=b",
      "Upgrade: h2c",
    ],
    ...["X-Gatehouse-Approval: 7", "Public-Key-Pins: x", "Service-Worker-Allowed: /", "Trailer: x-sum"],
    ...[
      "Access-Control-Allow-Origin: *",
      'Clear-Site-Data: "cache"',
      "Content-Security-Policy: default-src 'self'",
    ],
  ]);
  t.equal(text.split("\r\n")[0], "HTTP/1.1 200 OK");
  t.same(pairs(read), [
    ["server", "api"],
    ["content-type", "text/plain"],
    ["via", "1.1 cdn"],
    ["access-control-allow-origin", "*"],
    ["clear-site-data", '"cache"'],
    ["content-security-policy", "default-src 'self'"],
    ["via", "1.1 gatehouse"],
    ["content-length", "3"],
  ]);
});

t.test("a server that names its framing as the connection's is read all the same", async (t) => {
  const { read } = got(OK, [
    "Transfer-Encoding: chunked",
    "Connection: Transfer-Encoding, Content-Type",
    "Content-Type: a/b",
  ]);
  t.same(read.framing, { kind: "chunked" });
  t.same(read.fields.all("content-type"), ["a/b"]);
});

t.test("the body is framed as the client reads it", async (t) => {
  const cases: readonly (readonly [readonly string[], Case, object, boolean])[] = [
    [["Content-Length: 3"], {}, { kind: "length", length: 3 }, false],
    [["Content-Length: 3"], { version: "1.0" }, { kind: "length", length: 3 }, true],
    [["Content-Length: 3"], { last: true }, { kind: "length", length: 3 }, true],
    [["Content-Length: 3"], { changed: true }, { kind: "chunked" }, false],
    [["Content-Length: 0"], { changed: true }, { kind: "length", length: 0 }, false],
    [["Content-Length: 3"], { changed: true, version: "1.0" }, { kind: "close" }, true],
    [["Transfer-Encoding: chunked"], {}, { kind: "chunked" }, false],
    [["Transfer-Encoding: chunked"], { version: "1.0" }, { kind: "close" }, true],
    [[], {}, { kind: "chunked" }, false],
    [[], { version: "1.0" }, { kind: "close" }, true],
  ];
  for (const [lines, more, framing, last] of cases) {
    const answer = got(OK, lines, more);
    const what = `${lines.join()} ${JSON.stringify(more)}`;
    t.same(answer.framing, framing, what);
    t.same(answer.read.framing, framing, what);
    t.equal(answer.last, last, what);
    t.same(answer.read.fields.list("connection"), last ? ["close"] : [], what);
  }
});

t.test("of a body that is not sent, its length is told where it is known", async (t) => {
  t.same(got(OK, ["Content-Length: 7"], { method: "HEAD" }).read.fields.all("content-length"), ["7"]);
  t.same(
    got(OK, ["Transfer-Encoding: chunked"], { method: "HEAD" }).read.fields.has("transfer-encoding"),
    false,
  );
  t.same(
    got(OK, ["Content-Length: 7"], { method: "HEAD", changed: true }).read.fields.has("content-length"),
    false,
  );
  t.same(got("304 Not Modified", ["Content-Length: 7"]).read.fields.all("content-length"), ["7"]);
  t.same(got("204 No Content", ["Content-Length: 0"]).read.fields.has("content-length"), false);
});

t.test("what the target says of its credential stays here", async (t) => {
  const lines = [
    ...[`X-Echo: Bearer ${SECRET}`, `X-Uri: /a?k=${encodeURIComponent(SECRET)}`, "X-A: fine"],
    ...[`X-Odd: ${[...Buffer.from(SECRET)].map((byte) => `%${byte.toString(16)}`).join("")}`],
    ...[`X-Basic: ${Buffer.from(SECRET).toString("base64")}`, `Location: https://other/?t=${SECRET}`],
  ];
  const { text, read } = got(`200 is ${SECRET}`, lines);
  t.notOk(text.includes(SECRET));
  t.notOk(decodeURIComponent(text).includes(SECRET));
  t.notOk(text.includes(Buffer.from(SECRET).toString("base64")));
  t.same(read.fields.all("x-echo"), ["Bearer redacted"]);
  t.same(read.fields.all("x-a"), ["fine"]);
  t.equal(read.reason, "is redacted");
});

t.test("references to the target lead through the gateway", async (t) => {
  const { read } = got("201 Created", [
    ...["Location: /v1/orders/8", "Content-Location: https://api.internal/v1/orders/8", "Refresh: 5; url=/x"],
    ...[
      'Link: </v1/orders?page=2>; rel="next", <https://other/>; rel=x',
      "Operation-Location: https://api.internal/op/1",
    ],
    ...["X-Docs: https://docs.example/api.internal", "X-Path: /v1/orders/8"],
  ]);
  t.match(Object.fromEntries(pairs(read)), {
    location: "/orders/v1/orders/8",
    "content-location": "https://gateway:8443/orders/v1/orders/8",
    refresh: "5; url=/orders/x",
    link: '</orders/v1/orders?page=2>; rel="next", <https://other/>; rel=x',
    "operation-location": "https://gateway:8443/orders/op/1",
    "x-docs": "https://docs.example/api.internal",
    "x-path": "/v1/orders/8",
  });
});

t.test("a redirect does not repeat the parameter that the credential stands in", async (t) => {
  const keyed = { place: new Place({ ...whereabouts, parameter: "api_key" }) };
  const { read } = got("308 Permanent Redirect", ["Location: /a/?b=1&API_key=x&c=2#d"], keyed);
  t.same(read.fields.all("location"), ["/orders/a/?b=1&c=2#d"]);
});

t.test("cookies come with a target that has some, below its route", async (t) => {
  const lines = ["Set-Cookie: a=b; Path=/; Domain=internal", "Set-Cookie: gatehouse_session=x"];
  t.same(got(OK, lines).read.fields.has("set-cookie"), false);
  t.same(got(OK, lines, { cookies: "pass" }).read.fields.all("set-cookie"), ["a=b; Path=/orders/; Secure"]);
});

t.test("hints come before the response, and a change of protocol does not", async (t) => {
  const hints = interimHead(responseOf("103 Early Hints", ["Link: </s.css>; rel=preload"]), answering);
  const read = readResponse(
    hints ? encodeResponseHead(hints.status, hints.reason, hints.fields) : Buffer.alloc(0),
  );
  t.equal(read.status, 103);
  t.same(pairs(read), [["link", "</orders/s.css>; rel=preload"]]);
  t.equal(interimHead(responseOf("100 Continue", []), answering), undefined);
  t.throws(() => interimHead(responseOf("101 Switching Protocols", ["Upgrade: h2c"]), answering), {
    code: "PROTOCOL_VIOLATION",
  });
  t.throws(() => interimHead(responseOf(OK, []), answering), { code: "PROTOCOL_VIOLATION" });
  t.throws(() => incomingHead({ ...responseOf("101 Switching Protocols", []), changed: false }, answering), {
    code: "PROTOCOL_VIOLATION",
  });
});

t.test("trailers say what they may", async (t) => {
  const trailers = new Fields([
    ...[
      fieldOf("X-Sum", "1"),
      fieldOf("grpc-status", "0"),
      fieldOf("Location", "/x"),
      fieldOf("Alt-Svc", "x"),
    ],
    ...[fieldOf("X-Gatehouse-Rule", "x"), fieldOf("X-Echo", SECRET), fieldOf("Keep-Alive", "x")],
  ]);
  t.same(
    [...incomingTrailers(trailers, answering)].map(({ lower, value }) => [lower, value]),
    [
      ["x-sum", "1"],
      ["grpc-status", "0"],
      ["x-echo", "redacted"],
    ],
  );
});

t.test("a target that refuses the gateway's credential says nothing of the client's", async (t) => {
  t.equal(refusesCredential(responseOf("401 Unauthorized", []), "none"), true);
  t.equal(refusesCredential(responseOf("401 Unauthorized", []), "pass"), false);
  t.equal(refusesCredential(responseOf("407 Proxy Authentication Required", []), "pass"), true);
  t.equal(refusesCredential(responseOf("403 Forbidden", []), "none"), false);
});
