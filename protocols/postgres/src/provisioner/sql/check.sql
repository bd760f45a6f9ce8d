-- What there is of all that it takes to make users with these roles.
WITH RECURSIVE asked AS (SELECT json_array_elements_text((:'roles')::json) AS name),
administrator AS (SELECT * FROM pg_roles WHERE rolname = session_user),
named AS (SELECT r.* FROM pg_roles r JOIN asked ON asked.name = r.rolname),
-- The named ones, and all that each of them is a member of.
reached(root, oid) AS (
  SELECT oid, oid FROM named
  UNION SELECT reached.root, m.roleid FROM reached JOIN pg_auth_members m ON m.member = reached.oid
)
SELECT json_build_object(
  'administrator', json_build_object(
    'name', administrator.rolname, 'quoted', quote_ident(administrator.rolname), 'createrole', administrator.rolcreaterole,
    'inherit', administrator.rolinherit, 'replication', administrator.rolreplication),
  'code', EXISTS (SELECT FROM pg_language WHERE lanname = 'plpgsql' AND has_language_privilege(oid, 'USAGE')),
  'database', quote_ident(current_database()),
  'connect', has_database_privilege('public', current_database(), 'CONNECT')
    OR EXISTS (SELECT FROM named WHERE has_database_privilege(named.oid, current_database(), 'CONNECT')),
  'roles', coalesce((SELECT json_agg(json_build_object(
    'name', asked.name, 'quoted', quote_ident(asked.name), 'exists', r.oid IS NOT NULL,
    'superuser', coalesce(r.rolsuper, false),
    'admin', coalesce(pg_has_role(r.oid, 'MEMBER WITH ADMIN OPTION'), false),
    'usable', coalesce(pg_has_role(r.oid, 'USAGE'), false),
    'dangers', coalesce((
      SELECT json_agg(json_build_object('role', d.rolname, 'why', d.why)) FROM (
        SELECT o.rolname, CASE
          WHEN o.rolsuper THEN 'is a superuser'
          WHEN o.rolcreaterole THEN 'has CREATEROLE'
          WHEN o.rolreplication THEN 'has REPLICATION'
          WHEN o.rolbypassrls THEN 'has BYPASSRLS'
          WHEN o.oid = administrator.oid THEN 'is the administrator'
          WHEN o.rolname = 'gatehouse_minted' THEN 'is the marker of the gateway''s own roles'
          WHEN o.rolname IN ('pg_execute_server_program', 'pg_write_server_files', 'pg_read_server_files')
            THEN 'reaches the server''s machine'
          WHEN EXISTS (SELECT FROM pg_auth_members m WHERE m.member = o.oid AND m.admin_option)
            THEN 'may grant roles'
        END AS why
        FROM reached JOIN pg_roles o ON o.oid = reached.oid WHERE reached.root = r.oid
      ) d WHERE d.why IS NOT NULL
    ), '[]')
  )) FROM asked LEFT JOIN pg_roles r ON r.rolname = asked.name), '[]'),
  'others', coalesce((
    SELECT json_agg(rolname) FROM (SELECT rolname FROM pg_roles WHERE rolname !~ '^(pg_|gh_)' LIMIT 1000) r), '[]')
) FROM administrator;
