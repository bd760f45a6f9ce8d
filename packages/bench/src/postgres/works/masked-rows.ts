import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Line, Sample } from "../../work.ts";
import type { MaskedLevel } from "../levels.ts";
import type { PostgresPeer, PostgresWork, Stage } from "../stage.ts";
import { pgbench } from "../pgbench.ts";
import { copies } from "./bulk.ts";

/** How the rows are asked for. */
type Form = "select" | "select binary" | "copy" | "copy csv" | "copy binary";

const SELECT = "select * from bench_people;\n";
/** A cursor is the only way to binary rows that a plain SELECT of psql's or pgbench's has. */
const SELECT_BINARY = `begin;
declare people binary cursor for ${SELECT}fetch all from people;
commit;
`;
const COPY_OPTIONS = { copy: "", "copy csv": " (format csv)", "copy binary": " (format binary)" } as const;

/** A copy is over in less than a second. */
const COPIES_PER_SECOND = 3;

/** Rows of `bench_people` out, masked and unmasked by the same gateway. */
export function maskedRows(rows: number): PostgresWork[] {
  const work = (
    form: Form,
    level: MaskedLevel,
    says: string,
    wanted: Pick<Line, "wanted">,
  ): PostgresWork => ({
    name: `${form}: ${says}`,
    lines: [{ name: `${form}: ${says}`, unit: "rows/s", against: "unmasked", ...wanted }],
    peers: ["unmasked", "gateway"],
    transport: "tls",
    set: "masked rows",
    sample: ({ site }, peer, seconds) => {
      const asked = { form, rows, seconds, level: peer.name === "unmasked" ? "reader" : level } as const;
      return read(site, peer, asked);
    },
  });
  const forms: readonly Form[] = ["select", "select binary", "copy", "copy csv", "copy binary"];
  const one = { wanted: { atLeast: 0.6 } };
  return [
    ...forms.flatMap((form) => [
      work(form, "email", "a part of each address", one),
      work(form, "three", "a part of three columns", { wanted: { atLeast: 0.5 } }),
    ]),
    work("select", "redacted", "addresses as a whole", one),
    // What HMAC takes for each value is more than all else that is done with the row.
    work("select", "hashed", "addresses hashed", {}),
    work("select", "elsewhere", "masks of other columns", { wanted: { atLeast: 0.95 } }),
    work("copy", "elsewhere", "masks of other columns", { wanted: { atLeast: 0.95 } }),
    work("select", "detectors", "all detectors", {}),
  ];
}

interface Asked {
  readonly form: Form;
  readonly rows: number;
  readonly seconds: number;
  readonly level: "reader" | MaskedLevel;
}

async function read(
  site: Stage["site"],
  peer: PostgresPeer,
  { form, rows, seconds, level }: Asked,
): Promise<Sample> {
  if (form !== "select" && form !== "select binary") {
    const command = `\\copy bench_people to '/dev/null'${COPY_OPTIONS[form]}`;
    return copies(site, peer, { command, times: seconds * COPIES_PER_SECOND, rows, level });
  }
  const script = join(site.folder, "people.sql");
  await writeFile(script, form === "select" ? SELECT : SELECT_BINARY);
  const { tps, transactions } = await pgbench(site, peer, level, seconds, ["-f", script]);
  return { figures: [tps * rows], count: transactions * rows };
}
