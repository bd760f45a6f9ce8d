-- What has no owner and hangs on what a user owns. To DROP OWNED it is somebody else's, and would be left with all that it rests on:
-- a trigger on another's table, by a privilege on that, would go on running the user's code with the rights of whoever changes it.
SET LOCAL gatehouse.minted TO :'user';
DO $$
DECLARE
  minted oid := (SELECT oid FROM pg_roles WHERE rolname = current_setting('gatehouse.minted'));
  attached text;
BEGIN
  FOR attached IN
    SELECT format('DROP CAST (%s AS %s)', c.castsource::regtype, c.casttarget::regtype) FROM pg_cast c
    WHERE EXISTS (SELECT FROM pg_type t WHERE t.oid IN (c.castsource, c.casttarget) AND t.typowner = minted)
      -- That of a range to its multirange goes with those.
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_cast'::regclass AND d.objid = c.oid AND d.deptype = 'i')
    -- The table's owner alone may drop a trigger; it goes with its function. Nothing but triggers goes by that.
    UNION ALL SELECT format('DROP FUNCTION %s CASCADE', f.oid::regprocedure) FROM pg_proc f
    WHERE f.proowner = minted
      AND EXISTS (SELECT FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid WHERE t.tgfoid = f.oid AND c.relowner <> minted)
      AND NOT EXISTS (SELECT FROM pg_depend d
        WHERE d.refclassid = 'pg_proc'::regclass AND d.refobjid = f.oid AND d.classid <> 'pg_trigger'::regclass)
  LOOP
    EXECUTE attached;
  END LOOP;
END
$$;
