import type { FactValue } from "@gatehouse/core";
import t from "tap";
import { TokenMeter } from "../../src/budgets/token-meter.ts";

/** An API whose answers say `{ used }`, and whose events have a text each. */
const api = {
  usage(answer: FactValue): number | undefined {
    if (typeof answer !== "object" || answer === null || Array.isArray(answer)) return undefined;
    const { used } = answer as { readonly used?: number };
    return used;
  },
  pieces: () => [{ path: ["delta", 0, "text"], text: "0" }],
};

function metered(withApi = true) {
  let tokens = 0;
  const use = {
    tokens(count: number) {
      tokens += count;
    },
  };
  return {
    meter: new TokenMeter(use, withApi ? api : undefined),
    get tokens() {
      return tokens;
    },
  };
}

t.test("what an answer says to have cost counts, more or less than was estimated", async (t) => {
  for (const used of [5, 0, 5000]) {
    const one = metered();
    one.meter.text(400);
    one.meter.answer({ used });
    t.equal(one.tokens, 100, "as it passes");
    one.meter.end(true);
    t.equal(one.tokens, used);
  }
});

t.test("where nobody says, four characters are a token", async (t) => {
  const one = metered(false);
  for (let at = 0; at < 10; at++) one.meter.text(1);
  one.meter.answer({ used: 5 });
  one.meter.end(true);
  t.equal(one.tokens, 3, "over all of it, and not for each piece");
});

t.test("of events the pieces of texts count, and not what is around them", async (t) => {
  const one = metered();
  for (let at = 0; at < 8; at++)
    one.meter.event({ id: "a-long-identifier", delta: [{ text: "four" }], choices: [] });
  one.meter.event({ delta: [] });
  one.meter.event("[DONE]");
  one.meter.event({ delta: [{ text: 7 }] });
  t.equal(one.tokens, 8);
  one.meter.event({ used: 12 });
  one.meter.event({ used: 20 });
  one.meter.end(true);
  t.equal(one.tokens, 20);
});

t.test("who breaks an answer off has paid for what has come", async (t) => {
  const one = metered();
  one.meter.event({ used: 1 });
  one.meter.event({ delta: [{ text: "x".repeat(400) }] });
  one.meter.end(false);
  t.equal(one.tokens, 100);
  const other = metered();
  other.meter.event({ used: 50 });
  other.meter.end(false);
  other.meter.end(true);
  other.meter.text(400);
  t.equal(other.tokens, 50);
});

t.test("what is no number of tokens is not believed", async (t) => {
  for (const used of [-5, Number.NaN, Infinity, 1e12]) {
    const one = metered();
    one.meter.text(4);
    one.meter.answer({ used });
    one.meter.end(true);
    t.equal(one.tokens, 1);
  }
});
