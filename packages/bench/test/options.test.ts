import t from "tap";
import { readOptions } from "../src/options.ts";

t.test(
  "what is measured is asked for; the rest has defaults, and smaller ones for a smoke run",
  async (t) => {
    t.match(readOptions(["postgres"]), {
      subject: "postgres",
      rounds: 5,
      seconds: 3,
      only: [],
      strict: false,
      json: String,
    });
    t.match(readOptions(["postgres", "--quick"]), { rounds: 1, seconds: 1, quick: true });
    t.match(readOptions(["postgres", "--quick", "--rounds", "3", "--only", "tpcb", "--only", "copy"]), {
      rounds: 3,
      only: ["tpcb", "copy"],
    });
    t.match(readOptions(["masking", "--quick"]), { subject: "masking", rounds: 1 });
    t.match(readOptions(["hold"]), { subject: "hold", quick: false });
    t.match(readOptions(["mint", "--only", "cold"]), { subject: "mint", only: ["cold"] });
    t.match(readOptions(["ssh", "--only", "sftp"]), { subject: "ssh", only: ["sftp"] });
    t.match(readOptions(["http", "--quick"]), { subject: "http", seconds: 1 });
    t.equal(readOptions(["--help"]), undefined);
  },
);

t.test("what makes no sense is refused", async (t) => {
  for (const args of [[], ["mysql"], ["postgres", "masking"], ["holds"], ["postgres", "--fast"]]) {
    t.throws(() => readOptions(args), TypeError, args.join(" "));
  }
  for (const rounds of ["0", "-1", "1.5", "many", "10000"]) {
    t.throws(() => readOptions(["postgres", `--rounds=${rounds}`]), TypeError, rounds);
  }
});
