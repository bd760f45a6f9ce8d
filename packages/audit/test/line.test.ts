import { createHash } from "node:crypto";
import t from "tap";
import { emptyHead } from "../src/head.ts";
import { encodeLine, readLine } from "../src/line.ts";
import { event } from "./support.ts";

const TIME = "2026-11-20T10:15:30.123Z";

t.test("a line is the documented text, and its hash is over the same object without the hash", (t) => {
  const { bytes, head } = encodeLine(event("done"), TIME, emptyHead);
  const hashed = `{"v":1,"seq":1,"time":"${TIME}","type":"gateway.stopped","reason":"done","prev":"${"0".repeat(64)}"}`;
  const hash = createHash("sha256").update(hashed).digest("hex");
  t.equal(bytes.toString(), `${hashed.slice(0, -1)},"hash":"${hash}"}\n`);
  t.same(head, { seq: 1, hash });
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
