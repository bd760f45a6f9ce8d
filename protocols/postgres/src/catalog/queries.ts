/*
 * What is asked of a target's catalog, for PostgreSQL 12 to 18: constant texts, each sent alone in one Query message.
 * A row is one value, a JSON object.
 */

/** Milliseconds. The gateway's own deadline comes later: the server says more of what it was waiting for. */
const STATEMENT_TIMEOUT = 20_000;
const LOCK_TIMEOUT = 2_000;

/** FirstNormalObjectId: what has a lower one was made by initdb. */
export const FIRST_OWN = 16_384;

/** One moment, nothing changed, and the text of a view the same whatever the role's or the database's settings are. */
const BEGIN = `BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY;
SET LOCAL search_path TO '';
SET LOCAL client_encoding TO 'UTF8';
SET LOCAL standard_conforming_strings TO on;
SET LOCAL quote_all_identifiers TO off;
SET LOCAL statement_timeout TO ${STATEMENT_TIMEOUT};
SET LOCAL lock_timeout TO ${LOCK_TIMEOUT};
`;

/** What has columns and a name that others can use, too: a temporary object is its own session's. */
const RELATIONS = `SELECT c.oid, c.xmin, c.relname, c.relkind, c.relrowsecurity, n.nspname
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S', 'c') AND n.nspname !~ '^pg_(temp|toast)'`;

/** Also what somebody has added to pg_catalog: extensions do. */
function made(table: string, namespace: string, rest = ""): string {
  return `SELECT o.*, o.xmin, n.nspname FROM ${table} o JOIN pg_namespace n ON n.oid = o.${namespace}
  WHERE (n.nspname <> 'pg_catalog' OR o.oid >= ${FIRST_OWN}) AND n.nspname !~ '^pg_(temp|toast)'${rest}`;
}

const ROUTINES = made("pg_proc", "pronamespace");
const TYPES = made("pg_type", "typnamespace", " AND o.typtype IN ('b', 'c', 'd', 'e', 'm', 'r')");
const OPERATORS = made("pg_operator", "oprnamespace");
const CASTS = `SELECT o.* , o.xmin FROM pg_cast o WHERE o.oid >= ${FIRST_OWN}`;

/**
 * How many rows there are and which transactions wrote them: whatever changes a row of a catalog writes a new one, with
 * another xmin. A sum, so that their order does not matter; a hash, so that differences don't cancel out.
 */
function digest(what: string, rows: string, id = "oid"): string {
  return `SELECT '${what}' AS what, count(*) AS rows,
  sum(hashint8extended((${id}::int8 << 32) | xmin::text::int8, 0)) AS digest FROM (${rows}) s`;
}

/** Routines of somebody's own by what something can depend on: themselves, operators, and classes of operators. */
const OWN_ROUTINES = `SELECT o.class, o.object, f.oid AS routine FROM (
    SELECT 'pg_proc'::regclass AS class, oid AS object, oid AS routine FROM pg_proc
    UNION ALL SELECT 'pg_operator'::regclass, oid, oprcode FROM pg_operator
    UNION ALL SELECT 'pg_opclass'::regclass, c.oid, a.amproc FROM pg_opclass c
      JOIN pg_amproc a ON a.amprocfamily = c.opcfamily
    UNION ALL SELECT 'pg_opclass'::regclass, c.oid, o.oprcode FROM pg_opclass c
      JOIN pg_amop a ON a.amopfamily = c.opcfamily JOIN pg_operator o ON o.oid = a.amopopr
  ) o JOIN pg_proc f ON f.oid = o.routine WHERE f.oid >= ${FIRST_OWN}`;

/** PostgreSQL's own volatile functions in an expression that is kept: no dependency is noted on what initdb has made. */
function volatileIn(expression: string): string {
  return `LATERAL (SELECT DISTINCT f.oid FROM regexp_matches(${expression}::text, ':funcid ([0-9]+)', 'g') m
    JOIN pg_proc f ON f.oid = m[1]::oid AND f.provolatile = 'v' AND f.oid < ${FIRST_OWN})`;
}

/**
 * What runs without being named in a statement, by what depends on it: the relation, on which of its events (r, i, u, d, t),
 * and the routine. A row of a partition is held against the expressions by which the tables above it are divided.
 */
const HOOKS = `SELECT p.relation, p.events, d.routine FROM (
    SELECT 'pg_class'::regclass AS class, c.oid AS part, c.oid AS relation, 'iu' AS events FROM pg_class c
    UNION ALL SELECT 'pg_class'::regclass, a.relid, c.oid, 'iu' FROM pg_class c, pg_partition_ancestors(c.oid) a
      WHERE c.relispartition AND a.relid <> c.oid
    UNION ALL SELECT 'pg_attrdef'::regclass, oid, adrelid, 'iu' FROM pg_attrdef
    UNION ALL SELECT 'pg_class'::regclass, indexrelid, indrelid, 'iu' FROM pg_index
    UNION ALL SELECT 'pg_constraint'::regclass, oid, conrelid, 'iu' FROM pg_constraint WHERE conrelid <> 0
    UNION ALL SELECT 'pg_policy'::regclass, oid, polrelid, 'riud' FROM pg_policy
    UNION ALL SELECT 'pg_rewrite'::regclass, oid, ev_class, 'riud' FROM pg_rewrite
    UNION ALL SELECT 'pg_trigger'::regclass, oid, tgrelid,
      concat(CASE WHEN tgtype & 4 > 0 THEN 'i' END, CASE WHEN tgtype & 16 > 0 THEN 'u' END,
        CASE WHEN tgtype & 8 > 0 THEN 'd' END, CASE WHEN tgtype & 32 > 0 THEN 't' END)
      FROM pg_trigger WHERE tgenabled <> 'D'
  ) p
  JOIN pg_depend n ON n.classid = p.class AND n.objid = p.part
  JOIN own_routines d ON d.class = n.refclassid AND d.object = n.refobjid
  UNION ALL SELECT i.indrelid, 'rd', d.routine FROM pg_index i
    JOIN pg_depend n ON n.classid = 'pg_class'::regclass AND n.objid = i.indexrelid
    JOIN own_routines d ON d.class = n.refclassid AND d.object = n.refobjid
    WHERE d.class = 'pg_opclass'::regclass
  UNION ALL SELECT adrelid, 'iu', v.oid FROM pg_attrdef, ${volatileIn("adbin")} v (oid)
  UNION ALL SELECT conrelid, 'iu', v.oid FROM pg_constraint, ${volatileIn("conbin")} v (oid) WHERE conrelid <> 0
  UNION ALL SELECT polrelid, 'riud', v.oid FROM pg_policy, ${volatileIn("concat(polqual, polwithcheck)")} v (oid)
  UNION ALL SELECT tgrelid, 'iudt', v.oid FROM pg_trigger, ${volatileIn("tgqual")} v (oid)`;

/** Relations that row policies read. */
const POLICY_READS = `SELECT DISTINCT p.polrelid AS relation, d.refobjid AS read FROM pg_policy p
  JOIN pg_depend d ON d.classid = 'pg_policy'::regclass AND d.objid = p.oid
    AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> p.polrelid`;

/** The routines that the checks and the defaults of domains run. */
const CHECKS = `SELECT p.type, d.routine FROM (
    SELECT 'pg_constraint'::regclass AS class, oid AS part, contypid AS type FROM pg_constraint WHERE contypid <> 0
    UNION ALL SELECT 'pg_type'::regclass, oid, oid FROM pg_type WHERE typtype = 'd'
  ) p
  JOIN pg_depend n ON n.classid = p.class AND n.objid = p.part
  JOIN own_routines d ON d.class = n.refclassid AND d.object = n.refobjid
  UNION SELECT contypid, v.oid FROM pg_constraint, ${volatileIn("conbin")} v (oid) WHERE contypid <> 0
  UNION SELECT t.oid, v.oid FROM pg_type t, ${volatileIn("typdefaultbin")} v (oid) WHERE typtype = 'd'`;

/**
 * Of an aggregate, the routines that it is made of. Itself it is in no language, and never volatile.
 */
const PARTS = `SELECT a.aggfnoid AS aggregate, min(l.lanname) FILTER (WHERE l.lanname NOT IN ('c', 'internal')) AS language,
    bool_or(f.provolatile = 'v') AS volatile FROM pg_aggregate a
  CROSS JOIN LATERAL unnest(ARRAY[a.aggtransfn, a.aggfinalfn, a.aggcombinefn, a.aggserialfn, a.aggdeserialfn,
    a.aggmtransfn, a.aggminvtransfn, a.aggmfinalfn]::oid[]) part
  JOIN pg_proc f ON f.oid = part JOIN pg_language l ON l.oid = f.prolang GROUP BY a.aggfnoid`;

/**
 * What the order and the equality of types are made of, where somebody has made it: ORDER BY, DISTINCT, GROUP BY and their
 * like run it as a cast runs a function that nobody writes.
 */
const ORDERS = `SELECT DISTINCT c.opcintype AS type, d.routine FROM pg_opclass c
  JOIN own_routines d ON d.class = 'pg_opclass'::regclass AND d.object = c.oid WHERE c.opcdefault`;

/** The name of a routine, in a query that has it as f. */
const ROUTINE_NAME = `json_build_array((SELECT nspname FROM pg_namespace WHERE oid = f.pronamespace), f.proname)`;

/** What a range is a range of; of a multirange, the range (before PostgreSQL 14 there are none, and no column says it). */
const RANGED = `CASE t.typtype WHEN 'r' THEN (SELECT rngsubtype FROM pg_range WHERE rngtypid = t.oid)
    WHEN 'm' THEN (SELECT min(refobjid) FROM pg_depend WHERE classid = 'pg_type'::regclass AND objid = t.oid
      AND refclassid = 'pg_type'::regclass AND deptype = 'i') END`;

/** The other rows that the reading rests on, of the relations that it reads. */
function ofRelations(table: string, relation: string): string {
  return `SELECT o.*, o.xmin FROM ${table} o JOIN relations r ON r.oid = o.${relation}`;
}

/**
 * One row: `rows` says how many there are of each kind, `digest` is another one whenever something may have changed
 * that a reading shows. It takes no lock that a statement of a session could hold against it. Transactions are counted
 * from a server's start on: one that was restored from a backup counts the same numbers again.
 */
export const FINGERPRINT = `${BEGIN}WITH relations AS MATERIALIZED (${RELATIONS}), digests AS (
${[
  digest("relations", "SELECT * FROM relations"),
  digest("columns", ofRelations("pg_attribute", "attrelid"), "attrelid"),
  digest("defaults", ofRelations("pg_attrdef", "adrelid")),
  digest("parents", ofRelations("pg_inherits", "inhrelid"), "inhrelid"),
  digest("rules", ofRelations("pg_rewrite", "ev_class")),
  digest("triggers", ofRelations("pg_trigger", "tgrelid")),
  digest("policies", ofRelations("pg_policy", "polrelid")),
  digest("indexes", ofRelations("pg_index", "indrelid"), "indexrelid"),
  digest("constraints", "SELECT oid, xmin FROM pg_constraint"),
  digest("routines", ROUTINES),
  digest("types", TYPES),
  digest("operators", OPERATORS),
  digest("casts", CASTS),
  digest("classes", `SELECT oid, xmin FROM pg_opclass WHERE oid >= ${FIRST_OWN}`),
  digest("orders", `SELECT oid, xmin FROM pg_amop WHERE oid >= ${FIRST_OWN}`),
  digest("supports", `SELECT oid, xmin FROM pg_amproc WHERE oid >= ${FIRST_OWN}`),
  digest("schemas", "SELECT oid, xmin FROM pg_namespace WHERE nspname !~ '^pg_(temp|toast)'"),
  digest("languages", "SELECT oid, xmin FROM pg_language"),
].join("\nUNION ALL ")})
SELECT json_build_object('rows', json_object_agg(what, rows), 'digest', md5(
  concat_ws(' ', pg_postmaster_start_time(), current_database(), string_agg(concat_ws(':', what, rows, digest), ' ' ORDER BY what))))
FROM digests;
COMMIT`;

/**
 * Views whose text can't be had at once: it takes a lock on the view and on what it reads. Somebody who has altered a
 * table and not yet committed would otherwise keep the whole catalog from being read.
 */
const LOCKED_VIEWS = `WITH locked AS MATERIALIZED (
  SELECT l.relation FROM pg_locks l
  WHERE l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock' AND l.pid <> pg_backend_pid()
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()))
  SELECT relation FROM locked
  UNION SELECT r.ev_class FROM pg_rewrite r
    JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
    JOIN locked l ON d.refclassid = 'pg_class'::regclass AND d.refobjid = l.relation`;

/** Before PostgreSQL 15 the column itself depends on what it is computed from, since then its default does. */
const GENERATED_FROM = `SELECT json_agg(DISTINCT d.refobjsubid) FROM pg_depend d
    WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = a.attrelid
      AND d.refobjsubid > 0 AND d.refobjsubid <> a.attnum
      AND (d.classid = 'pg_class'::regclass AND d.objid = a.attrelid AND d.objsubid = a.attnum
        OR d.classid = 'pg_attrdef'::regclass AND d.objid IN (
          SELECT f.oid FROM pg_attrdef f WHERE f.adrelid = a.attrelid AND f.adnum = a.attnum))`;

const COLUMNS = `SELECT json_agg(json_build_object('name', a.attname, 'number', a.attnum, 'type', a.atttypid::int8,
    'generated', a.attgenerated <> '', 'from', CASE WHEN a.attgenerated <> '' THEN (${GENERATED_FROM}) END)
    ORDER BY a.attnum) FROM pg_attribute a
  WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped`;

/** One row for each object, under the name of its kind. What is not there is null. */
export const READING = `${BEGIN}SELECT json_build_object('server', json_build_object(
  'version', current_setting('server_version_num')::int));
WITH locked_views AS MATERIALIZED (${LOCKED_VIEWS}), own_routines AS MATERIALIZED (${OWN_ROUTINES}), hooks AS MATERIALIZED (
  SELECT h.relation, json_agg(json_build_object('routine', h.name, 'on', h.events) ORDER BY h.name::text, h.events) AS list
  FROM (SELECT DISTINCT relation, events, ${ROUTINE_NAME}::jsonb AS name FROM (${HOOKS}) s JOIN pg_proc f ON f.oid = s.routine) h
  GROUP BY h.relation), policies AS MATERIALIZED (
  SELECT relation, json_agg(read::int8 ORDER BY read) AS list FROM (${POLICY_READS}) s GROUP BY relation), referrers AS MATERIALIZED (
  SELECT confrelid, json_agg(json_build_object('relation', conrelid::int8, 'update', confupdtype, 'delete', confdeltype)
    ORDER BY oid) AS list FROM pg_constraint WHERE contype = 'f' GROUP BY confrelid)
SELECT json_build_object('relation', json_build_object('id', c.oid::int8, 'schema', c.nspname, 'name', c.relname,
  'kind', c.relkind, 'columns', (${COLUMNS}),
  'parents', (SELECT json_agg(i.inhparent::int8 ORDER BY i.inhseqno) FROM pg_inherits i WHERE i.inhrelid = c.oid),
  'definition', CASE WHEN c.relkind IN ('v', 'm') AND c.oid NOT IN (SELECT relation FROM locked_views)
    THEN rtrim(pg_get_viewdef(c.oid), ';') END,
  'rules', EXISTS (SELECT FROM pg_rewrite r WHERE r.ev_class = c.oid AND r.ev_type <> '1'),
  'triggers', EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid
    AND (NOT t.tgisinternal OR t.tgfoid >= ${FIRST_OWN})),
  'rowSecurity', c.relrowsecurity, 'hooks', h.list, 'referrers', k.list,
  'policyReads', q.list))
FROM (${RELATIONS}) c LEFT JOIN hooks h ON h.relation = c.oid LEFT JOIN referrers k ON k.confrelid = c.oid
  LEFT JOIN policies q ON q.relation = c.oid ORDER BY c.oid;
WITH parts AS MATERIALIZED (${PARTS})
SELECT json_build_object('routine', json_build_object('id', p.oid::int8, 'schema', p.nspname, 'name', p.proname,
  'kind', p.prokind, 'arguments', pg_get_function_identity_arguments(p.oid), 'language', coalesce(a.language, l.lanname),
  'volatility', CASE WHEN a.volatile THEN 'v' ELSE p.provolatile END, 'securityDefiner', p.prosecdef, 'returns', p.prorettype::int8, 'returnsSet', p.proretset))
FROM (${ROUTINES}) p JOIN pg_language l ON l.oid = p.prolang
  LEFT JOIN parts a ON a.aggregate = p.oid ORDER BY p.oid;
WITH own_routines AS MATERIALIZED (${OWN_ROUTINES}), checks AS MATERIALIZED (
  SELECT s.type, json_agg(${ROUTINE_NAME} ORDER BY f.oid) AS list FROM (${CHECKS}) s
  JOIN pg_proc f ON f.oid = s.routine GROUP BY s.type)
SELECT json_build_object('type', json_build_object('id', t.oid::int8, 'schema', t.nspname, 'name', t.typname,
  'kind', t.typtype, 'base', coalesce(nullif(t.typbasetype, 0), ${RANGED})::int8, 'relation', nullif(t.typrelid::int8, 0),
  'element', CASE WHEN t.typlen = -1 THEN nullif(t.typelem::int8, 0) END,
  'textual', t.typtype = 'b' AND t.typcategory = 'S' AND t.typelem = 0, 'checks', k.list))
FROM (${TYPES}) t LEFT JOIN checks k ON k.type = t.oid ORDER BY t.oid;
SELECT json_build_object('operator', json_build_object('schema', o.nspname, 'name', o.oprname,
  'function', json_build_array(n.nspname, p.proname)))
FROM (${OPERATORS}) o JOIN pg_proc p ON p.oid = o.oprcode JOIN pg_namespace n ON n.oid = p.pronamespace ORDER BY o.oid;
SELECT json_build_object('cast', json_build_object('source', c.castsource::int8, 'target', c.casttarget::int8,
  'function', json_build_array(n.nspname, p.proname)))
FROM (${CASTS}) c JOIN pg_proc p ON p.oid = c.castfunc JOIN pg_namespace n ON n.oid = p.pronamespace ORDER BY c.oid;
WITH own_routines AS MATERIALIZED (${OWN_ROUTINES})
SELECT json_build_object('cast', json_build_object('source', o.type::int8, 'target', o.type::int8,
  'function', ${ROUTINE_NAME}))
FROM (${ORDERS}) o JOIN pg_proc f ON f.oid = o.routine ORDER BY o.type, f.oid;
COMMIT`;
