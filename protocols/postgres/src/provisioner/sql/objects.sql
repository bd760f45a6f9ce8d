-- What there is in this database that a level's users could be granted privileges on: everything but PostgreSQL's own and what is
-- temporary. `open` is what everybody may do, `grantable` what this administrator may let others do.
BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY;
SELECT json_build_object('database', json_build_object(
    'id', d.oid::int8, 'name', d.datname, 'owner', pg_get_userbyid(d.datdba),
    'open', CASE WHEN has_database_privilege('public', d.oid, 'CONNECT') THEN '["CONNECT"]'::json ELSE '[]' END,
    'grantable', CASE WHEN has_database_privilege(d.oid, 'CONNECT WITH GRANT OPTION') THEN '["CONNECT"]'::json ELSE '[]' END
  ), 'version', current_setting('server_version_num')::int, 'administrator', session_user)
FROM pg_database d WHERE d.datname = current_database();
SELECT json_build_object('schema', json_build_object(
    'id', n.oid::int8, 'name', n.nspname, 'owner', pg_get_userbyid(n.nspowner),
    'open', CASE WHEN has_schema_privilege('public', n.oid, 'USAGE') THEN '["USAGE"]'::json ELSE '[]' END,
    'grantable', CASE WHEN has_schema_privilege(n.oid, 'USAGE WITH GRANT OPTION') THEN '["USAGE"]'::json ELSE '[]' END
  ))
FROM pg_namespace n WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' ORDER BY n.oid;
WITH named AS (
  SELECT r.ev_class AS view, d.refobjid AS relation, bool_or(d.refobjsubid > 0) AS read
  FROM pg_rewrite r JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
    AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> r.ev_class
  WHERE r.ev_type = '1' GROUP BY 1, 2
), drawn AS (
  -- What a column's default names, and what belongs to the column.
  SELECT a.adrelid AS relation, d.refobjid AS sequence FROM pg_attrdef a
  JOIN pg_depend d ON d.classid = 'pg_attrdef'::regclass AND d.objid = a.oid AND d.refclassid = 'pg_class'::regclass
  UNION SELECT d.refobjid, d.objid FROM pg_depend d
  WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.deptype = 'a' AND d.refobjsubid > 0
), privileges (name) AS (
  VALUES ('SELECT'), ('INSERT'), ('UPDATE'), ('DELETE'), ('TRUNCATE'), ('USAGE'), ('MAINTAIN')
)
SELECT json_build_object('relation', json_build_object(
    'id', c.oid::int8, 'schema', n.nspname, 'name', c.relname, 'kind', c.relkind, 'owner', pg_get_userbyid(c.relowner),
    'columns', coalesce((
      SELECT json_agg(a.attname ORDER BY a.attnum) FROM pg_attribute a
      WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped), '[]'),
    'key', (SELECT a.attname FROM pg_index i JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
      WHERE i.indrelid = c.oid AND i.indisprimary),
    'reads', CASE WHEN c.relkind = 'v' THEN coalesce((
      SELECT json_agg(v.relation::int8 ORDER BY v.relation) FROM named v WHERE v.view = c.oid AND v.read), '[]') ELSE '[]' END,
    'asCaller', CASE WHEN EXISTS (
      SELECT FROM unnest(c.reloptions) option WHERE option ~ '^security_invoker=' AND split_part(option, '=', 2)::bool
    ) THEN coalesce((SELECT json_agg(v.relation::int8 ORDER BY v.relation) FROM named v WHERE v.view = c.oid), '[]') ELSE '[]' END,
    'sequences', coalesce((
      SELECT json_agg(s.sequence::int8 ORDER BY s.sequence) FROM drawn s JOIN pg_class sequence ON sequence.oid = s.sequence
      WHERE s.relation = c.oid AND sequence.relkind = 'S'), '[]'),
    'open', coalesce((SELECT json_agg(p.name) FROM aclexplode(c.relacl) x JOIN privileges p ON p.name = x.privilege_type
      WHERE x.grantee = 0), '[]'),
    'grantable', CASE WHEN pg_has_role(c.relowner, 'USAGE')
      THEN (SELECT json_agg(p.name) FROM privileges p)
      ELSE coalesce((SELECT json_agg(DISTINCT p.name) FROM aclexplode(c.relacl) x JOIN privileges p ON p.name = x.privilege_type
        WHERE x.is_grantable AND x.grantee <> 0 AND pg_has_role(x.grantee, 'USAGE')), '[]') END
  ))
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
ORDER BY c.oid;
SELECT json_build_object('routine', json_build_object(
    'id', f.oid::int8, 'schema', n.nspname, 'name', f.proname, 'signature', f.oid::regprocedure::text,
    'language', CASE WHEN f.prokind = 'a' THEN coalesce(parts.language, 'internal') ELSE l.lanname END,
    'volatility', CASE coalesce(parts.volatility, f.provolatile::text)
      WHEN 'i' THEN 'immutable' WHEN 's' THEN 'stable' ELSE 'volatile' END,
    'definer', f.prosecdef, 'owner', pg_get_userbyid(f.proowner),
    'open', has_function_privilege('public', f.oid, 'EXECUTE'),
    'grantable', has_function_privilege(f.oid, 'EXECUTE WITH GRANT OPTION')
  ))
FROM pg_proc f JOIN pg_namespace n ON n.oid = f.pronamespace JOIN pg_language l ON l.oid = f.prolang
LEFT JOIN LATERAL (
  -- Itself an aggregate is in no language, and never volatile: it does what it is made of.
  SELECT min(pl.lanname) FILTER (WHERE pl.lanname NOT IN ('c', 'internal')) AS language,
    CASE WHEN bool_or(p.provolatile = 'v') THEN 'v' WHEN bool_or(p.provolatile = 's') THEN 's' ELSE 'i' END AS volatility
  FROM pg_aggregate a CROSS JOIN LATERAL unnest(ARRAY[a.aggtransfn, a.aggfinalfn, a.aggcombinefn, a.aggserialfn,
    a.aggdeserialfn, a.aggmtransfn, a.aggminvtransfn, a.aggmfinalfn]::oid[]) part
  JOIN pg_proc p ON p.oid = part JOIN pg_language pl ON pl.oid = p.prolang
  WHERE a.aggfnoid = f.oid
) parts ON f.prokind = 'a'
WHERE n.nspname <> 'information_schema' AND (n.nspname !~ '^pg_' OR n.nspname = 'pg_catalog' AND f.oid >= 16384)
ORDER BY f.oid;
SELECT json_build_object('policyReads', coalesce(json_agg(DISTINCT d.refobjid::int8), '[]'))
FROM pg_policy p JOIN pg_depend d ON d.classid = 'pg_policy'::regclass AND d.objid = p.oid
  AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> p.polrelid;
SELECT json_build_object('builtins', json_agg(DISTINCT f.proname)) FROM pg_proc f WHERE f.oid < 16384;
COMMIT;
