-- The role itself, or, where another gateway has found it without users, that which it has become.
SELECT json_build_object('name', r.rolname, 'marked', EXISTS (
  SELECT FROM pg_auth_members m JOIN pg_roles marker ON marker.oid = m.roleid
  WHERE m.member = r.oid AND marker.rolname = 'gatehouse_minted'
))
FROM pg_roles r WHERE r.rolname IN (:'role', :'unused') ORDER BY r.rolname LIMIT 1;
