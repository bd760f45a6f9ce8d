SELECT json_build_object('marked', EXISTS (
  SELECT FROM pg_auth_members m JOIN pg_roles marker ON marker.oid = m.roleid
  WHERE m.member = r.oid AND marker.rolname = 'gatehouse_minted'
))
FROM pg_roles r WHERE r.rolname = :'role';
