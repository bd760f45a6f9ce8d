import { PassThrough } from "node:stream";
import t from "tap";
import type { Result } from "../src/result.ts";
import { figure, table } from "../src/table.ts";

const pipe = new PassThrough();

const result = (more: Partial<Result>): Result => ({
  line: { name: "select simple 8 tls", unit: "tps", against: "pgbouncer", wanted: { atLeast: 0.9 } },
  figures: { direct: 26_073.2, pgbouncer: 16_335, gateway: 15_200 },
  cpu: { pgbouncer: 29.61, gateway: 41.04 },
  rounds: [],
  ratios: [0.93],
  ratio: 0.93,
  met: true,
  ...more,
});

t.test(
  "a table of what was measured: figures at the right, and no column in which nothing stands",
  async (t) => {
    const short = result({
      line: { name: "connect 1 tls", unit: "tps", against: "direct", wanted: { atLeast: 0.5 } },
      figures: { direct: 70.512, gateway: 28 },
      cpu: {},
      ratio: 0.397,
      met: false,
    });
    t.equal(
      table([result({}), short], [], pipe),
      `
work                 unit  direct  pgbouncer  gateway  ratio  wanted                   cpu pgbouncer  cpu gateway
select simple 8 tls  tps   26,073     16,335   15,200   0.93  >= 0.9            pass            29.6         41.0
connect 1 tls        tps     70.5          -     28.0   0.40  >= 0.5 of direct  short              -            -`.slice(
        1,
      ),
    );
  },
);

t.test(
  "what could not be measured is said, with its reason, and what is only noise does not pass",
  async (t) => {
    const { ratio: _, ...noise } = result({ met: false, ratios: [] });
    const text = table([result({}), noise], [{ work: "memory 2000 tls", reason: "ulimit -n is 1024" }], pipe);
    t.match(text, / - +>= 0\.9 +noise /);
    t.match(text, /^memory 2000 tls: not measured: ulimit -n is 1024$/m);
  },
);

t.test(
  "a figure that stands for itself has no ratio, and one of which nothing is wanted no verdict",
  async (t) => {
    const decision = (wanted: { atMost: number } | undefined, figure: number) =>
      result({
        line: { name: "decision", unit: "us", against: "itself", ...(wanted ? { wanted } : {}) },
        ...{ figures: { gateway: figure }, cpu: {}, ratio: figure },
      });
    t.equal(
      table([decision({ atMost: 5 }, 2.5), decision(undefined, 7.5)], [], pipe),
      `
work      unit  gateway  wanted
decision  us       2.50  <= 5    pass
decision  us       7.50  -`.slice(1),
    );
  },
);

t.test("figures have three digits that count", async (t) => {
  t.same([1_234_567.8, 100, 99.951, 1.005, 0.256, 0.0123, undefined].map(figure), [
    ...["1,234,568", "100", "100", "1.00", "0.256", "0.012", "-"],
  ]);
});
