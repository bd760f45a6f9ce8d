import { z } from "zod";
import { type Administrator, understood } from "./administrator.ts";
import { statement } from "./statement.ts";

const id = z.int().min(0);
/** Privileges that everybody has, and those that the administrator may grant. */
const privileges = { open: z.array(z.string()), grantable: z.array(z.string()), owner: z.string() };

const relation = z.object({
  id,
  schema: z.string(),
  name: z.string(),
  /** pg_class.relkind. */
  kind: z.string(),
  columns: z.array(z.string()),
  /** The first column of its primary key. */
  key: z.string().nullable(),
  /** Object ids: of what a view reads for certain; of all that it names, where it has its caller's rights. */
  reads: z.array(id),
  asCaller: z.array(id),
  /** Object ids of the sequences that its columns' defaults draw from. */
  sequences: z.array(id),
  ...privileges,
});
export type ObjectRelation = z.infer<typeof relation>;

const routine = z.object({
  id,
  schema: z.string(),
  name: z.string(),
  /** As GRANT takes it, by the server. */
  signature: z.string(),
  language: z.string(),
  volatility: z.enum(["immutable", "stable", "volatile"]),
  /** It has its owner's rights. */
  definer: z.boolean(),
  /** Everybody may execute it; the administrator may grant that. */
  open: z.boolean(),
  grantable: z.boolean(),
  owner: z.string(),
});
export type ObjectRoutine = z.infer<typeof routine>;

const container = z.object({ id, name: z.string(), ...privileges });

const row = z.union([
  z.object({ relation }).strict(),
  z.object({ routine }).strict(),
  z.object({ schema: container }).strict(),
  z.object({ database: container, version: z.int(), administrator: z.string() }).strict(),
  z.object({ policyReads: z.array(id) }).strict(),
  z.object({ builtins: z.array(z.string()) }).strict(),
]);

/** What there is in a target's database that somebody could be granted privileges on. */
export interface Objects {
  readonly version: number;
  /** The role that grants. */
  readonly administrator: string;
  readonly database: z.infer<typeof container>;
  readonly schemas: readonly z.infer<typeof container>[];
  readonly relations: readonly ObjectRelation[];
  readonly routines: readonly ObjectRoutine[];
  /** Object ids of what row policies read with the rights of whoever asks. */
  readonly policyReads: readonly number[];
  /** The names of PostgreSQL's own functions. */
  readonly builtins: readonly string[];
}

const fingerprint = z.object({ fingerprint: z.string() });

/** The same as long as nothing has changed that the reading rests on. */
export async function objectsFingerprint(administrator: Administrator): Promise<string> {
  const [found] = await administrator.ask(({ version }) => statement("objects-fingerprint", version));
  return understood(fingerprint, found).fingerprint;
}

export async function readObjects(administrator: Administrator): Promise<Objects> {
  const found = await administrator.ask(({ version }) => statement("objects", version));
  const rows = found.map((one) => understood(row, one));
  const first = rows.find((one) => "database" in one);
  return {
    // Asked for by a name, it is always there.
    ...understood(z.object({ database: container, version: z.int(), administrator: z.string() }), first),
    schemas: rows.flatMap((one) => ("schema" in one ? one.schema : [])),
    relations: rows.flatMap((one) => ("relation" in one ? one.relation : [])),
    routines: rows.flatMap((one) => ("routine" in one ? one.routine : [])),
    policyReads: rows.flatMap((one) => ("policyReads" in one ? one.policyReads : [])),
    builtins: rows.flatMap((one) => ("builtins" in one ? one.builtins : [])),
  };
}
