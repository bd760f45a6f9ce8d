import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { readData } from "../masking/data.ts";

/** The corpus: a file a class. In its texts, $user is the session's own user, and $other that of another session. */
const folder = join(import.meta.dirname, "attempts");

const INSUFFICIENT_PRIVILEGE = "42501";
const texts = z.array(z.string()).default([]);

const refused = z.union([
  z.string().transform((sql) => ({ sql, by: [INSUFFICIENT_PRIVILEGE], policy: true })),
  z.strictObject({
    sql: z.string(),
    /** The database's own codes. */
    by: z.array(z.string()).default([INSUFFICIENT_PRIVILEGE]),
    /** Whether a policy that allows to read and to write refuses it, too. */
    policy: z.boolean().default(true),
  }),
]);

const attempt = z.strictObject({
  name: z.string().min(1),
  /** Major versions of PostgreSQL in which it is what is said here. */
  from: z.int().default(0),
  below: z.int().default(Number.MAX_SAFE_INTEGER),
  /** By a superuser, beforehand. */
  before: texts,
  /** What the database lets the user do. */
  do: texts,
  /** The same in a transaction that stays open until the session ends. */
  opens: z
    .array(
      z.union([
        z.string().transform((sql) => ({ sql, await: true })),
        z.strictObject({ sql: z.string(), await: z.boolean() }),
      ]),
    )
    .default([]),
  /** What it does not let it do. */
  refused: z.array(refused).default([]),
  /** By what word its code tells that it was run: it has to have been, by the user, or nothing is shown. */
  shows: z.string().optional(),
  /** Questions that give no row when the user is gone. */
  gone: texts,
  /** By a superuser, at the end. */
  after: texts,
});

const file = z.strictObject({ class: z.string().min(1), attempts: z.array(attempt).min(1) });

/** What somebody does with a user that was made for a session, to have more than they were given, or for longer. */
export interface Attempt extends z.output<typeof attempt> {
  readonly class: string;
}

/** Reads the corpus. @throws Error when a file does not fit the schema */
export async function readAttempts(): Promise<Attempt[]> {
  const files = (await readdir(folder)).filter((name) => name.endsWith(".yaml")).sort();
  const classes = await Promise.all(files.map((name) => readData(join(folder, name), file)));
  return classes.flatMap(({ class: title, attempts }) => attempts.map((one) => ({ class: title, ...one })));
}
