/** Lines that are sent every day are known, and what they do is neither more nor less than it is. */
import { join } from "node:path";
import t from "tap";
import { z } from "zod";
import { readCommandLine } from "../../src/shell/command-line.ts";
import { readData } from "./data.ts";

const lines = z.array(
  z.strictObject({
    line: z.string(),
    access: z.enum(["read", "write", "admin"]),
    programs: z.array(z.string()),
    network: z.boolean().default(false),
  }),
);

for (const { line, ...expected } of readData(join(import.meta.dirname, "everyday.yaml"), lines)) {
  const { opaque, access, programs, network } = readCommandLine(Buffer.from(line));
  t.strictSame({ opaque, access, programs, network }, { opaque: [], ...expected }, line);
}
