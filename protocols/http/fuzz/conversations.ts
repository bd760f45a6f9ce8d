import type { Random } from "@gatehouse/testkit";

/** What goes over one connection, in pieces of which any can be left out. Each unit of the texts is a byte. */
export type Conversation = readonly string[];

type Choice<T> = readonly [T, ...T[]];

/** The chance, at each place, that what stands there is odd. */
const ODD = 0.03;
/** Bytes that end something for somebody. */
const BYTES: Choice<string> = [
  ...(["\r", "\n", "\r\n", "\t", " ", "\0", "\v", "\f", ":", ";", ",", '"', "\\", "#"] as const),
  ...["\x7f", "\x80", "\xa0", "\xff", "0", "1", "x", "a", "F", "+", "-", "_", "/", "%"],
  ...["HTTP/1.1", "chunked"],
];

const METHODS: Choice<string> = ["GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD", "PATCH", "M-SEARCH"];
const ODD_METHODS: Choice<string> = ["get", "CONNECT", "PRI", "FOO", "G T", "", "SOURCE", "ANNOUNCE"];
const TARGETS: Choice<string> = [
  "/",
  "/a?b=c",
  "/a%2fb",
  "http://api/a",
  "http://api",
  "HTTPS://API?q",
  "/{a|b}[c]",
];
const ODD_TARGETS: Choice<string> = [
  "*",
  "a",
  "/a#b",
  "/a b",
  "//b/c",
  "http://other/a",
  "api:443",
  "/\xe9",
  "",
  "?",
];
const ODD_VERSIONS: Choice<string> = [
  "HTTP/1.2",
  "HTTP/2.0",
  "http/1.1",
  "HTTP/1.1 ",
  "HTTP/0.9",
  "",
  "RTSP/1.0",
];
const ENDS: Choice<string> = ["\n", "\r", "\r\r\n", "\n\r", "\r\n ", "\r\n\t", "", " \r\n", "\r\n\r\n"];
const COLONS: Choice<string> = [":", ":  ", ":\t", " :", "\t: ", ":\r\n ", "", "=", "::", ":\v"];
const NAMES: Choice<string> = [
  "X-One",
  "accept",
  "User-Agent",
  "Cookie",
  "Expect",
  "TE",
  "!#$%&'*+-.^_`|~",
  "Upgrade",
];
const VALUES: Choice<string> = ["1", "", "a, b", "\xe9", "100-continue", "trailers", "x: y", '"\\""', "h2c"];
const CONNECTIONS: Choice<string> = [
  "keep-alive",
  "close",
  "Upgrade",
  "TE, keep-alive",
  "content-length",
  "x,Close",
];
const HOSTS: Choice<string> = ["other", "", "api, api", "u@api", "api:", "[::1]:1", "api:80", "a b", "api/"];
const LENGTHS: Choice<string> = [
  "0",
  "1",
  "5",
  "+5",
  "5,5",
  "5, 5",
  "0x5",
  "5 5",
  "-1",
  "",
  "05",
  "99999",
  "5\v",
];
const LONG_LENGTHS: Choice<string> = ["18446744073709551621", "9007199254740993", "4294967301"];
const CODINGS: Choice<string> = [
  "Chunked",
  "xchunked",
  "chunked, chunked",
  "gzip, chunked",
  "chunked;a",
  "identity",
  "",
];
const ODD_CODINGS: Choice<string> = [
  "chunked,",
  '"chunked"',
  "\vchunked",
  "chunked\0",
  "chunked\xa0",
  ",chunked",
];
const SIZES: Choice<string> = [
  "0x5",
  "+5",
  "-1",
  " 5",
  "5 ",
  "5;a=b",
  "5;",
  '5;"\r\n"',
  "",
  "fffffffff",
  "00000005",
];
const STATUSES: Choice<string> = [
  "200 OK",
  "204 No Content",
  "304 Not Modified",
  "404 Not Found",
  "200",
  "205 ",
  "500 \xe9",
];
const ODD_STATUSES: Choice<string> = [
  "099 x",
  "999 x",
  "20 x",
  "2000 x",
  " 200 x",
  "+20 x",
  "200\tx",
  "200 \x01",
  "",
];

/** Requests one after the other: mostly as they should be, so that the odd ones among them are reached. */
export function requests(random: Random): Conversation {
  const pieces: string[] = [];
  for (let left = random.below(3); left >= 0; left--) pieces.push(...request(random));
  return random.chance(0.3) ? changed(pieces, random) : pieces;
}

/** One response, what may come before it, and at times what comes behind. */
export function responses(random: Random): Conversation {
  const pieces: string[] = [];
  while (random.chance(0.1))
    pieces.push(`HTTP/1.1 ${random.pick(["100 Continue", "103 Hints"])}\r\n`, "\r\n");
  do {
    const status = odd(random, random.pick(STATUSES), ODD_STATUSES);
    pieces.push(`${odd(random, version(random), ODD_VERSIONS)} ${status}${lineEnd(random)}`);
    pieces.push(...content(random, random.below(4)));
  } while (random.chance(0.1));
  return random.chance(0.3) ? changed(pieces, random) : pieces;
}

function request(random: Random): string[] {
  const method = odd(random, random.pick(METHODS), ODD_METHODS);
  const target = odd(random, random.pick(TARGETS), ODD_TARGETS);
  const blank = odd(random, " ", ["  ", "\t", ""]);
  const pieces = [
    `${method} ${target}${blank}${odd(random, version(random), ODD_VERSIONS)}${lineEnd(random)}`,
  ];
  if (!random.chance(ODD)) pieces.push(`Host: ${odd(random, "api", HOSTS)}\r\n`);
  if (random.chance(ODD)) pieces.push(`hOST: ${random.pick(HOSTS)}\r\n`);
  return [...pieces, ...content(random, random.below(3))];
}

function version(random: Random): string {
  return random.chance(0.9) ? "HTTP/1.1" : "HTTP/1.0";
}

/** Fields, with or without a framing, the line behind them and the body. */
function content(random: Random, framing: number): string[] {
  const pieces: string[] = [];
  for (let left = random.below(3); left > 0; left--) {
    pieces.push(field(random, random.pick(NAMES), random.pick(VALUES)));
  }
  if (random.chance(0.1)) pieces.push(field(random, "Connection", random.pick(CONNECTIONS)));
  const body: string[] = [];
  switch (framing) {
    case 0: {
      const text = "hello, world".slice(random.below(13));
      const length = random.chance(ODD)
        ? random.pick(LONG_LENGTHS)
        : odd(random, String(text.length), LENGTHS);
      pieces.push(field(random, odd(random, "Content-Length", ["content_length"]), length));
      body.push(text);
      break;
    }
    case 1: {
      const coding = random.chance(ODD) ? random.pick(ODD_CODINGS) : odd(random, "chunked", CODINGS);
      pieces.push(field(random, odd(random, "Transfer-Encoding", ["transfer_encoding"]), coding));
      body.push(...chunks(random));
      break;
    }
    default:
  }
  // A second framing, or the same again.
  if (random.chance(ODD)) pieces.push(field(random, "content-length", random.pick(LENGTHS)));
  if (random.chance(ODD)) pieces.push(field(random, "transfer-encoding", odd(random, "chunked", CODINGS)));
  return [...pieces, lineEnd(random), ...body];
}

function chunks(random: Random): string[] {
  const pieces: string[] = [];
  for (let left = random.below(4); left > 0; left--) {
    const text = "0\r\n\r\nGET / HTTP/1.1\r\n\r\n".slice(0, 1 + random.below(20));
    const size = text.length.toString(16);
    pieces.push(
      `${odd(random, random.chance(0.5) ? size : size.toUpperCase(), SIZES)}${lineEnd(random)}`,
      text,
    );
    pieces.push(lineEnd(random));
  }
  pieces.push(`${odd(random, "0", ["00", "0;a", "", "0x0"])}${lineEnd(random)}`);
  while (random.chance(0.2)) pieces.push(field(random, random.pick(NAMES), random.pick(VALUES)));
  if (random.chance(ODD)) pieces.push(field(random, "Content-Length", "5"));
  return [...pieces, lineEnd(random)];
}

function field(random: Random, name: string, value: string): string {
  return `${name}${odd(random, ": ", COLONS)}${value}${lineEnd(random)}`;
}

function lineEnd(random: Random): string {
  return random.chance(ODD / 3) ? random.pick(ENDS) : "\r\n";
}

function odd(random: Random, usual: string, others: Choice<string>): string {
  return random.chance(ODD) ? random.pick(others) : usual;
}

/** With some bytes put in, taken out, or replaced; or with one of the pieces gone, or there twice. */
function changed(pieces: readonly string[], random: Random): string[] {
  const copy = [...pieces];
  for (let times = random.below(3); times >= 0; times--) {
    const at = random.below(copy.length);
    const piece = copy[at] ?? "";
    const place = random.below(piece.length + 1);
    const [before, after] = [piece.slice(0, place), piece.slice(place)];
    switch (random.below(5)) {
      case 0:
        copy[at] = before + random.pick(BYTES) + after;
        break;
      case 1:
        copy[at] = before + after.slice(1);
        break;
      case 2:
        copy[at] = before + String.fromCharCode(random.below(256)) + after.slice(1);
        break;
      case 3:
        copy.splice(at, 1);
        break;
      default:
        copy.splice(at, 0, piece);
    }
  }
  return copy;
}
