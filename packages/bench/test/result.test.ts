import t from "tap";
import { ratioOf, resultsOf } from "../src/result.ts";
import type { Round } from "../src/rounds.ts";
import type { Line, PeerName } from "../src/work.ts";

const line: Line = { name: "work", unit: "tps", against: "pgbouncer", wanted: { atLeast: 0.9 } };

function round(figures: Partial<Record<PeerName, number>>): Round {
  return new Map(
    (["direct", "relay", "pgbouncer", "gateway"] as const).flatMap((name) => {
      const value = figures[name];
      return value === undefined ? [] : [[name, { figures: [value], cpu: value * 2 }] as const];
    }),
  );
}

t.test("the ratio is the median of the rounds' ratios, not the ratio of the medians", async (t) => {
  const rounds = [
    round({ pgbouncer: 100, gateway: 95 }),
    // The machine was busy for the whole of this round, and for half of the next.
    round({ pgbouncer: 10, gateway: 9 }),
    round({ pgbouncer: 100, gateway: 50 }),
  ];
  const [result] = resultsOf({ lines: [line] }, rounds);
  t.match(result, { ratio: 0.9, met: true, figures: { pgbouncer: 100, gateway: 50 }, cpu: { gateway: 100 } });
  t.same(result?.ratios, [0.95, 0.9, 0.5]);
});

t.test(
  "masks, holds and minted users are looked at beside the same gateway without them, SSH beside a bastion, decisions by themselves",
  async (t) => {
    t.equal(ratioOf({ unmasked: 100, gateway: 70 }, "unmasked"), 0.7);
    t.equal(ratioOf({ gateway: 70 }, "unmasked"), undefined);
    t.equal(ratioOf({ unheld: 50, unmasked: 100, gateway: 49 }, "unheld"), 0.98);
    t.equal(ratioOf({ unmasked: 100, gateway: 49 }, "unheld"), undefined);
    t.equal(ratioOf({ standing: 20, unheld: 50, gateway: 26 }, "standing"), 1.3);
    t.equal(ratioOf({ unheld: 50, gateway: 26 }, "standing"), undefined);
    t.equal(ratioOf({ bastion: 100, gateway: 120 }, "bastion"), 1.2);
    t.equal(ratioOf({ bastion: 0.75, gateway: 2 }, "beyond bastion"), 1.25);
    t.equal(ratioOf({ direct: 0.75, gateway: 2 }, "beyond bastion"), undefined);
    t.equal(ratioOf({ direct: 0.75, bastion: 1, gateway: 2 }, "beyond direct"), 1.25);
    t.equal(ratioOf({ direct: 1, unmasked: 9, gateway: 4 }, "beyond unmasked"), -5);
    t.equal(ratioOf({ nginx: 200, node: 50, gateway: 100 }, "nginx"), 0.5);
    t.equal(ratioOf({ node: 50, gateway: 100 }, "nginx"), undefined);
    t.equal(ratioOf({ gateway: 4.2 }, "itself"), 4.2);
    const { wanted: _, ...known } = line;
    const [result] = resultsOf({ lines: [{ ...known, against: "itself" }] }, [round({ gateway: 4.2 })]);
    t.match(result, { ratio: 4.2, met: true }, "where nothing is wanted, nothing is short of it");
  },
);

t.test("a work of two lines has a result for each, of its own figures", async (t) => {
  const lines = [
    { ...line, name: "p50", wanted: { atMost: 1 } },
    { ...line, name: "p99", wanted: { atMost: 1 } },
  ] as const;
  const two: Round = new Map([
    ["pgbouncer", { figures: [10, 100] }],
    ["gateway", { figures: [9, 300] }],
  ]);
  t.match(resultsOf({ lines }, [two]), [
    { line: { name: "p50" }, ratio: 0.9, met: true },
    { line: { name: "p99" }, ratio: 3, met: false },
  ]);
});

t.test("what is added is held against what pgbouncer adds", async (t) => {
  t.equal(ratioOf({ direct: 100, pgbouncer: 150, gateway: 165 }, "added"), 1.3);
  t.equal(ratioOf({ direct: 100, pgbouncer: 99, gateway: 165 }, "added"), undefined, "noise has no ratio");
  t.equal(
    ratioOf({ direct: 100, pgbouncer: 150, gateway: 90 }, "added"),
    undefined,
    "neither has lucky noise",
  );
  t.equal(ratioOf({ direct: 40, relay: 10, pgbouncer: 80, gateway: 20 }, "direct"), 0.5);
  t.equal(ratioOf({ direct: 40, relay: 10, pgbouncer: 80, gateway: 20 }, "relay"), 2);
});

t.test("a line that has no ratio is not one that passed", async (t) => {
  const added: Line = { ...line, against: "added", wanted: { atMost: 1.3 } };
  const noise = round({ direct: 10, pgbouncer: 9, gateway: 8 });
  const good = round({ direct: 10, pgbouncer: 20, gateway: 20 });
  for (const rounds of [[noise], [noise, good], [noise, good, noise]]) {
    const [result] = resultsOf({ lines: [added] }, rounds);
    t.equal(result?.ratio, undefined);
    t.equal(result?.met, false);
  }
  t.match(resultsOf({ lines: [added] }, [good, noise, good]), [{ ratio: 1, met: true }]);
});
