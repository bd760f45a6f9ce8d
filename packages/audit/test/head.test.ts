import t from "tap";
import { formatHead, parseHead } from "../src/index.ts";

const hash = "0123456789abcdef".repeat(4);

t.test("a head is read back from what it was written as", (t) => {
  t.same(parseHead(formatHead({ seq: 12, hash })), { seq: 12, hash });
  t.end();
});

t.test("what is not a head is not read as one", (t) => {
  for (const text of [
    "",
    "12",
    `:${hash}`,
    `012:${hash}`,
    `-1:${hash}`,
    `12:${hash.slice(1)}`,
    `12:${hash}\n`,
  ]) {
    t.equal(parseHead(text), undefined, JSON.stringify(text));
  }
  t.equal(parseHead(`9999999999999999:${hash}`), undefined, "a seq that a number can't hold");
  t.end();
});
