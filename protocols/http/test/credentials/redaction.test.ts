import { inspect } from "node:util";
import t from "tap";
import { Redactor } from "../../src/credentials/redaction.ts";

const bytes = (text: string) => Buffer.from(text, "utf8").toString("latin1");

t.test("a secret is found in each form in which servers repeat what they were sent", async (t) => {
  const secret = 'pä/s+w"ö rd=7';
  const redactor = new Redactor([secret]);
  const forms = [
    ...[secret, encodeURIComponent(secret), new URLSearchParams({ a: secret }).toString().slice(2)],
    ...[JSON.stringify(secret).slice(1, -1), encodeURIComponent(encodeURIComponent(secret))],
    ...[Buffer.from(secret).toString("base64"), Buffer.from(secret).toString("base64url")],
    ...[encodeURIComponent(secret).toLowerCase(), secret.replaceAll("=", "%3d")],
  ];
  for (const form of forms) {
    const redacted = redactor.redact(bytes(`a ${form}; b`));
    t.match(redacted, /redacted/, form);
    t.notOk(redacted.includes(bytes(form)), form);
    t.ok(redactor.finds(bytes(form)), form);
  }
  t.equal(redactor.redact("nothing%20of it"), "nothing%20of it");
});

t.test("a short secret is found where it stands alone, and other texts are left", async (t) => {
  const redactor = new Redactor(["abc"]);
  t.equal(redactor.redact("key=abc; abcd xabc abc"), "key=redacted; abcd xabc redacted");
  t.equal(redactor.redact("%61bc"), "redacted");
});

t.test("of several secrets the longer one is found first", async (t) => {
  t.equal(new Redactor(["secret", "secret-more", ""]).redact("secret-more secret"), "redacted redacted");
  t.equal(new Redactor([]).redact("x%20y"), "x%20y");
});

t.test("it does not show what it looks for", async (t) => {
  t.notMatch(inspect(new Redactor(["s3cret"]), { depth: 9, showHidden: true }), /s3cret/);
});
