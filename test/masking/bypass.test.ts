/**
 * Ways around the masks, each tried through the whole gateway as a query, by the extended protocol and in binary format:
 * not a byte of a masked value may reach the client. Straight at the server each must show one, or it proves nothing.
 *
 *   STRAIGHT=1 npm test -- test/masking/bypass.test.ts        that alone, without a gateway
 *   ONLY='views: a view' npm test -- test/masking/bypass.test.ts      attempts whose names begin so
 */
import t from "tap";
import { readAttempts } from "./attempts.ts";
import { canariesIn, masked } from "./canaries.ts";
import { make, possible } from "./outcome.ts";
import { Search } from "./search.ts";
import { modes } from "./session.ts";
import { startVault } from "./vault.ts";

t.setTimeout(600_000);

const only = process.env["ONLY"] ?? "";
const through = process.env["STRAIGHT"] !== "1";
const attempts = (await readAttempts()).filter((one) => `${one.class}: ${one.name}`.startsWith(only));
const vault = await startVault(t, { sql: "canaries.sql", masked, gateway: through });
const search = new Search(await canariesIn(vault.beside));
const counts = { masked: 0, refused: 0, leaked: 0 };
/** Of those that could be masked: what tells by its outcome alone can't be. */
let refusedValues = 0;

/** An error of the attempt's own making: a syntax error, a name that is not there. */
function ofTheText(error: string): boolean {
  return error.startsWith("42");
}

for (const attempt of attempts) {
  await t.test(`${attempt.class}: ${attempt.name}`, async (t) => {
    const of = (way: keyof Pick<typeof vault, "straight" | "gateway">, mode: (typeof modes)[number]) =>
      make(attempt, mode, { vault, way: vault[way], search });
    const ways = modes.filter((mode) => possible(attempt, mode));
    const [first = "simple"] = ways;
    const control = await of("straight", first);
    if (attempt.tells === undefined) {
      t.not(control.shown.length, 0, "the server shows a value", { control });
    } else {
      t.notOk(control.errors.find(ofTheText), "the server understands it", { control });
    }
    if (!through) return;
    for (const mode of ways) {
      const { shown, refused, errors } = await of("gateway", mode);
      counts[shown.length > 0 ? "leaked" : refused ? "refused" : "masked"]++;
      if (refused && attempt.tells === undefined) refusedValues++;
      t.strictSame(shown, [], `${mode}: ${refused ? "refused" : "masked"}`, { errors });
      if (attempt.tells !== undefined) t.ok(refused, `${mode}: what it would tell is refused`, { errors });
    }
  });
}

// Where all is refused, nothing can leak.
if (through && only === "") t.ok(counts.masked > refusedValues / 2, "most of what can be masked is answered");

t.comment(
  `figures: ${attempts.length} attempts; ${counts.masked} masked, ${counts.refused} refused, ${counts.leaked} leaked`,
);
