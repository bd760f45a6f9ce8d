-- Roles that carry what a level may do and that no user has any more, each on its own. First such a role gets another name, so that
-- no gateway makes a user its member any more; it is dropped the next time, when whoever did so at that moment can be seen. What
-- roles may do in other databases is for those who ask there.
SET LOCAL gatehouse.keep TO :'keep';
SET LOCAL lock_timeout TO '500ms';
DO $$
DECLARE
  unused name;
BEGIN
  FOR unused IN
    SELECT r.rolname FROM pg_roles r
    WHERE r.rolname ~ '^gatehouse_[0-9a-f]{12}(_unused)?$' AND NOT r.rolcanlogin
      AND r.rolname NOT IN (SELECT json_array_elements_text(current_setting('gatehouse.keep')::json))
      AND EXISTS (
        SELECT FROM pg_auth_members m
        JOIN pg_roles marker ON marker.oid = m.roleid JOIN pg_roles me ON me.rolname = session_user
        WHERE m.member = r.oid AND marker.rolname = 'gatehouse_minted'
      )
      AND NOT EXISTS (
        SELECT FROM pg_auth_members m JOIN pg_roles member ON member.oid = m.member
        WHERE m.roleid = r.oid AND member.rolname <> session_user AND NOT member.rolsuper
      )
      AND NOT EXISTS (
        SELECT FROM pg_shdepend s JOIN pg_database d ON d.oid = s.dbid
        WHERE s.refclassid = 'pg_authid'::regclass AND s.refobjid = r.oid AND d.datname <> current_database()
      )
  LOOP
    BEGIN
      IF unused ~ '_unused$' THEN
        -- To take back what a role was granted, one needs its rights.
        EXECUTE format('GRANT %I TO %I', unused, session_user);
        EXECUTE format('DROP OWNED BY %I', unused);
        EXECUTE format('DROP ROLE %I', unused);
      ELSE
        EXECUTE format('ALTER ROLE %I RENAME TO %I', unused, unused || '_unused');
      END IF;
    EXCEPTION WHEN OTHERS THEN
      -- Somebody holds a lock, or has been quicker: it is tried again the next time.
      NULL;
    END;
  END LOOP;
END
$$;
