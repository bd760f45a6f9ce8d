-- Before PostgreSQL 16 a member can become the marker, and make things as it. Where it has done so.
SELECT json_build_object('database', o.datname) FROM (
  SELECT DISTINCT d.datname FROM pg_shdepend s JOIN pg_database d ON d.oid = s.dbid
  WHERE s.refclassid = 'pg_authid'::regclass AND s.deptype = 'o'
    AND s.refobjid = (SELECT oid FROM pg_roles WHERE rolname = 'gatehouse_minted')
) o;
