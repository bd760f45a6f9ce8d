import type pg from "pg";
import type { Analysis } from "../../src/analysis/analysis.ts";
import type { StatementLineage } from "../../src/lineage/lineage.ts";
import { described } from "./described.ts";

/** What PostgreSQL's own privileges say of an analysis. */
export type Verdict =
  /** A role with nothing but what was found may run it. */
  | { readonly kind: "held" }
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
  // Its WHERE looks at what is sent, but is held to read the table.
  ["COPY", ["INSERT", "SELECT"]],
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
      LOOP
        IF EXISTS (SELECT FROM pg_proc WHERE oid = called AND pronamespace = 'pg_catalog'::regnamespace) THEN
          EXECUTE format('GRANT EXECUTE ON ROUTINE %s TO PUBLIC', called::regprocedure);
        END IF;
      END LOOP;
    END $$;
    GRANT EXECUTE ON FUNCTION json_agg_strict, jsonb_agg_strict, nextval, now TO PUBLIC;
    GRANT SELECT ON pg_class, pg_description, pg_shdescription, pg_rewrite TO PUBLIC;
    GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO PUBLIC`);
}

/** Runs a text as a fresh role that has been granted what was found in it, and takes everything back. */
export async function judge(client: pg.Client, text: string, grants: Grants): Promise<Verdict> {
  const { access, unsupported } = grants.analysis;
  if (access === "unknown" || unsupported !== undefined || (grants.lineage?.gaps.length ?? 0) > 0) {
    const fault = await described(client, text);
    return fault instanceof Error ? { kind: "not judged", why: fault.message } : { kind: "unknown" };
  }
  if (access !== "read" && access !== "write") return { kind: "not judged", why: access };
  if (grants.analysis.verbs.some((verb) => TRANSACTION.has(verb))) {
    return { kind: "not judged", why: "it ends the transaction that takes everything back" };
  }
  // How large something is, is no relation's to grant.
  await client.query("BEGIN; CREATE ROLE found IN ROLE pg_read_all_stats");
  try {
    for (const grant of await grantsOf(client, grants)) await client.query(grant);
    await client.query("SET LOCAL ROLE found");
    await client.query(text);
    return { kind: "held" };
  } catch (error) {
    if (!(error instanceof Error) || !("code" in error)) throw error;
    if (error.code === NO_DATA) return { kind: "held" };
    return error.code === REFUSED
      ? { kind: "missed", message: error.message }
      : { kind: "not judged", why: `${String(error.code)} ${error.message}` };
  } finally {
    await client.query("ROLLBACK");
  }
}

async function grantsOf(client: pg.Client, { analysis, lineage }: Grants): Promise<string[]> {
  const verbs = analysis.verbs.flatMap((verb) => BY_VERB.get(verb) ?? []);
  const grants: string[] = [];
  const relations = await relationsNamed(client, [...analysis.reads, ...analysis.writes]);
  for (const relation of relations) {
    const { name, view } = relation;
    if (analysis.reads.includes(name)) {
      grants.push(selects(relation, lineage));
      // A view's functions are called as whoever reads it, and are not the statement's.
      if (view)
        grants.push("GRANT EXECUTE ON ALL ROUTINES IN SCHEMA pg_catalog, information_schema TO found");
      // What is explained is not done.
      if (analysis.verbs.includes("EXPLAIN")) grants.push(`GRANT ALL ON ${name} TO found`);
    }
    if (analysis.writes.includes(name)) {
      for (const verb of verbs) {
        const columns = OF_COLUMNS.has(verb) ? columnsOf(name, lineage?.writes) : undefined;
        grants.push(`GRANT ${verb} ${columns ?? ""} ON ${name} TO found`);
      }
    }
  }
  const { rows } = await client.query<{ routine: string }>(
    `SELECT format('GRANT EXECUTE ON ROUTINE %s TO found', p.oid::regprocedure) AS routine
     FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace WHERE nspname || '.' || proname = ANY ($1)`,
    [analysis.functions],
  );
  return [...grants, ...rows.map(({ routine }) => routine)];
}

/** Where no column of it is read, any one will do (PostgreSQL documentation, GRANT): `count(*)`. */
function selects({ name, first }: Relation, lineage: StatementLineage | undefined): string {
  const all = lineage === undefined || !name.startsWith("public.");
  const columns = all ? "" : (columnsOf(name, lineage.reads) ?? `("${first}")`);
  return `GRANT SELECT ${columns} ON ${name} TO found`;
}

function columnsOf(relation: string, columns: readonly string[] | undefined): string | undefined {
  const names = columns?.filter((column) => column.startsWith(`${relation}.`));
  if (names === undefined || names.length === 0) return undefined;
  return `(${names.map((name) => `"${name.slice(relation.length + 1)}"`).join(", ")})`;
}

interface Relation {
  readonly name: string;
  readonly view: boolean;
  /** Its first column. */
  readonly first: string;
}

async function relationsNamed(client: pg.Client, names: readonly string[]): Promise<Relation[]> {
  const { rows } = await client.query<Relation>(
    `SELECT name, relkind = 'v' AS view, (SELECT attname FROM pg_attribute WHERE attrelid = oid AND attnum = 1) AS first FROM unnest($1::text[]) WITH ORDINALITY AS given (name)
     JOIN pg_class ON oid = to_regclass(CASE WHEN name ~ '[A-Z]' THEN regexp_replace(name, '[^.]+', '"\\&"', 'g') ELSE name END)
     WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'S')`,
    [[...new Set(names)]],
  );
  return rows;
}
