import t from "tap";
import { bodyForms } from "../../src/credentials/body-forms.ts";
import { Redactor } from "../../src/credentials/redaction.ts";
import { withoutSecrets } from "../../src/masking/redaction-stream.ts";
import { Collected, inPieces, through } from "./support.ts";

const secret = 'pä/s+w"ö rd=7';
const stars = (text: string) => "*".repeat(Buffer.byteLength(text));

function redacted(secrets: readonly string[], pieces: readonly Buffer[]): Promise<Buffer> {
  return through((next) => withoutSecrets(new Redactor(secrets).forms, next), pieces);
}

/** In one piece, in two at each offset, and in pieces of a few sizes. */
function* cuts(bytes: Buffer): Generator<readonly Buffer[]> {
  for (let at = 0; at <= bytes.length; at++) yield [bytes.subarray(0, at), bytes.subarray(at)];
  for (const size of [1, 2, 3, 5, 16]) yield inPieces(bytes, size);
}

t.test("a secret is found in each form in which servers repeat it, however it is cut", async (t) => {
  const uri = encodeURIComponent(secret);
  const json = JSON.stringify(secret).slice(1, -1);
  const forms = [
    ...[secret, uri, uri.toLowerCase(), uri.replaceAll("%20", "+"), encodeURIComponent(uri)],
    ...[new URLSearchParams({ a: secret }).toString().slice(2), json, json.replaceAll("/", "\\/")],
    ...[
      json.replace("ä", "\\u00e4").replace("ö", "\\u00f6"),
      json.replace("ä", "\\u00E4").replace("ö", "\\u00F6"),
    ],
    secret.replace('"', "&quot;"),
  ];
  for (const form of forms) {
    const whole = Buffer.from(`{"a":"${form}","b":["${form}${form}"]}`);
    const expected = `{"a":"${stars(form)}","b":["${stars(form)}${stars(form)}"]}`;
    for (const pieces of cuts(whole)) {
      const out = await redacted([secret], pieces);
      if (out.toString() !== expected) t.equal(out.toString(), expected, form);
    }
    t.pass(form);
  }
});

t.test("in base64 it is found at each place among others", async (t) => {
  for (const name of ["", "s", "sv", "svc", "svcs:"]) {
    for (const behind of ["", "\n", "more"]) {
      for (const encoding of ["base64", "base64url"] as const) {
        const pair = Buffer.from(`${name}:${secret}${behind}`).toString(encoding);
        for (const text of [pair, pair.replaceAll("/", "\\/"), encodeURIComponent(pair)]) {
          const whole = Buffer.from(`"authorization": "Basic ${text}"`);
          for (const pieces of cuts(whole)) {
            const out = (await redacted([secret], pieces)).toString();
            const left = Buffer.from(out.replace(/^.*Basic /, "").replace(/\*+.*$/, ""), "base64").toString();
            if (!out.includes("*") || left.includes("p")) t.fail(`${text} became ${out}`);
            if (out.length !== whole.length) t.fail("another length");
          }
          t.pass(text);
        }
      }
    }
  }
});

t.test("what overlaps is hidden as a whole", async (t) => {
  const texts = [
    ["abcabcabcX", "abcabcabcabcabcX", "abcabc**********"],
    ["aaaaaaaa", "baaaaaaaaaaab", "b***********b"],
    ["abcdefab", "abcdefabcdefab", "**************"],
    ["abcabc", "abcabcabcab", "*********ab"],
  ] as const;
  for (const [form, text, expected] of texts) {
    for (const pieces of cuts(Buffer.from(text))) {
      t.equal((await redacted([form], pieces)).toString(), expected);
    }
  }
  for (const pieces of cuts(Buffer.from("x secret-one-two x"))) {
    t.equal((await redacted(["secret-one", "one-two"], pieces)).toString(), "x ************** x");
  }
});

t.test("a short secret is found where it is a word, and other texts are left", async (t) => {
  for (const pieces of cuts(Buffer.from("abc key=abc; abcd xabc 1abc abc"))) {
    t.equal((await redacted(["abc"], pieces)).toString(), "*** key=***; abcd xabc 1abc ***");
  }
});

t.test("where nothing is found, the very bytes go on at once", async (t) => {
  const next = new Collected();
  const sink = withoutSecrets(new Redactor(["tops3cret"]).forms, next);
  const piece = Buffer.from("data: a top secret\n\n");
  void sink.write([piece]);
  t.equal(next.pieces[0]?.buffer, piece.buffer);
  t.equal(next.text, piece.toString());
  const before = Buffer.from("says tops3cret");
  void sink.write([before]);
  t.equal(before.toString(), "says tops3cret", "what came is its owner's");
});

t.test("what could be the beginning of one waits, and goes on when it is none", async (t) => {
  const next = new Collected();
  const sink = withoutSecrets(new Redactor(["tops3cret"]).forms, next);
  void sink.write([Buffer.from("on tops")]);
  t.equal(next.text, "on ");
  void sink.write([Buffer.from("oil")]);
  t.equal(next.text, "on topsoil");
  void sink.write([Buffer.from("tops3cre")]);
  t.equal(next.text, "on topsoil");
  void sink.end();
  t.equal(next.text, "on topsoiltops3cre");
  t.equal(next.ended, 1);
});

t.test("without a secret nothing stands in the way", async (t) => {
  const next = new Collected();
  t.equal(withoutSecrets(new Redactor([]).forms, next), next);
  t.equal(withoutSecrets(new Redactor([""]).forms, next), next);
});

t.test("of what is a part of another one, the part is looked for", async (t) => {
  t.same(bodyForms(["user:s3cr3t-k3y", "s3cr3t-k3y"]).map(String), bodyForms(["s3cr3t-k3y"]).map(String));
  t.ok(bodyForms(["s3cr3t-k3y"]).length <= 4);
});

t.test("room, the end and giving up are handed on", async (t) => {
  const next = new Collected();
  next.room = Promise.resolve();
  const sink = withoutSecrets(new Redactor(["tops3cret"]).forms, next);
  t.equal(sink.write([Buffer.from("a")]), next.room);
  sink.abort();
  t.same([next.ended, next.aborted], [0, 1]);
});
