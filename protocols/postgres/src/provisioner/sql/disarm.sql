-- From here on there is no log-in, and nothing that it owns has rights: code that runs as its owner, above all. Each on its own,
-- so that one that somebody locks does not keep the others. Names have no schema here: search_path is pg_catalog, where no user
-- can put an operator or function.
SET LOCAL gatehouse.names TO :'names';
SET LOCAL lock_timeout TO '500ms';
DO $$
DECLARE
  minted record;
  other record;
BEGIN
  FOR minted IN
    SELECT r.oid, r.rolname FROM pg_roles r
    WHERE r.rolname IN (SELECT json_array_elements_text(current_setting('gatehouse.names')::json))
      AND r.rolname ~ '^gh_[0-9a-z_]+$'
      AND EXISTS (
        SELECT FROM pg_auth_members m JOIN pg_roles marker ON marker.oid = m.roleid
        WHERE m.member = r.oid AND marker.rolname = 'gatehouse_minted'
      )
  LOOP
    BEGIN
      EXECUTE format('ALTER ROLE %I NOLOGIN PASSWORD NULL CONNECTION LIMIT 0', minted.rolname);
    EXCEPTION WHEN OTHERS THEN
      -- Its own transaction has its row: that ends with its connections, and the next round gets here.
      NULL;
    END;
    FOR other IN
      SELECT DISTINCT r.rolname FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.roleid
      WHERE m.member = minted.oid AND r.rolname <> 'gatehouse_minted'
    LOOP
      BEGIN
        EXECUTE format('REVOKE %I FROM %I CASCADE', other.rolname, minted.rolname);
      EXCEPTION WHEN OTHERS THEN
        -- Somebody else's to take back. It goes with the role.
        NULL;
      END;
    END LOOP;
  END LOOP;
END
$$;
