import { Random } from "@gatehouse/testkit";
import t from "tap";
import { Malformed } from "../src/codec/malformed.ts";
import type { RequestHead } from "../src/codec/request-head.ts";
import type { ResponseHead } from "../src/codec/response-head.ts";
import type { InjectSetting } from "../src/credentials/setting.ts";
import { canonicalName, isCredential, isHopByHop, isProxysWord } from "../src/field-names.ts";
import { encodeAnswerHead } from "../src/encode.ts";
import { incomingHead } from "../src/incoming.ts";
import { answering, pairs, readResponse, requestOf, responseOf, SECRET, sent } from "./heads.ts";

const ROUNDS = 2000;
/** Stands in each credential that a client sends, and in nothing else. */
const CANARY = "c4n4ry";

const NAMES = [
  ...[
    "Accept",
    "Content-Type",
    "X-Thing",
    "Via",
    "X_Thing",
    "Range",
    "Link",
    "Location",
    "Refresh",
    "Origin",
  ],
  ...[
    "Connection",
    "Keep-Alive",
    "TE",
    "Trailer",
    "Proxy-Connection",
    "Upgrade",
    "Alt-Svc",
    "Set-Cookie",
    "Server",
  ],
] as const;
const CREDENTIALS = [
  ...["Authorization", "Proxy-Authorization", "X-Gatehouse-Authorization", "X-Gatehouse-Approval", "Cookie"],
  ...["X-Api-Key", "X-Tenant", "Api-Key", "X-Auth-Token", "X-Forwarded-For", "Forwarded", "X-Real-IP"],
] as const;
const VALUES = [
  ...[
    "a",
    "close",
    "keep-alive",
    "x-thing",
    "host",
    "Content-Length",
    "a, x-tenant, b",
    "trailers",
    "X_Thing",
  ],
  ...[
    "https://api.internal/x",
    "</a>; rel=next",
    "/../x",
    "5; url=/a",
    "\xff\xfe\t\"'\\<>;,=",
    "a=b; Path=/; Domain=x",
  ],
  ...["", "100-continue", "b%0d%0aX: y", `echo ${SECRET}`],
] as const;
const INJECT: readonly [InjectSetting, ...InjectSetting[]] = [
  ...(["bearer", "basic", "none"] as const),
  ...[{ header: "X-Tenant" }, { query: "api_key" }],
];

function disguised(random: Random, name: string): string {
  const cased = name.replace(/./g, (char) => (random.chance(0.3) ? char.toUpperCase() : char.toLowerCase()));
  return random.chance(0.2) ? cased.replaceAll("-", random.pick(["_", ".", "~"])) : cased;
}

function lines(random: Random, makeLine: () => string): readonly string[] {
  return Array.from({ length: random.below(12) }, makeLine);
}

function plainLine(random: Random): string {
  return `${disguised(random, random.pick(NAMES))}:${random.pick([" ", "", "\t "])}${random.pick(VALUES)}`;
}

function framing(random: Random): readonly string[] {
  return random.pick([[], ["Content-Length: 3"], ["Content-Length: 0"], ["transfer-encoding: CHUNKED"]]);
}

/** What the client or target sent, and what became of it; undefined where it was refused. */
function tried<T>(make: () => T): T | undefined {
  try {
    return make();
  } catch (error) {
    if (error instanceof Malformed) return undefined;
    throw error;
  }
}

/** A field that is there though it is the way's, or the client's credential. */
function leftOver({ fields }: RequestHead | ResponseHead, mine: ReadonlySet<string>): string | undefined {
  return [...fields].find(({ lower }) => {
    const canonical = canonicalName(lower);
    if (mine.has(lower)) return false;
    return isHopByHop(canonical) || isCredential(canonical) || isProxysWord(canonical);
  })?.lower;
}

t.test(
  "whatever a client sends, its target gets one request, framed the same, and no credential of the client's",
  async (t) => {
    const random = new Random(8);
    let passed = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const made = lines(random, () =>
        random.chance(0.3)
          ? `${disguised(random, random.pick(CREDENTIALS))}: ${CANARY}=${CANARY}`
          : plainLine(random),
      );
      const query = random.pick(["", "?a=b", `?API%5fkey=${CANARY}&a`, `?a;api_key=${CANARY}`]);
      const inject = random.pick(INJECT);
      const keyed = typeof inject === "object" && "query" in inject;
      const method = random.pick(["GET", "POST", "DELETE", "PATCH", "TRACE"]);
      const target = `/a${keyed ? query : ""}`;
      const what = JSON.stringify([method, target, made, inject]);
      const head = tried(() => requestOf(`${method} ${target}`, ...made, ...framing(random)));
      const out = head && tried(() => sent(head, { inject }, { mustOpen: random.chance(0.5) }));
      if (head === undefined || out === undefined) continue;
      passed++;
      const { read, text } = out;
      const expected = [method, head.framing, ["api.internal"]];
      const same =
        JSON.stringify([read.method, read.framing, read.fields.all("host")]) === JSON.stringify(expected);
      if (!same) t.fail(`another message: ${what}`);
      // `X-Tenant` is a credential where it is configured as one.
      const theirs =
        typeof inject === "object" && "header" in inject ? text : text.replace(/^x[-_.~]tenant: .*$/gim, "");
      if (theirs.includes(CANARY)) t.fail(`the client's credential: ${what}`);
      const left = leftOver(read, new Set(["connection", "te", "transfer-encoding", "authorization"]));
      if (left !== undefined) t.fail(`${left} of ${what}`);
      const secrets = text.split(SECRET).length - 1 - made.filter((line) => line.includes(SECRET)).length;
      if (secrets > 1) t.fail(`the credential more than once: ${what}`);
      if (read.fields.all("authorization").length > 1) t.fail(`two credentials: ${what}`);
      if (read.fields.list("connection").some((option) => option !== "close" && option !== "te")) {
        t.fail(`another connection's options: ${what}`);
      }
    }
    t.ok(passed > ROUNDS / 10, `${passed} were sent on`);
  },
);

t.test(
  "whatever a target answers, the client gets one response, and nothing of the credential or the way",
  async (t) => {
    const random = new Random(9);
    let passed = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const made = lines(random, () => plainLine(random));
      const method = random.pick(["GET", "HEAD", "POST"]);
      const status = random.pick([
        "200 OK",
        "304 Not Modified",
        "204 No Content",
        "302 Found",
        `500 ${SECRET}`,
      ]);
      const version = random.pick(["1.0", "1.1"] as const);
      const cookies = random.pick(["none", "pass"] as const);
      const what = JSON.stringify([method, status, version, made]);
      const head = tried(() => responseOf(status, [...made, ...framing(random)], method));
      if (head === undefined) continue;
      const answer = tried(() =>
        encodeAnswerHead(
          incomingHead({ ...head, changed: false }, { ...answering, method, cookies }),
          version,
          false,
        ),
      );
      if (answer === undefined) continue;
      passed++;
      const text = answer.bytes.toString("latin1");
      const read = readResponse(answer.bytes, method);
      if (JSON.stringify(read.framing) !== JSON.stringify(answer.framing)) t.fail(`another framing: ${what}`);
      if (version === "1.0" && read.framing.kind === "chunked") t.fail(`chunks for HTTP/1.0: ${what}`);
      if (answer.last !== read.fields.list("connection").includes("close")) t.fail(`another end: ${what}`);
      if (text.includes(SECRET)) t.fail(`the credential: ${what}`);
      const left = leftOver(read, new Set(["connection", "transfer-encoding"]));
      if (left !== undefined) t.fail(`${left} of ${what}`);
      for (const [name, value] of pairs(read)) {
        if (name === "location" && value.startsWith("/") && !value.startsWith("/orders/"))
          t.fail(`${value} of ${what}`);
        if (name === "set-cookie" && !value.includes("Path=/orders/")) t.fail(`${value} of ${what}`);
      }
    }
    t.ok(passed > ROUNDS / 10, `${passed} were handed on`);
  },
);
