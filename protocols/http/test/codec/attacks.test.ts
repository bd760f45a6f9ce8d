/** What smugglers send. It is refused, or is read as the one thing that it can be; and the same in whatever pieces it comes. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { type Attack, type Message, readAttacks } from "./data.ts";
import { type ReadRequest, type ReadResponse, readRequests, readResponses } from "./reading.ts";

/** Bytes at either end of a long one at which it is cut. */
const ENDS = 150;

const folder = join(import.meta.dirname, "attacks");
let count = 0;

for (const file of readdirSync(folder).sort()) {
  t.test(file.replace(".yaml", ""), (t) => {
    for (const attack of readAttacks(join(folder, file))) {
      count++;
      const { name, bytes, refused, reads } = attack;
      const whole = summary(attack, [bytes]);
      t.equal(whole.status, refused, `${name}: ${refused === undefined ? "read" : "refused"}`, { whole });
      t.equal(whole.unfinished !== undefined, attack.unfinished, `${name}: ended`);
      t.same(
        whole.messages.map((message, index) => likeExpected(message, reads[index])),
        reads.map((message) => ({ body: "", trailers: [], ...message })),
        `${name}: what is read`,
      );
      const places = Array.from(bytes.keys()).filter((at) => at < ENDS || at > bytes.length - ENDS);
      const differing = places.filter((at) => {
        const cut = summary(attack, [bytes.subarray(0, at), bytes.subarray(at)]);
        return JSON.stringify(cut) !== JSON.stringify(whole);
      });
      t.same(differing, [], `${name}: cut anywhere`);
      const single = Array.from(bytes.keys(), (at) => bytes.subarray(at, at + 1));
      t.same(summary(attack, single), whole, `${name}: byte by byte`);
    }
    t.end();
  });
}

t.ok(count >= 200, `${count} attacks`);

function summary({ answers }: Attack, pieces: readonly Buffer[]) {
  const { messages, malformed, unfinished } =
    answers === undefined ? readRequests(pieces) : readResponses(pieces, answers);
  return { messages, status: malformed?.status, words: malformed?.message, unfinished };
}

/** Only what is expected of it, and its content in any case. */
function likeExpected(message: ReadRequest | ReadResponse, expected: Message = {}) {
  const keys = new Set(["body", "trailers", ...Object.keys(expected)]);
  return Object.fromEntries(Object.entries(message).filter(([key]) => keys.has(key)));
}
