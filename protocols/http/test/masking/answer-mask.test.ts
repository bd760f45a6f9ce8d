import { brotliCompressSync, gzipSync } from "node:zlib";
import type { Mask } from "@gatehouse/core";
import t from "tap";
import { parseFields } from "../../src/codec/fields.ts";
import { Redactor } from "../../src/credentials/redaction.ts";
import { type AnswerMask, answerMask, answerMasks, interimMask } from "../../src/masking/answer-mask.ts";
import type { Sink } from "../../src/masking/sink.ts";
import { responseOf } from "../heads.ts";
import { detecting } from "./detecting.ts";
import { CANARY, contacts, maskOf } from "./masks.ts";
import { Collected, inPieces, malformed, pour } from "./support.ts";

const SECRET = "s3cret/Key+of=theirs";
const fieldsMask = maskOf({ fields: ["$.email"] });

/** A step that says which one it is. */
function step(name: string, next: Sink): Sink {
  let isBegun = false;
  return {
    write(content) {
      const first = isBegun ? [] : [Buffer.from(`${name}:`)];
      isBegun = true;
      return next.write([...first, ...content]);
    },
    end: () => next.end(),
    abort: () => next.abort(),
  };
}

interface Asked {
  readonly status?: string;
  readonly masks?: readonly Mask[];
  readonly secrets?: readonly string[];
  readonly method?: string;
}

function answered(
  lines: readonly string[],
  { status = "200 OK", masks = [contacts], secrets = [SECRET], method = "GET" }: Asked = {},
): { readonly mask: AnswerMask; readonly next: Collected } {
  const next = new Collected();
  const mask = answerMask(
    responseOf(status, lines, method),
    {
      ...{ masks, values: detecting, redactor: new Redactor(secrets) },
      steps: {
        json: (_, texts, sink) => step(`json ${texts}`, sink),
        events: (_, sink) => step("events", sink),
      },
    },
    next,
  );
  return { mask, next };
}

async function poured(pieces: readonly Buffer[], lines: readonly string[], asked?: Asked): Promise<string> {
  const { mask, next } = answered(lines, asked);
  if (!mask.ok) throw new Error(mask.message);
  await pour(pieces, mask.sink);
  return next.text;
}

function refusal(lines: readonly string[], asked?: Asked): string {
  const { mask } = answered(lines, asked);
  return mask.ok ? "sent" : mask.message;
}

t.test("each type is looked into in its own way", async (t) => {
  const body = Buffer.from("1");
  for (const [type, expected] of [
    ["application/json", "json one:1"],
    ["Application/Problem+JSON; charset=UTF-8", "json one:1"],
    ["text/json", "json one:1"],
    ["application/x-ndjson", "json lines:1"],
    ["application/jsonl", "json lines:1"],
    ["application/json-seq", "json sequence:1"],
    ["application/geo+json-seq", "json sequence:1"],
    ["text/event-stream", "events:1"],
    ["text/plain", "1"],
    ["text/html; charset=iso-8859-1", "1"],
    ["application/xml", "1"],
    ["image/svg+xml", "1"],
    ["application/javascript", "1"],
    ["audio/x-mpegurl", "1"],
  ] as const) {
    t.equal(await poured([body], [`Content-Type: ${type}`]), expected, type);
  }
});

t.test("of the credential nothing is left where a detector finds something in it", (t) => {
  const secret = `key-${CANARY}-of-theirs`;
  const lines = ["Content-Type: text/plain", `X-Said: it is ${secret}`];
  const { mask } = answered(lines, { secrets: [secret] });
  t.ok(mask.ok);
  if (mask.ok) {
    for (const fields of [mask.fields, mask.trailers(parseFields(lines))]) {
      t.same(fields.all("x-said"), ["it is redacted"]);
    }
  }
  const before = interimMask(responseOf("103 Early Hints", lines, "GET"), {
    ...{ masks: [contacts], values: detecting, redactor: new Redactor([secret]) },
    steps: { json: (_, __, sink) => sink, events: (_, sink) => sink },
  });
  t.same(before.fields.all("x-said"), ["it is redacted"]);
  t.end();
});

t.test("what can't be looked into is refused", async (t) => {
  for (const [why, lines, asked] of [
    [/type that is not looked into/, ["Content-Type: application/octet-stream"], {}],
    [/type that is not looked into/, ["Content-Type: application/pdf"], {}],
    [/type that is not looked into/, ["Content-Type: application/zip"], {}],
    [/type that is not looked into/, ["Content-Type: application/x-www-form-urlencoded"], {}],
    [/type that is not looked into/, ["Content-Type: multipart/mixed; boundary=a"], {}],
    [/type that is not looked into/, ["Content-Type: application/json5"], {}],
    [/does not say/, [], {}],
    [/does not say/, ["Content-Type: text"], {}],
    [/does not say/, ["Content-Type: text/plain", "content-type: image/png"], {}],
    [/does not say/, ["Content-Type: text/plain; charset=utf-8; charset=utf-7"], {}],
    [/charset that is not UTF-8/, ["Content-Type: application/json; charset=utf-16"], {}],
    [/charset that is not UTF-8/, ["Content-Type: text/event-stream; charset=latin1"], {}],
    [/charset that is not known/, ["Content-Type: text/plain; charset=utf-7"], {}],
    [/coding that is not known/, ["Content-Type: text/plain", "Content-Encoding: compress"], {}],
    [/coding that is not known/, ["Content-Type: text/plain", "Content-Encoding: br, br, br"], {}],
    [/a part of/, ["Content-Type: text/plain"], { status: "206 Partial Content" }],
    [/a part of/, ["Content-Type: multipart/byteranges; boundary=a"], {}],
    [/no JSON/, ["Content-Type: text/plain"], { masks: [fieldsMask] }],
    [/no JSON/, ["Content-Type: image/png"], { masks: [contacts, fieldsMask] }],
  ] as const) {
    t.match(refusal(lines, asked), why, lines.join());
  }
});

t.test("masks of fields go with JSON, and with events", async (t) => {
  const asked = { masks: [fieldsMask] };
  t.equal(await poured([Buffer.from("1")], ["Content-Type: application/json"], asked), "json one:1");
  t.equal(await poured([Buffer.from("1")], ["Content-Type: text/event-stream"], asked), "events:1");
});

t.test("masks of requests, and of columns, hide nothing in an answer", async (t) => {
  const none = [
    maskOf({ detect: ["pii.*"], requests: { restore: false } }),
    maskOf({ columns: ["public.customers.email"] }),
    maskOf({ fields: [] }),
  ];
  t.same(answerMasks([...none, contacts, fieldsMask]), [contacts, fieldsMask]);
  t.equal(await poured([Buffer.from(CANARY)], [], { masks: none }), CANARY);
});

t.test("a text is masked in each coding, wherever it is cut, and the head says so", async (t) => {
  const text = Buffer.from(`Zoë 🌍: ${CANARY} – ${SECRET}\n${CANARY}`);
  const codings: readonly (readonly [string, Buffer])[] = [
    ["identity", text],
    ["gzip", gzipSync(text)],
    ["br", brotliCompressSync(text)],
    ["gzip, br", brotliCompressSync(gzipSync(text))],
  ];
  for (const [coding, bytes] of codings) {
    const lines = ["Content-Type: text/plain", `Content-Encoding: ${coding}`, 'ETag: "x"', "Digest: y"];
    const { mask } = answered([...lines, `Content-Length: ${bytes.length}`]);
    if (!mask.ok) throw new Error(mask.message);
    t.equal(mask.changed, true);
    t.same(
      [...mask.fields].filter(({ lower }) => lower !== "content-length").map(({ value }) => value),
      ["text/plain"],
    );
    const cuts = [1, 2, 3, 7].map((size) => inPieces(bytes, size));
    for (let at = 0; at < bytes.length; at++) cuts.push([bytes.subarray(0, at), bytes.subarray(at)]);
    for (const pieces of cuts) {
      const out = await poured(pieces, lines);
      if (/anna|keller|s3cret|theirs/.test(out) || !out.startsWith("Zoë 🌍: ")) t.fail(`${coding}: ${out}`);
    }
    t.pass(coding);
  }
});

t.test("a text in another charset is UTF-8 from here on, and says so", async (t) => {
  const { mask, next } = answered(["Content-Type: text/html; charset=iso-8859-1"]);
  if (!mask.ok) throw new Error(mask.message);
  t.same(mask.fields.all("content-type"), ["text/html; charset=utf-8"]);
  await pour([Buffer.from(`größer ${CANARY}`, "latin1")], mask.sink);
  t.match(next.text, /^größer /);
  t.notMatch(next.text, /anna/);
  const wide = Buffer.from(`say ${SECRET} 2`, "utf16le");
  t.equal(await poured([wide], ["Content-Type: text/plain; charset=utf-16"]), "say ******************** 2");
});

t.test("media is as long as was said, and its bytes are its own", async (t) => {
  const { mask, next } = answered(["Content-Type: image/png", "Content-Length: 4"]);
  t.match(mask, { ok: true, changed: false });
  if (mask.ok) await pour([Buffer.from([0x89, 0, 1, 2])], mask.sink);
  t.same([...next.bytes], [0x89, 0, 1, 2]);
});

t.test("a text that says that it is a picture is broken off, and nothing of it goes on", async (t) => {
  const picture = Buffer.from([...Buffer.from("GIF89a"), 0x20, 0x03, 0x58, 0x02, ...Buffer.alloc(600, 65)]);
  for (const size of [1, 7, 1000]) {
    const { mask, next } = answered(["Content-Type: image/gif"]);
    if (mask.ok) await pour(inPieces(picture, size), mask.sink);
    t.same(next.bytes, picture);
    for (const length of [CANARY.length, 511, 512, 5000]) {
      const told = answered(["Content-Type: image/gif"]);
      const text = Buffer.from(CANARY.repeat(250).slice(0, length));
      if (told.mask.ok) await t.rejects(pour(inPieces(text, size), told.mask.sink), malformed);
      t.equal(told.next.text, "");
    }
  }
});

t.test("without a body the head alone is masked, and no length is told", async (t) => {
  for (const [status, method, more] of [
    ["200 OK", "HEAD", ["Content-Length: 40"]],
    ["304 Not Modified", "GET", []],
    ["204 No Content", "GET", []],
    ["200 OK", "GET", ["Content-Length: 0"]],
    ["206 Partial Content", "HEAD", []],
  ] as const) {
    const { mask } = answered([`X-Owner: ${CANARY}`, ...more], { status, method });
    if (!mask.ok) throw new Error(mask.message);
    t.equal(mask.changed, true);
    t.notMatch(mask.fields.all("x-owner").join(), /anna/);
  }
});

t.test("the reason phrase is masked", async (t) => {
  const { mask } = answered(["Content-Length: 0"], { status: `404 No ${CANARY}` });
  t.match(mask, { ok: true, reason: /^No / });
  t.notMatch(mask, { ok: true, reason: /anna/ });
});

t.test("trailers are masked, and say nothing of the bytes that were sent", async (t) => {
  const trailers = parseFields([`X-Owner: ${CANARY}`, "Digest: x", "X-Time: 3"]);
  const names = ({ mask }: ReturnType<typeof answered>) =>
    mask.ok && [...mask.trailers(trailers)].map(({ lower }) => lower);
  const masked = answered(["Content-Type: text/plain"]);
  t.same(names(masked), ["x-owner", "x-time"]);
  t.notMatch(masked.mask.ok && masked.mask.trailers(trailers).all("x-owner").join(), /anna/);
  t.same(names(answered(["Content-Encoding: gzip"], { masks: [] })), ["x-owner", "x-time"]);
  t.same(names(answered([], { masks: [] })), ["x-owner", "digest", "x-time"]);
});

t.test("without masks the gateway's credential is taken out, whatever the type and the coding", async (t) => {
  const asked = { masks: [] };
  const stars = "*".repeat(SECRET.length);
  const plain = Buffer.from(`key=${SECRET}`);
  t.equal(await poured([plain], ["Content-Length: 24"], asked), `key=${stars}`);
  t.match(answered(["Content-Length: 24", "Digest: x"], asked).mask, { ok: true, changed: false });
  const lines = ["Content-Type: application/zip", "Content-Encoding: gzip", "Content-Length: 40"];
  t.equal(await poured([gzipSync(plain)], lines, asked), `key=${stars}`);
  const { mask } = answered(lines, asked);
  t.match(mask, { ok: true, changed: true });
  t.equal(mask.ok && mask.fields.has("content-encoding"), false);
  t.match(refusal(["Content-Encoding: compress"], asked), /coding that is not known/);
  t.match(
    refusal(["Content-Encoding: gzip"], { ...asked, status: "206 Partial Content" }),
    /a part of something in a content coding/,
  );
  t.match(refusal(["Content-Encoding: compress"], { ...asked, method: "HEAD" }), /^sent$/);
});

t.test("with neither masks nor a credential nothing stands in the way", async (t) => {
  const { mask, next } = answered(["Content-Encoding: compress", 'ETag: "x"'], { masks: [], secrets: [] });
  t.equal(mask.ok && mask.sink, next);
  t.match(mask, { ok: true, changed: false, reason: "OK" });
  t.same(mask.ok && mask.fields.all("etag"), ['"x"']);
});
