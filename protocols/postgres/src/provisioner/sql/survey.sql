-- Users that this administrator has marked. Before PostgreSQL 16 it could remove those of others, too, and would not see whether their
-- gateways are there: of another's connections only a superuser sees the application's name. A superuser's marks are the
-- bootstrap superuser's since 16, so to one all marks count, and the presence that only superusers and makers of roles can claim.
WITH administrator AS (SELECT oid, rolsuper FROM pg_roles WHERE rolname = session_user),
connections AS (
  SELECT usesysid, count(*) AS count FROM pg_stat_activity WHERE usesysid IS NOT NULL GROUP BY usesysid
)
SELECT json_build_object(
  'now', extract(epoch FROM clock_timestamp())::float8 * 1000,
  'users', coalesce((
    SELECT json_agg(json_build_object(
      'name', r.rolname, 'canLogIn', r.rolcanlogin, 'connections', coalesce(c.count, 0)))
    FROM pg_roles r LEFT JOIN connections c ON c.usesysid = r.oid
    WHERE r.rolname ~ '^gh_[0-9a-z_]+$' AND EXISTS (
      SELECT FROM pg_auth_members m JOIN pg_roles marker ON marker.oid = m.roleid
      WHERE m.member = r.oid AND marker.rolname = 'gatehouse_minted'
        AND (administrator.rolsuper OR m.grantor = administrator.oid)
    )
  ), '[]'),
  'present', coalesce((
    SELECT json_agg(DISTINCT substr(a.application_name, length('gatehouse ') + 1))
    FROM pg_stat_activity a LEFT JOIN pg_roles r ON r.oid = a.usesysid
    WHERE a.application_name ~ '^gatehouse [0-9a-z]{8}$'
      AND (a.usesysid = administrator.oid OR administrator.rolsuper AND (r.rolsuper OR r.rolcreaterole))
  ), '[]')
) FROM administrator;
