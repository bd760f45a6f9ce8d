-- Those that have no connection any more, each on its own.
SET LOCAL gatehouse.names TO :'names';
SET LOCAL gatehouse.failed TO '{}';
SET LOCAL lock_timeout TO '500ms';
DO $$
DECLARE
  minted name;
  code text;
  reason text;
  detail text;
BEGIN
  FOR minted IN
    SELECT r.rolname FROM pg_roles r
    WHERE r.rolname IN (SELECT json_array_elements_text(current_setting('gatehouse.names')::json))
      AND r.rolname ~ '^gh_[0-9a-z_]+$' AND NOT r.rolcanlogin
      AND EXISTS (
        SELECT FROM pg_auth_members m JOIN pg_roles marker ON marker.oid = m.roleid
        WHERE m.member = r.oid AND marker.rolname = 'gatehouse_minted'
      )
      AND NOT EXISTS (SELECT FROM pg_stat_activity a WHERE a.usesysid = r.oid)
  LOOP
    BEGIN
      EXECUTE format('DROP ROLE %I', minted);
    EXCEPTION WHEN OTHERS THEN
      GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, reason = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
      PERFORM set_config('gatehouse.failed', (current_setting('gatehouse.failed')::jsonb || jsonb_build_object(
        minted::text, json_build_object('sqlstate', code, 'reason', left(coalesce(nullif(detail, ''), reason), 500))
      ))::text, true);
    END;
  END LOOP;
END
$$;
SELECT current_setting('gatehouse.failed');
