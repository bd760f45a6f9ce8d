-- Which transactions have written the rows that `objects` reads: whatever changes a row writes a new one. And whose owners'
-- rights the administrator has.
SELECT json_build_object('fingerprint', md5(concat_ws(' ',
  (SELECT sum(hashint8extended((c.oid::int8 << 32) | c.xmin::text::int8, 0)) FROM pg_class c
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND c.relpersistence <> 't'),
  (SELECT sum(hashint8extended((a.attrelid::int8 << 32) | a.xmin::text::int8, a.attnum)) FROM pg_attribute a
    JOIN pg_class c ON c.oid = a.attrelid
    WHERE a.attnum > 0 AND a.attrelid >= 16384 AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.relpersistence <> 't'),
  (SELECT sum(hashint8extended((f.oid::int8 << 32) | f.xmin::text::int8, 0)) FROM pg_proc f WHERE f.oid >= 16384),
  (SELECT sum(hashint8extended((n.oid::int8 << 32) | n.xmin::text::int8, 0)) FROM pg_namespace n
    WHERE n.nspname !~ '^pg_(toast_)?temp'),
  (SELECT sum(hashint8extended((r.oid::int8 << 32) | r.xmin::text::int8, 0)) FROM pg_rewrite r WHERE r.oid >= 16384),
  (SELECT sum(hashint8extended((p.oid::int8 << 32) | p.xmin::text::int8, 0)) FROM pg_policy p),
  (SELECT sum(hashint8extended((a.oid::int8 << 32) | a.xmin::text::int8, 0)) FROM pg_attrdef a),
  (SELECT d.xmin FROM pg_database d WHERE d.datname = current_database()),
  (SELECT string_agg(owner::text, ',' ORDER BY owner) FROM (
    SELECT relowner AS owner FROM pg_class UNION SELECT proowner FROM pg_proc UNION SELECT nspowner FROM pg_namespace
  ) o WHERE pg_has_role(owner, 'USAGE'))
)));
