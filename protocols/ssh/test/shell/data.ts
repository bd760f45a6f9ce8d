import { readFileSync } from "node:fs";
import { checkValue, formatProblem, parseYaml } from "@gatehouse/documents";
import type { z } from "zod";

/** Reads a file of YAML. @throws Error when it does not fit the schema */
export function readData<T>(path: string, schema: z.ZodType<T>): T {
  const parsed = parseYaml(readFileSync(path, "utf8"), path);
  if (!parsed.ok) throw new Error(parsed.problems.map(formatProblem).join("\n"));
  const checked = checkValue(schema, parsed.document.value);
  if (!checked.ok) throw new Error(parsed.document.problems(checked.issues).map(formatProblem).join("\n"));
  return checked.value;
}
