-- What there is of these users.
SELECT json_build_object(
  'name', r.rolname,
  'armed', r.rolcanlogin,
  'connections', (SELECT count(*) FROM pg_stat_activity a WHERE a.usesysid = r.oid),
  'prepared', coalesce((
    SELECT json_agg(json_build_object('database', x.database, 'gid', x.gid)) FROM (
      SELECT p.database, p.gid FROM pg_prepared_xacts p WHERE p.owner = r.rolname LIMIT 100
    ) x
  ), '[]'),
  'databases', coalesce((
    -- What is shared by all databases can be seen to from any.
    SELECT json_agg(DISTINCT coalesce(d.datname, current_database()))
    FROM pg_shdepend s LEFT JOIN pg_database d ON d.oid = s.dbid
    WHERE s.refclassid = 'pg_authid'::regclass AND s.refobjid = r.oid
  ), '[]')
)
FROM pg_roles r
WHERE r.rolname IN (SELECT json_array_elements_text((:'names')::json))
  AND r.rolname ~ '^gh_[0-9a-z_]+$'
  AND EXISTS (
    SELECT FROM pg_auth_members m JOIN pg_roles marker ON marker.oid = m.roleid
    WHERE m.member = r.oid AND marker.rolname = 'gatehouse_minted'
  );
