import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import type { MaskedColumns } from "./canaries.ts";
import { readData } from "./data.ts";

const folder = join(import.meta.dirname, "everyday");

/** Columns that the statements leave alone, and some that they show, and do nothing else with. */
export const masked: readonly MaskedColumns[] = [
  {
    columns: [
      ...["orders.o_clerk", "part.p_comment", "partsupp.ps_comment", "nation.n_comment"],
      ...["supplier.s_phone", "supplier.s_address"],
      ...["users.email", "addresses.street", "auth_user.password"],
      ...["buyers.email", "homes.street"],
    ].map((column) => `public.${column}`),
    with: "redact",
  },
  { columns: ["public.auth_user.email", "public.pgbench_*.filler", "public.buyers.phone"], with: "hash" },
  { columns: ["public.django_session.session_data"], with: "'null'" },
];

const statement = z.union([
  z.string().transform((sql) => ({ sql })),
  z.strictObject({
    sql: z.string(),
    parameters: z.array(z.union([z.string(), z.null()])).optional(),
    data: z.string().optional(),
  }),
]);

const file = z.strictObject({
  corpus: z.string().min(1),
  /** Each is run in a transaction of its own, which is rolled back; a list is several in one. */
  statements: z.array(z.union([statement.transform((one) => [one]), z.array(statement).min(1)])).min(1),
});

/** Statements that people and programs send all day, and that show no masked value. */
export type Corpus = z.output<typeof file>;
export type Statement = z.output<typeof statement>;

/** Reads all of them. @throws Error when a file does not fit its schema */
export async function readCorpora(): Promise<Corpus[]> {
  const files = (await readdir(folder)).filter((name) => name.endsWith(".yaml")).sort();
  return Promise.all(files.map((name) => readData(join(folder, name), file)));
}
