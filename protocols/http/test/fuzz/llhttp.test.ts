import t from "tap";
import { compareRequests } from "../../fuzz/compare.ts";
import { NodeServer } from "../../fuzz/llhttp.ts";
import { Rounds } from "../../fuzz/rounds.ts";

/* More of it: `npm run fuzz -- http --seconds 60`. */

const ROUNDS = 4000;
const SEED = 20_261_122;

t.test("what is taken of a connection is the same messages to llhttp", async (t) => {
  const rounds = new Rounds();
  for (let seed = SEED; seed < SEED + ROUNDS; seed++) {
    const finding = await rounds.play(seed);
    if (finding !== undefined) t.fail(`seed ${seed}: ${finding.difference}`, finding);
  }
  // Most are refused somewhere; so many that are not show that there was something to compare.
  t.ok(rounds.same > ROUNDS / 2, `${rounds.same} messages in ${ROUNDS} rounds from seed ${SEED} on`);
});

const sent =
  "POST /a HTTP/1.1\r\nHost: api\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX: y\r\n\r\n";

for (const [what, heard] of [
  ["another method", sent.replace("POST", "PUT")],
  ["another target", sent.replace("/a", "/b")],
  ["another field", sent.replace("Host: api", "Host: other")],
  ["another body", sent.replace("ok", "no")],
  ["another trailer", sent.replace("X: y", "X: z")],
  ["an end that has not come", sent.slice(0, -2)],
  ["a fault", sent.replace("2\r\n", "3\r\n")],
] as const) {
  t.test(`${what} would be noticed`, async (t) => {
    const server = new NodeServer();
    const pieces = [Buffer.from(sent)];
    t.equal((await compareRequests(server, pieces)).difference, undefined);
    const other = { read: () => server.read([Buffer.from(heard)]) };
    t.match((await compareRequests(other, pieces)).difference, /ours .*\n {2}llhttp /);
  });
}
