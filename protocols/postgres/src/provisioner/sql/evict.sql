-- Ends the connections. One that logged in just before NOLOGIN may show up late: it is looked again until there are none, for a
-- second or two.
SET LOCAL gatehouse.names TO :'names';
SET LOCAL lock_timeout TO '500ms';
DO $$
DECLARE
  minted record;
  remaining int;
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
    -- To end its connections, and to act for it, takes its rights.
    IF NOT pg_has_role(session_user, minted.oid, 'USAGE')
      OR current_setting('server_version_num')::int >= 160000 AND NOT pg_has_role(session_user, minted.oid, 'SET')
    THEN
      BEGIN
        IF current_setting('server_version_num')::int >= 160000 THEN
          EXECUTE format('GRANT %I TO %I WITH INHERIT TRUE, SET TRUE', minted.rolname, session_user);
        ELSE
          EXECUTE format('GRANT %I TO %I', minted.rolname, session_user);
        END IF;
      EXCEPTION WHEN OTHERS THEN
        NULL;
      END;
    END IF;
  END LOOP;
  FOR round IN 1..60 LOOP
    -- Without this, the same moment is shown for the whole transaction.
    PERFORM pg_stat_clear_snapshot();
    remaining := 0;
    FOR minted IN
      SELECT a.pid, r.oid FROM pg_stat_activity a JOIN pg_roles r ON r.oid = a.usesysid
      WHERE r.rolname IN (SELECT json_array_elements_text(current_setting('gatehouse.names')::json))
        AND r.rolname ~ '^gh_[0-9a-z_]+$'
        AND EXISTS (
          SELECT FROM pg_auth_members m JOIN pg_roles marker ON marker.oid = m.roleid
          WHERE m.member = r.oid AND marker.rolname = 'gatehouse_minted'
        )
    LOOP
      remaining := remaining + 1;
      BEGIN
        PERFORM pg_terminate_backend(minted.pid);
      EXCEPTION WHEN OTHERS THEN
        NULL;
      END;
    END LOOP;
    EXIT WHEN remaining = 0;
    PERFORM pg_sleep(0.03);
  END LOOP;
  PERFORM pg_stat_clear_snapshot();
END
$$;
