-- A part of what a user owns here, where that is much: one transaction that drops all of it locks all of it, and the locks that the
-- server has are everybody's. The newest first, since what rests on others is newer. What can't go yet is left.
SET LOCAL gatehouse.minted TO :'user';
SET LOCAL gatehouse.dropped TO '0';
DO $$
DECLARE
  minted oid := (SELECT oid FROM pg_roles WHERE rolname = current_setting('gatehouse.minted'));
  here oid := (SELECT oid FROM pg_database WHERE datname = current_database());
  act text;
  dropped int := 0;
BEGIN
  IF (SELECT count(*) FROM pg_shdepend
    WHERE refclassid = 'pg_authid'::regclass AND refobjid = minted AND deptype = 'o' AND dbid = here) > 100
  THEN
    FOR act IN
      SELECT CASE o.type WHEN 'large object' THEN 'SELECT lo_unlink(' || o.identity || ')'
        WHEN 'statistics object' THEN 'DROP STATISTICS ' || o.identity
        ELSE format('DROP %s %s', o.type, o.identity) END
      FROM pg_shdepend s, LATERAL pg_identify_object(s.classid, s.objid, s.objsubid) o
      WHERE s.refclassid = 'pg_authid'::regclass AND s.refobjid = minted AND s.deptype = 'o' AND s.dbid = here
        AND o.identity IS NOT NULL
        AND o.type IN ('table', 'view', 'materialized view', 'sequence', 'function', 'procedure', 'aggregate', 'type', 'large object',
          'operator', 'collation', 'conversion', 'statistics object', 'text search configuration', 'text search dictionary', 'schema')
      ORDER BY s.objid DESC
    LOOP
      BEGIN
        EXECUTE act;
        dropped := dropped + 1;
      EXCEPTION WHEN OTHERS THEN
        NULL;
      END;
      EXIT WHEN dropped >= 50;
    END LOOP;
  END IF;
  PERFORM set_config('gatehouse.dropped', dropped::text, true);
END
$$;
SELECT current_setting('gatehouse.dropped');
