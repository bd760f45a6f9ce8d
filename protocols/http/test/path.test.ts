import t from "tap";
import { Malformed } from "../src/codec/malformed.ts";
import { isEncodedTwice, pathText, readTarget, underFirst, writeTarget } from "../src/path.ts";

/** What is sent for what was asked, and the path that rules see where that is another. */
const READ: readonly (readonly [asked: string, sent: string, path?: string])[] = [
  ["*", "*"],
  ["/", "/"],
  ["//", "/"],
  ["///", "/"],
  ["/.", "/"],
  ["/./", "/"],
  ["/a", "/a"],
  ["/a/", "/a/"],
  ["/a//", "/a/"],
  ["//a", "/a"],
  ["/a//b", "/a/b"],
  ["/a///b//c", "/a/b/c"],
  ["/a/./b", "/a/b"],
  ["/a/.", "/a/"],
  ["/a/./", "/a/"],
  ["/a/..", "/"],
  ["/a/../", "/"],
  ["/a/../b", "/b"],
  ["/a/b/..", "/a/"],
  ["/a/b/../c", "/a/c"],
  ["/a/b/../../c", "/c"],
  ["/a//../b", "/b"],
  ["/a/.//../b", "/b"],
  ["/public/../admin", "/admin"],
  ["/...", "/..."],
  ["/..a", "/..a"],
  ["/a..", "/a.."],
  ["/.a", "/.a"],
  ["/a./b", "/a./b"],
  ["/%61", "/a"],
  ["/%41", "/A"],
  ["/%7E", "/~"],
  ["/%7e", "/~"],
  ["/%2d", "/-"],
  ["/%5F", "/_"],
  ["/%30", "/0"],
  ["/%61%64%6d%69%6e", "/admin"],
  ["/a%2eb", "/a.b"],
  ["/a%2E", "/a."],
  ["/%2e%2e%2e", "/..."],
  ["/%2ewell-known", "/.well-known"],
  ["/a%20b", "/a%20b", "/a b"],
  ["/a%3ab", "/a%3Ab", "/a:b"],
  ["/a:b", "/a:b"],
  ["/a%40b", "/a%40b", "/a@b"],
  ["/a@b", "/a@b"],
  ["/a%2bb", "/a%2Bb", "/a+b"],
  ["/a+b", "/a+b"],
  ["/a%3fb", "/a%3Fb", "/a?b"],
  ["/a%23b", "/a%23b", "/a#b"],
  ["/a%26b", "/a%26b", "/a&b"],
  ["/a%3bb", "/a%3Bb", "/a;b"],
  ["/%7b", "/%7B", "/{"],
  ["/{id}", "/%7Bid%7D", "/{id}"],
  ["/a|b", "/a%7Cb", "/a|b"],
  ["/a[0]", "/a%5B0%5D", "/a[0]"],
  ["/%c3%a9", "/%C3%A9", "/é"],
  ["/%C3%A9", "/%C3%A9", "/é"],
  ["/%e2%82%ac", "/%E2%82%AC", "/€"],
  ["/%F0%9F%98%80", "/%F0%9F%98%80", "/😀"],
  ["/%EF%BB%BFa", "/%EF%BB%BFa", "/\ufeffa"],
  ["/100%25", "/100%25", "/100%"],
  ["/%2541", "/%2541", "/%41"],
  ["/%252f", "/%252f", "/%2f"],
  ["/%252e%252e/a", "/%252e%252e/a", "/%2e%2e/a"],
  ["/a!$&'()*+,=", "/a!$&'()*+,="],
  ["/v1/projects/x:cancel", "/v1/projects/x:cancel"],
  ["/a?", "/a?", "/a"],
  ["/a?b", "/a?b", "/a"],
  ["/a?b=c", "/a?b=c", "/a"],
  ["/a?b=/../c", "/a?b=/../c", "/a"],
  ["/a/../b?c=..", "/b?c=..", "/b"],
  ["/?a=1;b=2", "/?a=1%3Bb=2", "/"],
  ["/a?x=%2f%2F", "/a?x=%2f%2F", "/a"],
  ["/a?x=%0d%0a", "/a?x=%0d%0a", "/a"],
  ["/a?x=?y", "/a?x=?y", "/a"],
  ["/a?&&x=1&", "/a?&&x=1&", "/a"],
  ["/a?x[]=1", "/a?x[]=1", "/a"],
];

/** What two servers could read differently. */
const REFUSED = [
  ...["", "a", "a/b", "?a=b", "http://a/b", "**", "*?a"],
  ...["/..", "/../", "/../a", "/a/../..", "/a/../../b", "/./..", "//..", "/a/b/../../../c"],
  ...["/%2e", "/%2E/a", "/%2e%2e", "/%2E%2E/a", "/.%2e/a", "/%2e./a", "/a/%2e%2e", "/a/%2e/b"],
  ...["/a%2fb", "/a%2Fb", "/%2f", "/..%2fa", "/a%2f..%2fb"],
  ...["/a%5cb", "/a%5Cb", "/..%5ca", "/a\\b", "/\\a", "/a?b=\\"],
  ...["/a%00", "/%00a", "/a%0a", "/a%0d%0ab", "/a%09", "/a%1f", "/a%7f", "/a%c2%85"],
  ...["/%", "/a%", "/a%2", "/a%g0", "/a%u002f", "/%%32e", "/a%-1", "/a%2 ", "/%0x2f"],
  ...[
    "/%c0%af",
    "/%c0%ae%c0%ae",
    "/%e0%80%af",
    "/%f0%80%80%af",
    "/%c1%9c",
    "/%C0%2F",
    "/%ff",
    "/%fe",
    "/%80",
  ],
  ...["/%e9", "/%c3", "/%ed%a0%80", "/%ed%b0%80", "/%f4%90%80%80", "/%f8%88%80%80%80"],
  ...["/%ef%bc%8f", "/a%ef%bc%8fb", "/%ef%bc%bc", "/%ef%bc%8e%ef%bc%8e", "/%e2%80%a5", "/%e2%80%a4"],
  ...["/a;b", "/a;b/c", "/..;/a", "/a;/../b", "/;a", "/.;/a", "/a;", "/..%3b/a", "/.%3B"],
  ...["/é", "/a b", "/a\tb", "/a\0", "/a\r\nb", "/a#b", "/a?b#c", "/a\x7f", "/\xff"],
  ...["/a?x=%", "/a?x=%zz", "/a?x=%00", "/a?%00=x", "/a?x=%c0%af", "/a?x=%ff", "/a?%e9=1", "/a?x=%u0041"],
];

t.test("paths come into one form", (t) => {
  for (const [asked, sent, path = sent] of READ) {
    const target = readTarget(asked);
    t.equal(writeTarget(target), sent, asked);
    t.equal(pathText(target), path, `${asked} in the eyes of rules`);
  }
  t.end();
});

t.test("what two servers could read differently is refused", (t) => {
  for (const asked of REFUSED) t.equal(readOrNothing(asked), undefined, JSON.stringify(asked));
  t.end();
});

t.test("what is sent is what was matched: read again, it is itself", (t) => {
  const corpus = [...READ.map(([asked]) => asked), ...mixtures(20_000)];
  let read = 0;
  for (const asked of corpus) {
    const once = readOrNothing(asked);
    if (once === undefined) continue;
    read++;
    const again = readTarget(writeTarget(once));
    if (JSON.stringify(again) !== JSON.stringify(once)) t.same(again, once, asked);
    const { segments } = once;
    const odd = segments.filter((segment) => /^\.{0,2}$|[/\\\p{Cc}]/u.test(segment));
    if (odd.length > 0) t.same(odd, [], asked);
    if (/[^!-~]|[\\#;]|\/\/|\/\.{1,2}(\/|$)|%2[fe]|%5c|%00/i.test(once.path)) t.fail(asked);
  }
  t.ok(read > 2000, "enough of them can be read");
  t.end();
});

t.test("a server that decodes by the URL standard sees the segments that rules see", (t) => {
  let read = 0;
  for (const asked of mixtures(5000)) {
    const target = readOrNothing(asked);
    if (target === undefined) continue;
    read++;
    const { pathname } = new URL(writeTarget(target), "http://host");
    const seen = pathname.slice(1).split("/").map(decodeURIComponent);
    if (seen.length > 0 && seen.at(-1) === "") seen.pop();
    if (JSON.stringify(seen) !== JSON.stringify(target.segments)) t.same(seen, target.segments, asked);
  }
  t.ok(read > 500, "enough of them can be read");
  t.end();
});

t.test("what would be decoded again by a server that decodes twice is told", (t) => {
  for (const asked of ["/%252f", "/a/%252e%252e/b", "/%2541", "/%25%32%66"]) {
    t.equal(isEncodedTwice(readTarget(asked)), true, asked);
  }
  for (const asked of ["/100%25", "/a%20b", "/%25", "/a?b=%252f"]) {
    t.equal(isEncodedTwice(readTarget(asked)), false, asked);
  }
  t.end();
});

t.test("parameters of a query are decoded, all of them, in order", (t) => {
  const { parameters } = readTarget("/?a=1&a=2&b&=c&d=e=f&%61=g+h%2Bi&__proto__=x&é".replace("é", "%C3%A9"));
  t.same(
    parameters.map(({ name, value }) => [name, value]),
    [
      ...[
        ["a", "1"],
        ["a", "2"],
        ["b", ""],
        ["", "c"],
      ],
      ...[
        ["d", "e=f"],
        ["a", "g h+i"],
        ["__proto__", "x"],
        ["é", ""],
      ],
    ],
  );
  t.same(readTarget("/?a=1;b=2").parameters, [{ name: "a", value: "1;b=2" }]);
  t.end();
});

t.test("the first segment can be taken off", (t) => {
  const cases = [
    ["/api/v1/x?y=1", "api", "/v1/x?y=1", ["v1", "x"]],
    ["/api", "api", "/", []],
    ["/api/", "api", "/", []],
    ["/api/../other/x", "other", "/x", ["x"]],
    ["/reader@api//x/", "reader@api", "/x/", ["x"]],
    ["/a%20b/c%20d", "a b", "/c%20d", ["c d"]],
  ] as const;
  for (const [asked, first, sent, segments] of cases) {
    const under = underFirst(readTarget(asked));
    t.equal(under?.first, first, asked);
    t.equal(under && writeTarget(under.rest), sent, asked);
    t.same(under?.rest.segments, segments, asked);
  }
  t.equal(underFirst(readTarget("/")), undefined);
  t.equal(underFirst(readTarget("*")), undefined);
  t.end();
});

function readOrNothing(asked: string) {
  try {
    return readTarget(asked);
  } catch (error) {
    if (error instanceof Malformed) return undefined;
    throw error;
  }
}

/** Paths of pieces that are special to some server; the same ones in every run. */
function* mixtures(count: number): Generator<string> {
  const pieces = [
    ...[
      "/",
      "/",
      "/",
      "//",
      ".",
      "..",
      "a",
      "b",
      "%61",
      "%2e",
      "%2E",
      "%2f",
      "%5c",
      "\\",
      ";",
      ":",
      "@",
      "+",
    ],
    ...[
      "%25",
      "%252f",
      "%20",
      "%c3%a9",
      "%c0%af",
      "%00",
      "%",
      "{",
      "|",
      "[",
      "%3a",
      "%3B",
      "?",
      "&",
      "=",
      "~",
    ],
  ];
  let seed = 8;
  const next = (bound: number) => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    return (seed >>> 8) % bound;
  };
  for (let made = 0; made < count; made++) {
    const words = Array.from({ length: next(8) }, () => pieces[next(pieces.length)] ?? "");
    yield `/${words.join("")}`;
  }
}
