import t from "tap";
import { keptSessions } from "../../fuzz/corpus.ts";
import { compare, trySession } from "../../fuzz/sessions.ts";
import { startSite } from "../../fuzz/site.ts";

const CONVERSATIONS = 60;
const SEED = 20_261_121;

const site = await startSite();
t.teardown(() => site.close());

for (const { name, about, steps } of keptSessions()) {
  t.test(`${name}: ${about}`, async (t) => {
    // Whatever the pieces and the pauses.
    for (let seed = 0; seed < 4; seed++) {
      t.equal(await compare(site, steps, seed), undefined, `pieces of seed ${seed}`);
    }
  });
}

t.test("nobody can tell the gateway from the server, whatever is said", async (t) => {
  for (let seed = SEED; seed < SEED + CONVERSATIONS; seed++) {
    const finding = await trySession(site, seed);
    if (finding) t.fail(`seed ${seed}: ${finding.difference}\n${JSON.stringify(finding.steps)}`);
  }
  t.pass(`${CONVERSATIONS} conversations from seed ${SEED} on`);
});
