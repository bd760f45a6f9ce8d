import { createHash } from "node:crypto";
import t from "tap";
import { emptyHead } from "../src/head.ts";
import { readLine } from "../src/line.ts";
import { encodeLine, event } from "./support.ts";

const TIME = "2026-11-20T10:15:30.123Z";

t.test("a line is the documented text, and its hash is over the same object without the hash", (t) => {
  const { bytes, head } = encodeLine(event("done"), TIME, emptyHead);
  const hashed = `{"v":1,"seq":1,"time":"${TIME}","type":"gateway.stopped","reason":"done","prev":"${"0".repeat(64)}"}`;
  const hash = createHash("sha256").update(hashed).digest("hex");
  t.equal(bytes.toString(), `${hashed.slice(0, -1)},"hash":"${hash}"}\n`);
  t.same(head, { seq: 1, hash });
  t.end();
});

t.test("lines of version 1 are these bytes, whatever else changes", (t) => {
  const actor = {
    session: "ses_0123456789ABCDEF",
    subject: "crew-analyst",
    target: "orders",
    level: "reader",
  };
  const rule = { policy: "p", rule: "reads", source: "a.yaml:5" };
  const command = {
    kind: "execute",
    verbs: ["SELECT"],
    access: "read",
    resources: ["public.orders"],
    text: "select \"é\", '€🔒'\nwhere id = $1",
    parameters: ["7", null],
  } as const;
  const first = encodeLine(
    {
      type: "command",
      reference: "ref_0123456789ABCDEF",
      ...actor,
      command,
      decision: { effect: "allow", rule, policyVersion: "v1" },
    },
    TIME,
    emptyHead,
  );
  const second = encodeLine(
    { type: "session.closed", ...actor, end: "client_closed", commands: 1, refused: 0, duration: 1500 },
    TIME,
    first.head,
  );
  t.equal(
    first.bytes.toString(),
    `${String.raw`{"v":1,"seq":1,"time":"2026-11-20T10:15:30.123Z","type":"command","reference":"ref_0123456789ABCDEF","session":"ses_0123456789ABCDEF","subject":"crew-analyst","target":"orders","level":"reader","command":{"kind":"execute","verbs":["SELECT"],"access":"read","resources":["public.orders"],"text":"select \"é\", '€🔒'\nwhere id = $1","parameters":["7",null]},"decision":{"effect":"allow","rule":{"policy":"p","rule":"reads","source":"a.yaml:5"},"policyVersion":"v1"},"prev":"0000000000000000000000000000000000000000000000000000000000000000","hash":"fa6b5f6622a0ddf8e75996d2530ff47b815ca73b51991861026b6d94f7e67ae2"}`}\n`,
  );
  t.equal(
    second.bytes.toString(),
    '{"v":1,"seq":2,"time":"2026-11-20T10:15:30.123Z","type":"session.closed","session":"ses_0123456789ABCDEF","subject":"crew-analyst","target":"orders","level":"reader","end":"client_closed","commands":1,"refused":0,"duration":1500,"prev":"fa6b5f6622a0ddf8e75996d2530ff47b815ca73b51991861026b6d94f7e67ae2","hash":"fa4e5aa19505bd4782556cbff063ab37b78b8a4edc7cf5f808c5381b6d4ac8fb"}\n',
  );
  t.end();
});

t.test("the next line names the hash of the one before it", (t) => {
  const first = encodeLine(event(1), TIME, emptyHead);
  const second = encodeLine(event(2), TIME, first.head);
  const line = readLine(second.bytes.subarray(0, -1));
  t.match(line, { ok: true, seq: 2, time: TIME, prev: first.head.hash, hash: second.head.hash });
  t.end();
});

for (const [name, text] of Object.entries({
  "line feeds and carriage returns": "a\nb\r\nc",
  "line and paragraph separators": "a\u2028b\u2029c\u0085d",
  "lone surrogates": "\ud800 and \udc00",
  "the log's own ending": `","prev":"${"0".repeat(64)}","hash":"${"0".repeat(64)}"}`,
  "a NUL and other control characters": "\u0000\u001b\u007f",
  "characters of every length in UTF-8": "aé€🔒",
})) {
  t.test(`a text with ${name} stays within one line of valid UTF-8 and can be read back`, (t) => {
    const { bytes } = encodeLine(event(text), TIME, emptyHead);
    t.equal(bytes.indexOf("\n"), bytes.length - 1);
    const line = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    t.match(JSON.parse(line), { reason: text });
    t.equal(readLine(bytes.subarray(0, -1)).ok, true);
    t.end();
  });
}

t.test("a line that is no JSON is refused even with a right hash", (t) => {
  const hashed = `{"v":1,"seq":1,"time":"${TIME}",oops,"prev":"${"0".repeat(64)}"}`;
  const hash = createHash("sha256").update(hashed).digest("hex");
  t.match(readLine(Buffer.from(`${hashed.slice(0, -1)},"hash":"${hash}"}`)), {
    problem: "malformed",
    seq: 1,
  });
  t.end();
});
