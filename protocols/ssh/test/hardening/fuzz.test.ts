import t from "tap";
import { fuzzCodec } from "../../fuzz/codec.ts";
import { playSeeds, trySteps } from "../../fuzz/sessions.ts";
import { startSite } from "../../fuzz/site.ts";

/* More of it: `npm run fuzz -- ssh --seconds 60`. */

const ROUNDS = 5000;
const CONVERSATIONS = 60;
const SEED = 20_261_122;

t.test("bytes of any kind are read or refused, and are the same wherever they are cut", async (t) => {
  for (let round = 0; round < ROUNDS; round++) fuzzCodec(SEED + round);
  t.pass(`${ROUNDS} rounds from seed ${SEED} on`);
});

t.test("whatever is said before the log-in, nobody gets in but who may", async (t) => {
  const site = await startSite();
  t.teardown(() => site.close());
  t.equal(await playSeeds(site, SEED, CONVERSATIONS), undefined, `${CONVERSATIONS} from seed ${SEED} on`);
});

t.test("a client that is let in would be noticed", async (t) => {
  const steps = [
    ["hello"],
    ["init"],
    ["finish"],
    ["message", "service"],
    ["answer"],
    ["message", "signed key"],
  ] as const;
  t.match(await trySteps(steps), /52 to who is not in|let in/);
});
