import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { readData } from "./data.ts";

/** The corpus: a file a class. */
const folder = join(import.meta.dirname, "attempts");

const parameters = z.array(z.union([z.string(), z.null()]));

/** One thing that a client sends. */
const step = z.union([
  z.string().transform((sql) => ({ sql })),
  z.strictObject({
    sql: z.string(),
    /** Of the extended protocol alone: such a step has no simple form. */
    parameters: parameters.optional(),
    /** What is sent when the server asks for a COPY's data. */
    data: z.string().optional(),
  }),
  /** A function by its signature, over the fast path. */
  z.strictObject({ call: z.string(), parameters: parameters.optional() }),
  /** What somebody else does meanwhile: a superuser, past the gateway. */
  z.strictObject({ beside: z.string() }),
]);

const texts = z.union([z.string().transform((text) => [text]), z.array(z.string()).min(1)]);

const attempt = z.strictObject({
  name: z.string().min(1),
  /** By a superuser, past the gateway, on a connection that stays open. */
  before: texts.default([]),
  do: z.union([step.transform((one) => [one]), z.array(step).min(1)]),
  /** As `before`: takes away what the attempt leaves behind. */
  after: texts.default([]),
  /** Values that would tell what no canary can: a boolean, a length. */
  gives: z.array(z.string()).default([]),
  /** Texts beside the canaries' own forms. */
  shows: z.array(z.string()).default([]),
  /** It shows nothing, but its outcome depends on a masked value: it must be refused. Says what it tells. */
  tells: z.string().optional(),
});

const file = z.strictObject({ class: z.string().min(1), attempts: z.array(attempt).min(1) });

type Attempted = z.output<typeof attempt>;

/** A way in which somebody could try to see a masked value. */
export interface Attempt extends Attempted {
  readonly class: string;
}

/** A step as it is sent. */
export interface Step {
  readonly sql?: string | undefined;
  readonly parameters?: readonly (string | null)[] | undefined;
  readonly data?: string | undefined;
  /** Object id of the function that is called. */
  readonly call?: number | undefined;
}

/** Reads the corpus. @throws Error when a file does not fit the schema, or two attempts have one name */
export async function readAttempts(): Promise<Attempt[]> {
  const files = (await readdir(folder)).filter((name) => name.endsWith(".yaml")).sort();
  const all = (await Promise.all(files.map((name) => readClass(join(folder, name))))).flat();
  const names = all.map((one) => `${one.class}: ${one.name}`);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new Error(`There are two attempts of the name ${twice}.`);
  return all;
}

async function readClass(path: string): Promise<Attempt[]> {
  const { class: title, attempts } = await readData(path, file);
  return attempts.map((one) => ({ class: title, ...one }));
}
