-- Who the gateway is at this server, and which server it is.
SELECT json_build_object(
  'version', current_setting('server_version_num')::int,
  'now', extract(epoch FROM clock_timestamp())::float8 * 1000,
  'user', r.rolname,
  'superuser', r.rolsuper,
  'marker', EXISTS (SELECT FROM pg_roles WHERE rolname = 'gatehouse_minted')
) FROM pg_roles r WHERE r.rolname = session_user;
