-- Those that can still log in: what is being removed is not let in again.
SET LOCAL gatehouse.names TO :'names';
SET LOCAL gatehouse.until TO :'until';
SET LOCAL lock_timeout TO '500ms';
DO $$
DECLARE
  minted name;
BEGIN
  FOR minted IN
    SELECT r.rolname FROM pg_roles r
    WHERE r.rolname IN (SELECT json_array_elements_text(current_setting('gatehouse.names')::json))
      AND r.rolname ~ '^gh_[0-9a-z_]+$' AND r.rolcanlogin
      AND EXISTS (
        SELECT FROM pg_auth_members m JOIN pg_roles marker ON marker.oid = m.roleid
        WHERE m.member = r.oid AND marker.rolname = 'gatehouse_minted'
      )
    ORDER BY r.rolname
  LOOP
    BEGIN
      EXECUTE format('ALTER ROLE %I VALID UNTIL %L', minted, current_setting('gatehouse.until'));
    EXCEPTION WHEN OTHERS THEN
      -- It can lock its own row, and goes without. The others do not.
      NULL;
    END;
  END LOOP;
END
$$;
