import t from "tap";
import { Malformed } from "../src/codec/malformed.ts";
import type { HeadSettings } from "../src/outgoing.ts";
import { pairs, requestOf, SECRET, sent } from "./heads.ts";

t.test(
  "the target gets the request with its own host, the gateway's credential, and nothing of the way",
  async (t) => {
    const head = requestOf(
      "POST /v1/orders?a=b",
      ...["Accept: application/json", "Authorization: Bearer mine", "Connection: keep-alive, X-Trace-Hop"],
      ...[
        "Keep-Alive: timeout=5",
        "X-Trace-Hop: 1",
        "X-Other: kept",
        "Via: 1.0 corp",
        "Content-Type: text/plain",
      ],
      ...["Expect: 100-continue", "Content-Length: 3", "Cookie: a=b", "Proxy-Authorization: Basic eA=="],
      ...["X-Gatehouse-Authorization: Bearer mine", "Accept-Encoding: br"],
    );
    const { read, text, last } = sent(head);
    t.equal(text.split("\r\n")[0], "POST /v1/orders?a=b HTTP/1.1");
    t.same(pairs(read), [
      ["host", "api.internal"],
      ["accept", "application/json"],
      ["x-other", "kept"],
      ["via", "1.0 corp"],
      ["content-type", "text/plain"],
      ["accept-encoding", "identity"],
      ["via", "1.1 gatehouse"],
      ["authorization", `Bearer ${SECRET}`],
      ["content-length", "3"],
    ]);
    t.notMatch(text, /mine/);
    t.equal(last, false);
  },
);

t.test("the body is framed anew", async (t) => {
  const chunked = requestOf("PUT /a", "Transfer-Encoding: Chunked");
  t.same(sent(chunked).read.framing, { kind: "chunked" });
  t.same(sent(chunked, {}, { framing: { kind: "length", length: 5 } }).read.framing, {
    kind: "length",
    length: 5,
  });
  t.same(sent(requestOf("GET /a")).read.framing, { kind: "none" });
});

t.test("behind a body that a server may not expect, the connection has no other request", async (t) => {
  for (const method of ["GET", "HEAD", "OPTIONS", "DELETE"]) {
    const { read, last } = sent(requestOf(`${method} /a`, "Content-Length: 40"));
    t.equal(last, true, method);
    t.same(read.fields.list("connection"), ["close"], method);
    t.equal(sent(requestOf(`${method} /a`, "Content-Length: 0")).last, false, `${method} without one`);
  }
  t.equal(sent(requestOf("POST /a", "Content-Length: 40")).last, false);
});

t.test("trailers are asked for where the client takes them", async (t) => {
  const { read } = sent(requestOf("GET /a", "TE: gzip, Trailers", "Connection: TE"));
  t.same(read.fields.all("te"), ["trailers"]);
  t.same(read.fields.list("connection"), ["te"]);
  t.equal(sent(requestOf("GET /a", "TE: gzip", "Connection: TE")).read.fields.has("te"), false);
});

t.test("an answer that the gateway has to read comes as a whole, in a coding that it can open", async (t) => {
  const head = requestOf(
    "GET /a",
    ...["Accept-Encoding: br", "accept-encoding: compress", "Range: bytes=0-9", 'If-Range: "x"'],
    'If-None-Match: "5d41402a"',
  );
  const { fields } = sent(head, {}, { mustOpen: true }).read;
  t.same(fields.all("accept-encoding"), ["gzip, br, zstd"]);
  for (const name of ["range", "if-range", "if-none-match"]) t.notOk(fields.has(name), name);
});

t.test("where the gateway puts a credential in, an answer comes without a coding", async (t) => {
  const head = requestOf("GET /a", "Accept-Encoding: br", "Range: bytes=0-9", "accept-encoding: zstd");
  for (const inject of ["bearer", "basic", { query: "key" }] as const) {
    const { fields } = sent(head, { inject }).read;
    t.same(fields.all("accept-encoding"), ["identity"]);
    t.same(fields.all("range"), ["bytes=0-9"]);
  }
  t.same(sent(head, { inject: "none" }).read.fields.all("accept-encoding"), ["br", "zstd"]);
});

t.test("where a request comes from is the gateway's to say, or nobody's", async (t) => {
  const lies = [
    "X-Forwarded-For: 127.0.0.1",
    "Forwarded: for=127.0.0.1",
    "X-Real-IP: 127.0.0.1",
    "X_Forwarded_Host: evil",
  ];
  const head = requestOf("GET /a", ...lies);
  t.notMatch(sent(head).text, /127\.0\.0\.1|evil/);
  const from = {
    address: { host: "2001:db8::7", port: 40_000 },
    authority: "gateway:8443",
    prefix: "/orders",
  };
  const { read, text } = sent(head, { forwarded: true }, { from });
  t.notMatch(text, /127\.0\.0\.1|evil/);
  t.same(
    pairs(read).filter(([name]) => name.includes("forwarded")),
    [
      ["forwarded", 'for="[2001:db8::7]";host="gateway:8443";proto=https'],
      ["x-forwarded-for", "2001:db8::7"],
      ["x-forwarded-proto", "https"],
      ["x-forwarded-host", "gateway:8443"],
      ["x-forwarded-prefix", "/orders"],
    ],
  );
  const listed = sent(
    head,
    {},
    { from: { ...from, authority: "gateway,evil", address: { socket: "/run/x" } } },
  );
  t.notMatch(listed.text, /evil/, "a host that is a list is not repeated");
  t.same(listed.read.fields.all("x-forwarded-for"), ["unknown"]);
});

t.test("cookies go to a target that has some, without the gateway's own", async (t) => {
  const head = requestOf(
    "GET /a",
    'Cookie: a=b; gatehouse_session=x; c=d;e="f, __Host-gatehouse=y"; __Secure-Host-sid=1; __Secure-s=2',
  );
  t.same(sent(head).read.fields.has("cookie"), false);
  t.same(sent(head, { cookies: "pass" }).read.fields.all("cookie"), ["a=b; c=d; __Host-sid=1; __Secure-s=2"]);
  const alone = requestOf("GET /a", "Cookie: Gatehouse=x", "cookie: __Host-GATEHOUSE_b=1");
  t.equal(sent(alone, { cookies: "pass" }).read.fields.has("cookie"), false);
});

/** Settings under which something of the client's is removed, what it sends, and what may be nowhere in what is sent. */
const REMOVED: readonly (readonly [string, Partial<HeadSettings>, string, readonly string[]])[] = [
  ["a bearer's token", {}, "/a", ["Authorization: Bearer MINE"]],
  ["in other letters", {}, "/a", ["AUTHORIZATION: Bearer MINE"]],
  ["twice", {}, "/a", ["Authorization: Bearer MINE", "authorization: Basic MINE"]],
  ["as CGI reads it", { inject: { header: "X-Api-Key" } }, "/a", ["X_Api_Key: MINE"]],
  ["as CGI reads it, with dots", { inject: { header: "X-Api-Key" } }, "/a", ["x.api.key: MINE"]],
  ["a proxy's", {}, "/a", ["Proxy-Authorization: Basic MINE"]],
  ["the proxy that CGI programs use", {}, "/a", ["Proxy: http://MINE/"]],
  ["the gateway's", {}, "/a", ["X-Gatehouse-Authorization: Bearer MINE"]],
  ["whatever else is the gateway's", {}, "/a", ["X-Gatehouse-Approval: MINE"]],
  ["the gateway's, as CGI reads it", {}, "/a", ["X_Gatehouse_Authorization: Bearer MINE"]],
  ["cookies", {}, "/a", ["Cookie: a=MINE", "COOKIE: b=MINE"]],
  [
    "the field of the credential",
    { inject: { header: "X-Tenant-Pass" } },
    "/a",
    ["x-TENANT-pass: MINE", "X-Tenant-Pass: MINE"],
  ],
  [
    "the authorization beside a key",
    { inject: { header: "X-Tenant-Pass" } },
    "/a",
    ["Authorization: Bearer MINE"],
  ],
  ["a key beside the authorization", {}, "/a", ["X-Api-Key: MINE"]],
  ["other keys", {}, "/a", ["Api-Key: MINE", "ApiKey: MINE", "X-Goog-Api-Key: MINE", "DD-API-KEY: MINE"]],
  ["other tokens", {}, "/a", ["Private-Token: MINE", "X-Auth-Token: MINE", "X-Amz-Security-Token: MINE"]],
  ["a token that is said to be forwarded", {}, "/a", ["X-Forwarded-Access-Token: MINE"]],
  ["where a target has a certificate alone", { inject: "none" }, "/a", ["Authorization: Basic MINE"]],
  ["the parameter", { inject: { query: "api_key" } }, "/a?api_key=MINE", []],
  ["the parameter, in other letters", { inject: { query: "api_key" } }, "/a?API_KEY=MINE&Api_Key=MINE", []],
  ["the parameter, encoded", { inject: { query: "api_key" } }, "/a?%61pi%5Fkey=MINE", []],
  ["the parameter, encoded twice", { inject: { query: "api_key" } }, "/a?%2561pi_key=MINE", []],
  ["the parameter, as a list", { inject: { query: "api_key" } }, "/a?api_key[]=MINE&api_key%5b0%5D=MINE", []],
  ["the parameter, behind a semicolon", { inject: { query: "api_key" } }, "/a?b=1;api_key=MINE", []],
  ["the parameter, as PHP reads it", { inject: { query: "api_key" } }, "/a?api.key=MINE&+api%20key=MINE", []],
  ["the parameter, cut by a NUL", { inject: { query: "api_key" } }, "/a?api_key%00x=MINE", []],
  [
    "a user's name and certificate",
    {},
    "/a",
    ["Remote-User: MINE", "X-Remote-User: MINE", "Client-Cert: :MINE:", "X-SSL-Client-Verify: MINE"],
  ],
  [
    "where it comes from",
    {},
    "/a",
    ["True-Client-IP: MINE", "CF-Connecting-IP: MINE", "X-Forwarded: MINE", "X-Forwarded-Server: MINE"],
  ],
  [
    "another path and host",
    {},
    "/a",
    ["X-Original-URL: /MINE", "X-Rewrite-URL: /MINE", "X-Forwarded-Host: MINE", "X-Host: MINE"],
  ],
  ["a field of the connection", {}, "/a", ["Connection: x-hop", "X-Hop: MINE"]],
  [
    "a field of the connection, in two lists",
    {},
    "/a",
    ["Connection: keep-alive", "connection: ,X-HOP ,", "x-hop: MINE"],
  ],
  ["a field of the connection, as CGI reads it", {}, "/a", ["Connection: X-Hop", "X_Hop: MINE"]],
  ["keep-alive", {}, "/a", ["Keep-Alive: MINE", "Proxy-Connection: MINE"]],
  ["trailers' names", {}, "/a", ["Trailer: MINE"]],
  ["codings that are for the connection", {}, "/a", ["TE: MINE;q=1"]],
  ["another service's name", {}, "/a", ["Alt-Used: MINE"]],
];

for (const [what, settings, target, lines] of REMOVED) {
  t.test(`the target does not get ${what}`, async (t) => {
    t.notMatch(sent(requestOf(`GET ${target}`, ...lines), settings).text, /MINE/);
  });
}

/** What is refused, and with which status. */
const REFUSED: readonly (readonly [string, string, readonly string[], number])[] = [
  ...[
    ...[
      "Host",
      "Content-Length",
      "Transfer-Encoding",
      "content-type",
      "Content-Encoding",
      "Content-Range",
      "Range",
    ],
    ...["Authorization", "Cookie", "X-Gatehouse-Authorization", "X-Api-Key", "Proxy-Authorization"],
    ...["If-Match", "If-None-Match", "If-Unmodified-Since", "If-Modified-Since", "If-Range", "Expect"],
    ...["Idempotency-Key", "Prefer", "Cache-Control", "Max-Forwards", "Via", "Origin", "Referer", "Accept"],
    ...[
      "X-Forwarded-For",
      "Forwarded",
      "X-Real-IP",
      "Sec-Fetch-Site",
      "X-CSRF-Token",
      "X-HTTP-Method-Override",
    ],
    ...["CONTENT_LENGTH", "hOsT"],
  ].map((name) => [`Connection: ${name}`, "GET /a", [`Connection: close, ${name}`], 400] as const),
  [
    "a connection that names a host behind others",
    "GET /a",
    ["Connection: keep-alive", "Connection: x ,\thost"],
    400,
  ],
  ["a connection option that is no name", "GET /a", ["Connection: x y"], 400],
  ["a connection option in quotes", "GET /a", ['Connection: "host"'], 400],
  ["another method in a field", "GET /a", ["X-HTTP-Method-Override: DELETE"], 400],
  ["another method, in other letters", "POST /a", ["x-http-METHOD: DELETE"], 400],
  ["another method, as CGI reads it", "POST /a", ["X_Method_Override: DELETE"], 400],
  ["two types of content", "POST /a", ["Content-Type: text/plain", "content-type: application/json"], 400],
  ["a type as CGI reads it", "POST /a", ["Content-Type: text/plain", "Content_Type: application/json"], 400],
  [
    "a length as CGI reads it",
    "POST /a",
    ["Content-Length: 3", "Transfer_Encoding: chunked", "If_Match: x"],
    400,
  ],
  ["a length beside the length", "GET /a", ["Content_Length: 3"], 400],
  ["a coding beside the coding", "GET /a", ["Transfer_Encoding: chunked"], 400],
  ["a condition as CGI reads it", "PUT /a", ["If_Match: x"], 400],
  ["an upgrade to what is no protocol here", "GET /a", ["Connection: Upgrade", "Upgrade: TLS/1.0"], 501],
  ["a WebSocket of no version", "GET /a", ["Connection: Upgrade", "Upgrade: websocket"], 426],
  [
    "an upgrade to HTTP/2",
    "GET /a",
    ["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk"],
    501,
  ],
  ["an upgrade that the connection does not name", "GET /a", ["Upgrade: websocket"], 400],
  ["TRACE, which is answered with the credential", "TRACE /a", [], 501],
  ["TRACE in small letters", "trace /a", [], 400],
  ["TRACK", "TRACK /a", [], 501],
  ["CONNECT with a path", "CONNECT /a", [], 400],
  ["an expectation", "POST /a", ["Expect: 200-ok"], 400],
  ["an expectation beside another", "POST /a", ["Expect: 100-continue, x"], 400],
];

t.ok(REMOVED.length + REFUSED.length >= 60, "attacks");
for (const [what, first, lines, status] of REFUSED) {
  t.test(`refused: ${what}`, async (t) => {
    // The codec may be the first to say so.
    const refused: unknown = t.throws(() => sent(requestOf(first, ...lines), { cookies: "pass" }));
    t.ok(refused instanceof Malformed && refused.status === status);
  });
}
