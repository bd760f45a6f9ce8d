import { createHash } from "node:crypto";
import { GatehouseError } from "@gatehouse/core";
import { z } from "zod";
import { dotted } from "../analysis/search-path.ts";
import type { CatalogData, Column, NamedType, Relation, RelationKind, Routine, RowEvent } from "./catalog.ts";
import type { ControlConnection } from "./control-connection.ts";
import { FINGERPRINT, READING } from "./queries.ts";

/** How much of a catalog is read; one that has more is not read at all. */
export interface CatalogBounds {
  readonly columns: number;
  /** Of each other kind of object. */
  readonly objects: number;
  /** Of the whole answer. */
  readonly bytes: number;
}

export const CATALOG_BOUNDS: CatalogBounds = {
  columns: 200_000,
  objects: 200_000,
  bytes: 256 * 1024 * 1024,
};

/** Readings that are begun anew since somebody changed the catalog meanwhile. */
const ATTEMPTS = 3;

export interface CatalogReading {
  readonly data: CatalogData;
  /** What `readFingerprint` gives for as long as the catalog is as it was read. */
  readonly fingerprint: string;
  /** Every view's text could be had; where one was locked, it has to be read again. */
  readonly complete: boolean;
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

/**
 * A cheap look at whether the catalog has changed. It is the same for the same content on the same server, up to its
 * restart, and may differ where nothing of weight has changed.
 * @throws GatehouseError as ControlConnection.ask, and CATALOG_UNAVAILABLE where the catalog is out of bounds
 */
export async function readFingerprint(
  connection: ControlConnection,
  deadline: AbortSignal,
  bounds: CatalogBounds,
): Promise<string> {
  let found: z.infer<typeof fingerprintRow> | undefined;
  await connection.ask(FINGERPRINT, deadline, (value) => {
    found = understood(fingerprintRow, value);
  });
  if (found === undefined) throw unavailable("The target gave no answer about its catalog.");
  for (const [kind, count] of Object.entries(found.rows)) {
    const most = kind === "columns" ? bounds.columns : bounds.objects;
    if (count > most) {
      throw unavailable(`The catalog has ${count} ${kind}, more than the ${most} that the gateway reads.`);
    }
  }
  return found.digest;
}

/**
 * Reads all of a catalog. The transaction shows one moment, but the texts of views are put together by names as they
 * are at that time; so it counts only if nothing has changed from before it to after it.
 * @param before what `readFingerprint` has just given
 * @throws GatehouseError as `readFingerprint`
 */
export async function readCatalog(
  connection: ControlConnection,
  deadline: AbortSignal,
  bounds: CatalogBounds,
  before: string,
): Promise<CatalogReading> {
  let fingerprint = before;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const rows = new CatalogRows(bounds.bytes);
    await connection.ask(READING, deadline, (value) => rows.add(value));
    const after = await readFingerprint(connection, deadline, bounds);
    if (after === fingerprint) return { ...rows.finish(), fingerprint };
    fingerprint = after;
  }
  throw unavailable("The catalog was changed while it was read, each time it was tried.");
}

/** The rows of a reading, as they come. */
class CatalogRows {
  readonly #hash = createHash("sha256");
  readonly #most: number;
  #bytes = 0;
  #serverVersion: number | undefined;
  readonly #relations: Relation[] = [];
  readonly #routines: Routine[] = [];
  readonly #types: NamedType[] = [];
  readonly #operators: CatalogData["operators"][number][] = [];
  readonly #casts: CatalogData["casts"][number][] = [];
  #complete = true;

  constructor(most: number) {
    this.#most = most;
  }

  add(value: Buffer): void {
    this.#bytes += value.length;
    if (this.#bytes > this.#most) {
      throw unavailable(`The catalog is larger than the ${this.#most} bytes that the gateway reads.`);
    }
    this.#hash.update(value).update("\n");
    const { server, relation, routine, type, operator, cast } = understood(readingRow, value);
    if (server) this.#serverVersion = server.version;
    if (relation) this.#addRelation(relation);
    if (routine) this.#routines.push(routine);
    if (type) this.#types.push(type);
    if (operator) this.#operators.push(operator);
    if (cast) this.#casts.push(cast);
  }

  finish(): Pick<CatalogReading, "data" | "complete"> {
    if (this.#serverVersion === undefined) throw unavailable("The target does not say which version it is.");
    const data: CatalogData = {
      version: this.#hash.digest("base64url"),
      serverVersion: this.#serverVersion,
      relations: this.#relations,
      routines: this.#routines,
      types: this.#types,
      operators: this.#operators,
      casts: this.#casts,
    };
    return { data, complete: this.#complete };
  }

  #addRelation(relation: Relation): void {
    const isView = relation.kind === "view" || relation.kind === "materialized view";
    if (isView && relation.definition === undefined) this.#complete = false;
    this.#relations.push(relation);
  }
}

/** @throws GatehouseError CATALOG_UNAVAILABLE */
function understood<Row>(schema: z.ZodType<Row>, value: Buffer): Row {
  let text: string;
  try {
    // Not leniently: two names would read the same, and one be taken for the other.
    text = utf8.decode(value);
  } catch (error) {
    throw unavailable("The catalog has names that are not UTF-8.", error);
  }
  const row: unknown = JSON.parse(text);
  const result = schema.safeParse(row);
  if (result.success) return result.data;
  throw unavailable("The target's answer is not what PostgreSQL's catalog says.", result.error);
}

function unavailable(message: string, cause?: unknown): GatehouseError {
  return new GatehouseError("CATALOG_UNAVAILABLE", message, cause === undefined ? {} : { cause });
}

/** The letters that pg_class, pg_proc and pg_type have for kinds. */
const RELATION_KINDS = {
  r: "table",
  p: "table",
  v: "view",
  m: "materialized view",
  f: "foreign table",
  S: "sequence",
  c: "composite type",
} as const satisfies Record<string, RelationKind>;
const ROUTINE_KINDS = { f: "function", p: "procedure", a: "aggregate", w: "window" } as const;
const VOLATILITIES = { i: "immutable", s: "stable", v: "volatile" } as const;
const TYPE_KINDS = {
  b: "base",
  c: "composite",
  d: "domain",
  e: "enum",
  m: "multirange",
  r: "range",
} as const;

const id = z.int().min(0).max(0xffff_ffff);
const count = z.int().min(0);

const fingerprintRow = z.object({ rows: z.record(z.string(), count), digest: z.string().min(1) });

const column = z.object({
  name: z.string(),
  number: z.int().min(1),
  type: id,
  generated: z.boolean(),
  from: z.array(z.int().min(1)).nullable(),
});

const routineName = z.tuple([z.string(), z.string()]).transform(dotted);

const EVENTS = { r: "read", i: "insert", u: "update", d: "delete", t: "truncate" } as const satisfies Record<
  string,
  RowEvent
>;
const event = z.enum(["r", "i", "u", "d", "t"]).transform((letter) => EVENTS[letter]);

const hook = z.object({
  routine: routineName,
  on: z
    .string()
    .transform((letters) => letters.split(""))
    .pipe(z.array(event)),
});

/** What a foreign key does to its own rows: nothing (a, r), goes with the other (c), takes other values (n, d). */
const action = z.enum(["a", "r", "c", "n", "d"]);

const referrer = z
  .object({ relation: id, update: action, delete: action })
  .transform(({ relation, update, delete: deletes }) => ({
    relation,
    ...(/[cnd]/.test(update) ? { onUpdate: "update" as const } : {}),
    ...(deletes === "c" ? { onDelete: "delete" as const } : {}),
    ...(/[nd]/.test(deletes) ? { onDelete: "update" as const } : {}),
  }));

const relation = z
  .object({
    id,
    schema: z.string(),
    name: z.string(),
    kind: z.enum(["r", "p", "v", "m", "f", "S", "c"]).transform((letter) => RELATION_KINDS[letter]),
    columns: z.array(column).nullable(),
    parents: z.array(id).nullable(),
    definition: z.string().nullable(),
    rules: z.boolean(),
    triggers: z.boolean(),
    rowSecurity: z.boolean(),
    hooks: z.array(hook).nullable(),
    referrers: z.array(referrer).nullable(),
    policyReads: z.array(id).nullable(),
  })
  .transform(
    ({ columns, parents, definition, hooks, referrers, policyReads, ...rest }): Relation => ({
      ...rest,
      columns: (columns ?? []).map((one) => columnOf(one, columns ?? [])),
      parents: parents ?? [],
      ...(definition === null ? {} : { definition }),
      ...(hooks === null ? {} : { hooks }),
      ...(referrers === null ? {} : { referrers }),
      ...(policyReads === null ? {} : { policyReads }),
    }),
  );

function columnOf(
  { generated, from, ...rest }: z.infer<typeof column>,
  all: readonly z.infer<typeof column>[],
): Column {
  if (!generated) return rest;
  // What it is computed from is not known: it may be any of the others.
  const others = () => all.map(({ number }) => number).filter((number) => number !== rest.number);
  return { ...rest, generatedFrom: from ?? others() };
}

const routine = z.object({
  id,
  schema: z.string(),
  name: z.string(),
  kind: z.enum(["f", "p", "a", "w"]).transform((letter) => ROUTINE_KINDS[letter]),
  arguments: z.string(),
  language: z.string(),
  volatility: z.enum(["i", "s", "v"]).transform((letter) => VOLATILITIES[letter]),
  securityDefiner: z.boolean(),
  returns: id,
  returnsSet: z.boolean(),
});

const type = z
  .object({
    id,
    schema: z.string(),
    name: z.string(),
    kind: z.enum(["b", "c", "d", "e", "m", "r"]).transform((letter) => TYPE_KINDS[letter]),
    base: id.nullable(),
    relation: id.nullable(),
    element: id.nullable(),
    textual: z.boolean(),
    checks: z.array(routineName).nullable(),
  })
  .transform(
    ({ base, relation, element, textual, checks, ...rest }): NamedType => ({
      ...rest,
      ...(base === null ? {} : { base }),
      ...(relation === null ? {} : { relation }),
      ...(element === null ? {} : { element }),
      ...(textual ? { textual } : {}),
      ...(checks === null ? {} : { checks }),
    }),
  );

const readingRow = z.object({
  server: z.object({ version: z.int().min(0) }).optional(),
  relation: relation.optional(),
  routine: routine.optional(),
  type: type.optional(),
  operator: z.object({ schema: z.string(), name: z.string(), function: routineName }).optional(),
  cast: z.object({ source: id, target: id, function: routineName }).optional(),
});
