SET LOCAL gatehouse.minted TO :'user';
DO $$
DECLARE
  carried name;
BEGIN
  FOR carried IN
    SELECT r.rolname FROM pg_auth_members m
    JOIN pg_roles r ON r.oid = m.roleid JOIN pg_roles member ON member.oid = m.member
    WHERE member.rolname = current_setting('gatehouse.minted') AND r.rolname ~ '^gatehouse_[0-9a-f]{12}(_unused)?$'
  LOOP
    EXECUTE format('REVOKE %I FROM %I', carried, current_setting('gatehouse.minted'));
  END LOOP;
END
$$;
