import type { Mask } from "@gatehouse/core";
import t from "tap";
import { Fields } from "../../src/codec/fields.ts";
import { fieldOf } from "../../src/encode.ts";
import { readBody } from "../../src/facts/body.ts";
import { type MaskedRequest, maskedRequest } from "../../src/masking/request-mask.ts";
import { readTarget } from "../../src/path.ts";
import { detecting } from "./detecting.ts";
import { CANARY, maskOf } from "./masks.ts";

const JSON_TYPE = "application/json";
const FORM_TYPE = "application/x-www-form-urlencoded";
const CARD = "4111111111111111";
const taken = maskOf({ detect: ["pii.*"], requests: { restore: true } });
const gone = maskOf({ detect: ["pii.*"], requests: { restore: false } });

interface Asked {
  readonly target?: string;
  readonly fields?: readonly (readonly [string, string])[];
  readonly type?: string;
  readonly body?: string | Buffer;
}

function masked(
  { target = "/v1", fields = [], type, body = "" }: Asked,
  masks: readonly Mask[] = [taken],
): MaskedRequest {
  const typed = type === undefined ? fields : ([...fields, ["Content-Type", type]] as const);
  const all = new Fields(typed.map(([name, value]) => fieldOf(name, Buffer.from(value).toString("latin1"))));
  const bytes = Buffer.from(body);
  const read = readBody(all, bytes).kind;
  return maskedRequest({ target: readTarget(target), fields: all, body: bytes, read }, masks, detecting);
}

/** What is sent, and what the client would read where the target repeats all of it. */
function sent(asked: Asked, masks?: readonly Mask[]): { readonly text: string; readonly back: string } {
  const result = masked(asked, masks);
  if (!result.ok) throw new Error(result.message);
  const text = result.body?.toString() ?? "(as it was)";
  return { text, back: result.restore?.whole(text) ?? "(nothing to put back)" };
}

t.test("a body without anything to hide is sent byte for byte, and so is every one without masks", (t) => {
  const unchanged = { ok: true, body: undefined, restore: undefined };
  const answers = maskOf({ detect: ["pii.*"] });
  for (const [type, body] of [
    [JSON_TYPE, '{ "a" : [1.50, "\\u00e9", null] }'],
    [FORM_TYPE, "a=b+c&&d&e=%7e"],
    ["text/plain", "ö\n"],
  ] as const) {
    t.same(masked({ type, body }), unchanged, type);
    t.same(masked({ type, body }, [answers]), unchanged, "masks of answers");
  }
  t.same(masked({ type: "image/png", body: CANARY }, [answers]), unchanged);
  t.same(masked({}), unchanged, "no body");
  t.end();
});

t.test("JSON: strings however they are escaped, numbers and names; all else stays as it is written", (t) => {
  const body = `{ "to": "mail ann\\u0061.keller\\u0040example.com", "n": [${CARD}, 4.111111111111111e15, 7.50],
    "${CANARY}": {"again": "${CANARY}", "é": true} }`;
  const { text, back } = sent({ type: JSON_TYPE, body });
  t.notMatch(text, /anna|keller|4111|4\.11/);
  t.match(
    text,
    /^\{ "to": "mail (\[email-1-\w+\])", "n": \["(\[card-1-\w+\])", "\2", 7\.50\],\n {4}"\1": \{"again": "\1", "é": true\} \}$/,
  );
  t.same(JSON.parse(back), {
    to: `mail ${CANARY}`,
    n: [CARD, CARD, 7.5],
    [CANARY]: { again: CANARY, é: true },
  });
  t.end();
});

t.test("fields: the whole value, as a string; what puts nothing back goes first", (t) => {
  const requests = { restore: true };
  const fields = maskOf({ fields: ["$..name", "$.age"], requests });
  const body = '{"name":"Zoë","age":41,"deep":{"name":["x"]},"no":"Zoë"}';
  const { text, back } = sent({ type: JSON_TYPE, body }, [fields]);
  t.match(
    text,
    /^\{"name":"\[field-1-\w+\]","age":"\[field-2-\w+\]","deep":\{"name":"\[redacted\]"\},"no":"Zoë"\}$/,
  );
  t.equal(back, '{"name":"Zoë","age":"41","deep":{"name":"[redacted]"},"no":"Zoë"}');
  const for_good = maskOf({ fields: ["$.name"], requests: { restore: false } });
  for (const masks of [
    [fields, for_good],
    [for_good, fields],
  ]) {
    t.match(sent({ type: JSON_TYPE, body }, masks).text, /^\{"name":"\[redacted\]","age":"\[field-1-/);
  }
  t.match(
    sent({ type: JSON_TYPE, body: `"${CANARY} ${CARD}"` }, [
      maskOf({ detect: ["pii.email"], requests }),
      maskOf({ detect: ["pii.card"], with: { kind: "partial", of: "card" }, requests: { restore: false } }),
    ]).text,
    /^"\[email-1-\w+\] \*+1111"$/,
  );
  t.end();
});

t.test("forms: each value as it is decoded", (t) => {
  const body = `a=1+2&to=x+anna.keller%40example.com&&card=${CARD}&raw=${CANARY}&n`;
  const { text, back } = sent({ type: FORM_TYPE, body });
  t.match(text, /^a=1\+2&to=x%20(%5Bemail-1-\w+%5D)&&card=(%5Bcard-1-\w+%5D)&raw=\1&n$/);
  t.equal(back, text, "what is encoded stays");
  t.match(sent({ type: FORM_TYPE, body: "tel=+4930901820" }).text, /^tel=.*%5Bphone-1-\w+%5D$/);
  t.end();
});

t.test("text is looked at as a whole", (t) => {
  const { text, back } = sent({ type: "text/markdown; charset=UTF-8", body: `# ö\n${CANARY}, ${CANARY}` });
  t.match(text, /^# ö\n(\[email-1-\w+\]), \1$/);
  t.equal(back, `# ö\n${CANARY}, ${CANARY}`);
  t.match(sent({ type: "text/json", body: '"anna.keller\\u0040example.com"' }).text, /^"\[email-1-\w+\]"$/);
  t.match(sent({ type: "text/plain", body: CANARY }, [gone]), { text: "[redacted]", back: /nothing/ });
  const none = maskOf({ ...gone, with: { kind: "null" } });
  t.equal(sent({ type: "text/plain", body: `a ${CANARY}` }, [none]).text, "");
  t.end();
});

t.test("what can't be taken out is not sent", (t) => {
  const many = JSON.stringify(Array.from({ length: 10_001 }, (_, number) => `a${number}@example.com`));
  const cases: readonly (readonly [Asked, RegExp, Mask?])[] = [
    [{ type: JSON_TYPE, body: many }, /more than 10000 values/],
    [{ type: JSON_TYPE, body: `{"${CANARY}":1,"b@example.com":2}` }, /read in two ways/, gone],
    [{ type: "text/json", body: `{"a":"${CANARY}"} x` }, /is none/],
    [{ type: FORM_TYPE, body: "anna.keller%40example.com=1" }, /name of a parameter/],
    [{ type: FORM_TYPE, body: CANARY }, /name of a parameter/],
    [{ type: FORM_TYPE, body: "to=anna.keller%2540example.com" }, /encoded twice/],
    [{ type: FORM_TYPE, body: "a=b;c" }, /looked into/],
    [{ type: FORM_TYPE, body: "a=b" }, /not JSON/, maskOf({ ...gone, fields: ["$.a"] })],
    [{ type: "application/pdf", body: "x" }, /looked into/],
    [{ type: "text/plain", body: Buffer.from("\xff\xfea\0", "latin1") }, /looked into/],
    [{ target: `/v1/${CANARY}` }, /in the path/],
    [{ target: "/v1/anna.keller%40example.com/x" }, /in the path/],
    [{ target: "/v1/anna.keller%2540example.com" }, /in the path/],
    [{ target: `/v1?to=${CANARY}` }, /in the query/],
    [{ target: "/v1?anna.keller%40example.com" }, /in the query/],
    [{ target: "/v1?to=anna.keller%2540example.com" }, /in the query/],
    [{ target: "/v1?tel=+49%2030%20901820" }, /in the query/],
    [{ fields: [["X-User", `Anna <${CANARY}>`]] }, /in the header x-user/],
    [{ fields: [["Cookie", "u=anna.keller%40example.com"]] }, /in the header cookie/],
    [{ fields: [[CARD, "1"]] }, /in the name of a header/],
  ];
  for (const [asked, message, mask = taken] of cases) {
    const result = masked(asked, [mask]);
    t.match(result, { ok: false, message, hint: /"r" of the policy "p"/ }, String(message));
    t.notMatch(JSON.stringify(result), /anna|keller|4111|901820/);
  }
  t.end();
});
