import { Random } from "@gatehouse/testkit";
import t from "tap";
import { fuzzCodec, readBytes } from "../../fuzz/codec.ts";
import { keptBytes } from "../../fuzz/corpus.ts";

const ROUNDS = 5000;
const SEED = 20_261_121;

t.test("bytes of any kind are read or refused, and are the same wherever they are cut", async (t) => {
  for (let round = 0; round < ROUNDS; round++) fuzzCodec(SEED + round);
  t.pass(`${ROUNDS} rounds from seed ${SEED} on`);
});

for (const { about, bytes } of keptBytes()) {
  t.test(about, async (t) => {
    for (let seed = 0; seed < 100; seed++) readBytes(bytes, new Random(seed), seed);
    t.pass("read or refused, in 100 ways to cut it");
  });
}
