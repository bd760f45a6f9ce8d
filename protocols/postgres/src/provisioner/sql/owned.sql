-- What a user owns here, in the server's words.
SELECT json_build_object('what', left(pg_describe_object(s.classid, s.objid, s.objsubid), 200))
FROM pg_shdepend s JOIN pg_roles r ON r.oid = s.refobjid
WHERE s.refclassid = 'pg_authid'::regclass AND r.rolname = :'user' AND s.deptype = 'o'
  AND s.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
ORDER BY s.classid, s.objid LIMIT 100;
