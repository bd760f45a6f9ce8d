/** Ways to have something run that the facts do not show. What would run has to be named, or the line has to be opaque. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { z } from "zod";
import { readCommandLine } from "../../src/shell/command-line.ts";
import { readData } from "./data.ts";

const attempts = z.array(
  z.strictObject({
    line: z.string(),
    /** Each character is a byte. */
    bytes: z.boolean().default(false),
    /** What some shell would run. */
    runs: z.string(),
    comes: z.enum(["opaque", "named"]),
  }),
);

/** Without what would be taken for the end of a line of TAP. */
const shown = (line: string) =>
  JSON.stringify(line).replace(/[^ -~]/gu, (one) => `\\u{${one.codePointAt(0)?.toString(16) ?? ""}}`);

const folder = join(import.meta.dirname, "bypasses");
let count = 0;

for (const file of readdirSync(folder).sort()) {
  t.test(file.replace(".yaml", ""), (t) => {
    for (const { line, bytes, runs, comes } of readData(join(folder, file), attempts)) {
      count++;
      const facts = readCommandLine(Buffer.from(line, bytes ? "latin1" : "utf8"));
      const { opaque, programs, access } = facts;
      if (comes === "opaque") t.not(opaque.length, 0, `opaque: ${shown(line)}`, { facts });
      else t.ok(opaque.length === 0 && programs.includes(runs), `named: ${shown(line)}`, { facts });
      t.equal(access === "unknown", comes === "opaque", `access of: ${shown(line)}`);
      t.not(access, "read", `no mere reading: ${shown(line)}`);
    }
    t.end();
  });
}

t.ok(count >= 150, `${count} attempts`);
