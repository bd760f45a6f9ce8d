import { messageOf } from "@gatehouse/core";
import type pg from "pg";
import type { CatalogIndex } from "../../src/catalog/catalog-index.ts";
import type { Analysis } from "../../src/analysis/analysis.ts";
import type { StatementLineage } from "../../src/lineage/lineage.ts";
import { asNode } from "../../src/analysis/node.ts";
import { described, parse } from "./described.ts";

/** What PostgreSQL's own privileges say of an analysis. */
export type Verdict =
  /** A role with nothing but what was found may run it; `beside` is what is nobody's to find. */
  | { readonly kind: "held"; readonly beside?: readonly string[] }
  /** It may not: something was missed. */
  | { readonly kind: "missed"; readonly message: string }
  /** The analysis does not claim to know what the text does. */
  | { readonly kind: "unknown" }
  /** Ownership decides, or the server finds another fault before it looks at privileges. */
  | { readonly kind: "not judged"; readonly why: string };

/** What a role is granted: of columns where the lineage knows them, else of whole relations. */
export interface Grants {
  readonly analysis: Analysis;
  readonly lineage?: StatementLineage;
  /** The schemas that names without one are looked for in: a temporary relation may hide one of theirs. */
  readonly path?: readonly string[];
}

const TRANSACTION: ReadonlySet<string> = new Set([
  "BEGIN",
  "START",
  "COMMIT",
  "ROLLBACK",
  "END",
  "PREPARE",
  "RELEASE",
  "SAVEPOINT",
]);

/** Grants beside what was found, for one text. */
const MAX_BESIDE = 50;

/** The same code, and no privilege on what has a name: a policy on rows says no, or ownership; large objects are named by values. */
const OTHERWISE = /row-level security|^must be owner|^permission denied for large object/;

/** insufficient_privilege. */
const REFUSED = "42501";
/** query_canceled: a COPY that got so far as to ask for data, of which there are none. */
const NO_DATA = "57014";

/** By verb, what the relations that are written are granted. A SELECT writes where it locks rows. */
const BY_VERB: ReadonlyMap<string, readonly string[]> = new Map([
  ["INSERT", ["INSERT"]],
  ["UPDATE", ["UPDATE"]],
  ["DELETE", ["DELETE"]],
  ["MERGE", ["INSERT", "UPDATE", "DELETE"]],
  ["TRUNCATE", ["TRUNCATE"]],
  // Its WHERE looks at what is sent, but is held to read the table; its query may lock rows.
  ["COPY", ["INSERT", "SELECT", "UPDATE"]],
  ["SELECT", ["UPDATE"]],
  ["LOCK", ["UPDATE"]],
]);
const OF_COLUMNS: ReadonlySet<string> = new Set(["INSERT", "UPDATE"]);

/**
 * Takes from PUBLIC what it has by default: catalogs, and all functions that a statement can name. What operators, casts,
 * types, aggregates, JSON's constructors and a column's default call is called by no name, and what some functions of the
 * catalogs' own look at is theirs to read.
 */
export async function takeAway(client: pg.Client): Promise<void> {
  await client.query(`
    REVOKE ALL ON ALL TABLES IN SCHEMA pg_catalog, information_schema, public FROM PUBLIC;
    REVOKE EXECUTE ON ALL ROUTINES IN SCHEMA pg_catalog, information_schema, public FROM PUBLIC;
    DO $$
    DECLARE called oid;
    BEGIN
      FOR called IN
        SELECT oprcode::oid FROM pg_operator UNION SELECT castfunc FROM pg_cast UNION SELECT amproc::oid FROM pg_amproc
        UNION SELECT unnest(array[aggtransfn, aggfinalfn, aggcombinefn, aggserialfn, aggdeserialfn, aggmtransfn, aggminvtransfn,
          aggmfinalfn]::oid[]) FROM pg_aggregate
        UNION SELECT unnest(array[typinput, typoutput, typreceive, typsend, typmodin, typmodout, typsubscript]::oid[]) FROM pg_type
        UNION SELECT oid FROM pg_proc WHERE proname IN ('json_agg_strict', 'jsonb_agg_strict')
      LOOP
        IF EXISTS (SELECT FROM pg_proc WHERE oid = called AND pronamespace = 'pg_catalog'::regnamespace) THEN
          EXECUTE format('GRANT EXECUTE ON ROUTINE %s TO PUBLIC', called::regprocedure);
        END IF;
      END LOOP;
    END $$;
    GRANT EXECUTE ON FUNCTION nextval, now TO PUBLIC;
    GRANT SELECT ON pg_class, pg_description, pg_shdescription, pg_rewrite TO PUBLIC;
    GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO PUBLIC`);
}

/** What a text names itself, and what the row policies of that read: what lies behind views, their owners read. */
export function ownOf(analysis: Analysis, catalog: CatalogIndex): Analysis {
  const own = new Set(analysis.named);
  for (const name of analysis.named) {
    const relation = catalog.relationNamed(name);
    const related = relation ? [relation, ...catalog.relatives(relation.id)] : [];
    for (const id of related.flatMap(({ policyReads = [] }) => policyReads)) {
      const read = catalog.relationById(id);
      if (read) own.add(catalog.nameOf(read));
    }
  }
  const among = (names: readonly string[]) => names.filter((name) => own.has(name));
  return { ...analysis, reads: among(analysis.reads), writes: among(analysis.writes) };
}

/**
 * Runs a text as a fresh role that has been granted what was found in it, and takes everything back. In a transaction
 * that is open, all else stays as it is.
 */
export async function judge(client: pg.Client, text: string, grants: Grants): Promise<Verdict> {
  const { access, unsupported, verbs } = grants.analysis;
  if (access === "unknown" || unsupported !== undefined || (grants.lineage?.gaps.length ?? 0) > 0) {
    const fault = await takenBack(client, () => described(client, text));
    return fault instanceof Error ? { kind: "not judged", why: fault.message } : { kind: "unknown" };
  }
  if (access !== "read" && access !== "write") return { kind: "not judged", why: access };
  if (verbs.some((verb) => TRANSACTION.has(verb))) {
    return { kind: "not judged", why: "it ends the transaction that takes everything back" };
  }
  const beside: string[] = [];
  for (;;) {
    const verdict = await takenBack(client, () => attempt(client, text, grants, beside));
    const more = verdict.kind === "missed" ? await besides(client, text, verdict.message) : [];
    if (verdict.kind === "held" && beside.length > 0) return { ...verdict, beside };
    if (verdict.kind === "missed" && more.length === 0) return (await refusedToAll(client, text)) ?? verdict;
    if (more.length === 0 || beside.length >= MAX_BESIDE) return verdict;
    beside.push(...more);
  }
}

/** A superuser's rights are not in question: where he is refused too, a view's owner may not read what it shows. */
async function refusedToAll(client: pg.Client, text: string): Promise<Verdict | undefined> {
  return takenBack(client, async () => {
    try {
      await client.query("RESET SESSION AUTHORIZATION");
      await client.query(text);
      return undefined;
    } catch (error) {
      return { kind: "not judged", why: `a superuser may not: ${messageOf(error)}` };
    }
  });
}

async function attempt(
  client: pg.Client,
  text: string,
  grants: Grants,
  beside: readonly string[],
): Promise<Verdict> {
  try {
    // How large something is, is no relation's to grant.
    await client.query("RESET SESSION AUTHORIZATION; CREATE ROLE found IN ROLE pg_read_all_stats");
    const given = [...(await grantsOf(client, grants)), ...beside, "SET LOCAL ROLE found"];
    await client.query(given.join(";\n"));
    await client.query(text);
    return { kind: "held" };
  } catch (error) {
    if (!(error instanceof Error) || !("code" in error)) throw error;
    if (error.code === NO_DATA) return { kind: "held" };
    return error.code === REFUSED && !OTHERWISE.test(error.message)
      ? { kind: "missed", message: error.message }
      : { kind: "not judged", why: `${String(error.code)} ${error.message}` };
  }
}

/**
 * What is nobody's to find: the functions of PostgreSQL's own that a text does not call, but that defaults, checks, indexes,
 * partitions or others of its own do, with the rights of whoever runs it; and sequences, which are named by values.
 */
async function besides(client: pg.Client, text: string, message: string): Promise<readonly string[]> {
  const [, kind, name = ""] =
    /^permission denied for (function|aggregate|sequence) (.*)$/.exec(message) ?? [];
  if (kind === undefined || (kind !== "sequence" && mayCall(parse(text), name))) return [];
  const { rows } = await client.query<{ grants: string }>(
    kind === "sequence"
      ? `SELECT format('GRANT ALL ON SEQUENCE %s TO found', oid::regclass) AS grants FROM pg_class WHERE relkind = 'S' AND relname = $1`
      : `SELECT format('GRANT EXECUTE ON ROUTINE %s TO found', oid::regprocedure) AS grants
         FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace AND proname = $1`,
    [name],
  );
  return rows.map((row) => row.grants);
}

async function takenBack<T>(client: pg.Client, act: () => Promise<T>): Promise<T> {
  const inside = client.getTransactionStatus() === "T";
  await client.query(inside ? "SAVEPOINT oracle" : "BEGIN");
  try {
    return await act();
  } finally {
    await client.query(inside ? "ROLLBACK TO oracle; RELEASE oracle" : "ROLLBACK");
  }
}

async function grantsOf(client: pg.Client, { analysis, lineage, path = [] }: Grants): Promise<string[]> {
  const verbs = analysis.verbs.flatMap((verb) => BY_VERB.get(verb) ?? []);
  const grants: string[] = [];
  const relations = await relationsNamed(client, [...analysis.reads, ...analysis.writes], path);
  for (const relation of relations) {
    const { name, quoted, kind } = relation;
    // A view's functions are called as whoever reads or changes it, and are not the statement's.
    if (kind === "v")
      grants.push("GRANT EXECUTE ON ALL ROUTINES IN SCHEMA pg_catalog, information_schema TO found");
    if (analysis.reads.includes(name)) {
      grants.push(selects(relation, lineage));
      // What is explained is not done.
      if (analysis.verbs.includes("EXPLAIN")) grants.push(`GRANT ALL ON ${quoted} TO found`);
    }
    if (analysis.writes.includes(name)) {
      for (const verb of verbs) {
        const columns = OF_COLUMNS.has(verb) ? columnsOf(name, lineage?.writes) : undefined;
        grants.push(`GRANT ${verb} ${columns ?? ""} ON ${quoted} TO found`);
      }
    }
  }
  // Every name is found with its schema: who may look into that is not in question.
  const { rows } = await client.query<{ grants: string }>(
    `SELECT format('GRANT EXECUTE ON ROUTINE %s TO found', p.oid::regprocedure) AS grants
     FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace WHERE nspname || '.' || proname = ANY ($1)
     UNION ALL SELECT format('GRANT USAGE ON SCHEMA %I TO found', nspname) FROM pg_namespace WHERE nspname !~ '^pg_(toast_)?temp'`,
    [analysis.functions],
  );
  return [...grants, ...rows.map((row) => row.grants)];
}

/** Whether a name stands anywhere below, but for types: `(x).name` may be a call, too. */
function mayCall(node: unknown, name: string): boolean {
  if (Array.isArray(node)) return node.some((item) => mayCall(item, name));
  return Object.entries(asNode(node) ?? {}).some(
    ([key, value]) =>
      key !== "typeName" &&
      key !== "TypeName" &&
      ((key === "sval" && value === name) || mayCall(value, name)),
  );
}

/** Where no column of it is read, any one will do (PostgreSQL documentation, GRANT): `count(*)`. */
function selects({ name, quoted, first }: Relation, lineage: StatementLineage | undefined): string {
  const all = lineage === undefined || !name.startsWith("public.");
  const columns = all ? "" : (columnsOf(name, lineage.reads) ?? `("${first}")`);
  return `GRANT SELECT ${columns} ON ${quoted} TO found`;
}

function columnsOf(relation: string, columns: readonly string[] | undefined): string | undefined {
  const names = columns?.filter((column) => column.startsWith(`${relation}.`));
  if (names === undefined || names.length === 0) return undefined;
  return `(${names.map((name) => `"${name.slice(relation.length + 1)}"`).join(", ")})`;
}

interface Relation {
  /** As it was found. */
  readonly name: string;
  /** As SQL takes it: where a temporary one hides another, that. */
  readonly quoted: string;
  /** pg_class.relkind. */
  readonly kind: string;
  /** Its first column. */
  readonly first: string;
}

async function relationsNamed(
  client: pg.Client,
  names: readonly string[],
  path: readonly string[],
): Promise<Relation[]> {
  const found = [...new Set(names)].map((name) => ({ name, parts: partsOf(name) }));
  const { rows } = await client.query<Relation>(
    `SELECT given.name, format('%I.%I', nspname, relname) AS quoted, relkind AS kind,
       (SELECT attname FROM pg_attribute WHERE attrelid = c.oid AND attnum = 1) AS first
     FROM unnest($1::text[], $2::text[], $3::text[]) AS given (name, schema, relation)
     JOIN pg_class c ON relname = relation JOIN pg_namespace n ON n.oid = relnamespace
     WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
       AND (nspname = schema OR relnamespace = pg_my_temp_schema() AND schema = ANY ($4 || '{pg_temp}'::text[]))`,
    [
      found.map(({ name }) => name),
      found.map(({ parts }) => parts[0] ?? ""),
      found.map(({ parts }) => parts[1] ?? ""),
      path,
    ],
  );
  return rows;
}

/** The parts of a dotted name. */
function partsOf(name: string): string[] {
  const parts = name.matchAll(/"((?:[^"]|"")*)"|([^."]+)/g);
  return Array.from(parts, ([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain ?? "");
}
