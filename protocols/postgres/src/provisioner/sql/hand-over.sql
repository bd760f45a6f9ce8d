-- Gives what a user owns here to another role, if it is data, and drops the rest: what is code would run with the rights of whoever
-- uses the data next. All or nothing. Nothing of it is run: to drop, and to change an owner, evaluates no expression of the object's.
SET LOCAL gatehouse.minted TO :'user';
SET LOCAL gatehouse.heir TO :'heir';
DO $$
DECLARE
  minted oid := (SELECT oid FROM pg_roles WHERE rolname = current_setting('gatehouse.minted'));
  here oid := (SELECT oid FROM pg_database WHERE datname = current_database());
  attached record;
  code record;
  dropped int;
  remaining int;
  reason text;
BEGIN
  -- What hangs on its tables and runs when they are used. What a partition or child has from its parent goes with that.
  FOR attached IN
    WITH own AS (SELECT c.oid, c.oid::regclass::text AS name FROM pg_class c WHERE c.relowner = minted AND c.relkind IN ('r', 'p')),
    own_code AS (
      SELECT 'pg_proc'::regclass::oid AS class, oid FROM pg_proc WHERE proowner = minted
      UNION ALL SELECT 'pg_operator'::regclass, oid FROM pg_operator WHERE oprowner = minted
      UNION ALL SELECT 'pg_opclass'::regclass, oid FROM pg_opclass WHERE opcowner = minted
    ),
    expressions AS (
      SELECT 'pg_attrdef'::regclass::oid AS class, d.oid, d.adrelid AS relation, d.adbin::text AS tree FROM pg_attrdef d
      UNION ALL SELECT 'pg_constraint'::regclass, k.oid, k.conrelid, k.conbin::text FROM pg_constraint k WHERE k.contype = 'c'
    ),
    -- PostgreSQL's own functions, and of these none that could be told to do things (query_to_xml runs any statement).
    calls AS (
      SELECT e.class, e.oid, f.function FROM expressions e JOIN own ON own.oid = e.relation,
      LATERAL (
        SELECT m[1]::oid AS function FROM regexp_matches(e.tree, ':(?:funcid|opfuncid) ([0-9]+)', 'g') m WHERE m[1] <> '0'
        UNION SELECT o.oprcode FROM regexp_matches(e.tree, ':opno ([0-9]+)', 'g') m JOIN pg_operator o ON o.oid = m[1]::oid
      ) f
    ),
    suspect AS (
      SELECT DISTINCT calls.class, calls.oid FROM calls LEFT JOIN pg_proc p ON p.oid = calls.function
      WHERE p.oid IS NULL OR p.oid >= 16384 OR p.provolatile = 'v'
        AND p.proname NOT IN ('nextval', 'gen_random_uuid', 'uuidv4', 'uuidv7', 'random', 'clock_timestamp', 'timeofday')
    )
    SELECT 1 AS turn, format('DROP TRIGGER %I ON %s', t.tgname, own.name) AS act
      FROM pg_trigger t JOIN own ON own.oid = t.tgrelid
      WHERE NOT t.tgisinternal AND coalesce((to_jsonb(t) ->> 'tgparentid')::oid, 0) = 0
    UNION ALL SELECT 1, format('DROP RULE %I ON %s', r.rulename, own.name)
      FROM pg_rewrite r JOIN own ON own.oid = r.ev_class
    UNION ALL SELECT 1, format('DROP POLICY %I ON %s', p.polname, own.name)
      FROM pg_policy p JOIN own ON own.oid = p.polrelid
    UNION ALL SELECT 2, format('ALTER TABLE %s DROP CONSTRAINT %I', own.name, k.conname)
      FROM pg_constraint k JOIN own ON own.oid = k.conrelid
      WHERE k.coninhcount = 0 AND (k.oid IN (SELECT oid FROM suspect WHERE class = 'pg_constraint'::regclass)
        OR k.contype = 'x' AND EXISTS (
          SELECT FROM pg_depend d JOIN own_code o ON o.class = d.refclassid AND o.oid = d.refobjid
          WHERE (d.classid = 'pg_constraint'::regclass AND d.objid = k.oid) OR (d.classid = 'pg_class'::regclass AND d.objid = k.conindid)))
    UNION ALL SELECT 2, format('ALTER TABLE %s ALTER COLUMN %I DROP %s', own.name, a.attname,
        CASE a.attgenerated WHEN '' THEN 'DEFAULT' ELSE 'EXPRESSION' END)
      FROM pg_attrdef d JOIN own ON own.oid = d.adrelid
      JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
      WHERE d.oid IN (SELECT oid FROM suspect WHERE class = 'pg_attrdef'::regclass)
        AND NOT EXISTS (SELECT FROM pg_attribute up JOIN pg_inherits i ON i.inhparent = up.attrelid
          WHERE i.inhrelid = a.attrelid AND up.attname = a.attname AND a.attgenerated <> '')
    UNION ALL SELECT 2, format('DROP INDEX %s', x.indexrelid::regclass)
      FROM pg_index x JOIN own ON own.oid = x.indrelid JOIN pg_class c ON c.oid = x.indexrelid
      WHERE NOT c.relispartition AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = x.indexrelid AND k.contype = 'x')
        AND EXISTS (
          SELECT FROM pg_depend d JOIN own_code o ON o.class = d.refclassid AND o.oid = d.refobjid
          WHERE d.classid = 'pg_class'::regclass AND d.objid = x.indexrelid)
    UNION ALL SELECT 3, format('ALTER DOMAIN %s DROP CONSTRAINT %I', k.contypid::regtype, k.conname)
      FROM pg_constraint k JOIN pg_type y ON y.oid = k.contypid WHERE y.typowner = minted AND k.contype = 'c'
    -- Of all, and last: to drop a constraint leaves something open that keeps 18 from a subtransaction, up to the next change of a catalog.
    UNION ALL SELECT 4, format('ALTER DOMAIN %s DROP DEFAULT', y.oid::regtype)
      FROM pg_type y WHERE y.typowner = minted AND y.typtype = 'd'
    ORDER BY 1
  LOOP
    EXECUTE attached.act;
  END LOOP;

  -- Code, the newest first; until what rests on other code has gone with the round before.
  LOOP
    dropped := 0;
    remaining := 0;
    FOR code IN
      SELECT o.type, o.identity FROM pg_shdepend s,
        LATERAL pg_identify_object(s.classid, s.objid, s.objsubid) o
      WHERE s.refclassid = 'pg_authid'::regclass AND s.refobjid = minted AND s.deptype = 'o' AND s.dbid = here
        AND o.identity IS NOT NULL
        AND o.type IN ('view', 'materialized view', 'foreign table', 'function', 'procedure', 'aggregate', 'operator', 'operator class',
          'operator family', 'conversion', 'text search configuration', 'text search dictionary', 'statistics object',
          'foreign-data wrapper', 'server', 'publication', 'event trigger', 'language', 'extension')
      ORDER BY s.objid DESC
    LOOP
      BEGIN
        EXECUTE format('DROP %s %s', CASE code.type WHEN 'foreign-data wrapper' THEN 'FOREIGN DATA WRAPPER'
          WHEN 'statistics object' THEN 'STATISTICS' ELSE code.type END, code.identity);
        dropped := dropped + 1;
      EXCEPTION WHEN dependent_objects_still_exist OR undefined_object OR undefined_function OR undefined_table THEN
        remaining := remaining + 1;
        GET STACKED DIAGNOSTICS reason = PG_EXCEPTION_DETAIL;
      END;
    END LOOP;
    EXIT WHEN remaining = 0 OR dropped = 0;
  END LOOP;

  -- What is left has to be data, whatever kinds of code there may be one day.
  SELECT coalesce(nullif(reason, ''), pg_describe_object(s.classid, s.objid, s.objsubid) || ' can''t be handed over') INTO reason
  FROM pg_shdepend s
  WHERE s.refclassid = 'pg_authid'::regclass AND s.refobjid = minted AND s.deptype = 'o' AND s.dbid IN (0, here)
    AND NOT (
      s.classid IN ('pg_namespace'::regclass, 'pg_largeobject'::regclass, 'pg_collation'::regclass)
      -- These are dropped below.
      OR s.classid IN ('pg_default_acl'::regclass, 'pg_user_mapping'::regclass)
      OR s.classid = 'pg_class'::regclass AND (SELECT relkind IN ('r', 'p', 'S', 'c') FROM pg_class WHERE oid = s.objid)
      OR s.classid = 'pg_type'::regclass AND (SELECT typtype IN ('e', 'c', 'r', 'm', 'd') FROM pg_type WHERE oid = s.objid)
      -- Memberships that it has granted.
      OR s.classid = 'pg_auth_members'::regclass
    ) LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION USING ERRCODE = '2BP01', MESSAGE = 'not all can be handed over', DETAIL = reason;
  END IF;
  EXECUTE format('REASSIGN OWNED BY %I TO %I', current_setting('gatehouse.minted'), current_setting('gatehouse.heir'));
  EXECUTE format('DROP OWNED BY %I', current_setting('gatehouse.minted'));
END
$$;
