import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { run } from "../../processes.ts";
import { quantile } from "../../statistics.ts";
import type { Line } from "../../work.ts";
import { heldLevel, type Level, maskedLevels } from "../levels.ts";
import type { PostgresWork } from "../stage.ts";
import { OWN_POLICIES } from "../peers/gateway.ts";
import { DATABASE } from "../site.ts";

const MAIN = join(import.meta.dirname, "../../../../../protocols/postgres/bench/decisions.ts");
const LIMIT = 5 * 60_000;

/** Of which the first has the masks; the policies speak of all of them. */
const LEVELS: readonly Level[] = ["three", "reader", "writer", heldLevel, ...maskedLevels];

/** Microseconds. */
const KNOWN = 5;
const FRESH = 1000;

const printed = z.object({ known: z.array(z.number()), fresh: z.array(z.number()) });

/** From the text of a statement to its decision and what that does to the answer, in a process of its own. */
export function decisions(): PostgresWork {
  const line = (name: string, atMost?: number): Line => ({
    ...{ name, unit: "us", against: "itself" },
    ...(atMost === undefined ? {} : { wanted: { atMost } }),
  });
  return {
    name: "decisions",
    lines: [
      line("decision on a known shape p50", KNOWN),
      line("decision on a known shape p99"),
      line("decision on a new shape p50", FRESH),
      line("decision on a new shape p99"),
    ],
    peers: ["gateway"],
    transport: "tls",
    set: "decisions",
    async sample({ site }, _, seconds) {
      const { tls, serverPort, passwords, folder, signal } = site;
      const policies = (await readdir(OWN_POLICIES)).map((name) => join(OWN_POLICIES, name));
      const output = await run(
        {
          program: process.execPath,
          args: [
            "--disable-warning=ExperimentalWarning",
            ...[MAIN, String(seconds), String(serverPort), tls.ca, LEVELS.join(","), ...policies],
          ],
          env: { PGDATABASE: DATABASE, PGUSER: "reader", PGPASSWORD: passwords.reader },
          cwd: folder,
          signal,
        },
        LIMIT,
      );
      const { known, fresh } = printed.parse(JSON.parse(output));
      return { figures: [known, fresh].flatMap((times) => [quantile(times, 0.5), quantile(times, 0.99)]) };
    },
  };
}
