/** Routines that say when they run, and ways in which a statement makes them run without naming them. */

/** One that says `ran:` and its name. */
function saying(head: string, rest: string): string {
  const name = /^\w+/.exec(head)?.[0] ?? "";
  return `CREATE FUNCTION ${head} LANGUAGE plpgsql ${rest.replace("BEGIN", `BEGIN RAISE NOTICE 'ran:public.${name}';`)};`;
}

export const schema = `
  ${saying("own(text) RETURNS text", "AS $$ BEGIN RETURN $1; END $$")}
  ${saying("number_of(int) RETURNS int", "IMMUTABLE AS $$ BEGIN RETURN $1; END $$")}
  ${saying("checked(text) RETURNS bool", "IMMUTABLE AS $$ BEGIN RETURN true; END $$")}
  ${saying("shown(int) RETURNS bool", "STABLE AS $$ BEGIN RETURN true; END $$")}
  ${saying("stamped() RETURNS trigger", "AS $$ BEGIN RETURN coalesce(NEW, OLD); END $$")}

  CREATE TABLE plain (id int, note text);
  INSERT INTO plain VALUES (1, 'x'), (2, 'y');
  CREATE TABLE people (id int PRIMARY KEY, email text);
  INSERT INTO people VALUES (1, 'a'), (2, 'b');
  CREATE VIEW contacts AS SELECT id, email FROM people;

  ${saying("full_name(people) RETURNS text", "AS $$ BEGIN RETURN 'x'; END $$")}
  ${saying("length(people) RETURNS int", "AS $$ BEGIN RETURN 1; END $$")}

  CREATE FUNCTION step(text, text) RETURNS text LANGUAGE plpgsql IMMUTABLE
    AS $$ BEGIN RAISE NOTICE 'ran:public.sum'; RETURN $2; END $$;
  CREATE AGGREGATE sum(text) (SFUNC = step, STYPE = text);
  CREATE VIEW summed AS SELECT sum(note) FROM plain;

  CREATE DOMAIN code AS text CHECK (checked(VALUE));
  CREATE DOMAIN short_code AS code CHECK (length(VALUE) < 9);
  CREATE DOMAIN given AS text DEFAULT own('d');
  CREATE DOMAIN counted AS int CHECK (number_of(VALUE) > 0);
  CREATE TYPE coded_pair AS (a int, c short_code);
  CREATE TYPE nested AS (a int, c coded_pair[]);
  CREATE TYPE counted_range AS RANGE (subtype = counted);
  CREATE TABLE coded (code short_code);
  CREATE TABLE code_lists (codes short_code[]);
  CREATE TABLE code_pairs (pair coded_pair);
  CREATE TABLE nestings (one nested);
  CREATE TABLE givens (id int, c given);

  CREATE TYPE pair AS (a int, b int);
  CREATE TABLE pairs (p pair, list pair[]);
  INSERT INTO pairs VALUES (ROW(1, 2), ARRAY[ROW(3, 4)::pair]);
  ${saying("pair_text(pair) RETURNS text", "IMMUTABLE AS $$ BEGIN RETURN 'x'; END $$")}
  CREATE CAST (pair AS text) WITH FUNCTION pair_text(pair) AS IMPLICIT;
  ${saying("people_text(people) RETURNS text", "IMMUTABLE AS $$ BEGIN RETURN 'x'; END $$")}
  CREATE CAST (people AS text) WITH FUNCTION people_text(people) AS IMPLICIT;
  ${saying("moment(int) RETURNS timestamp", "IMMUTABLE AS $$ BEGIN RETURN now(); END $$")}
  CREATE CAST (int AS timestamp) WITH FUNCTION moment(int) AS ASSIGNMENT;
  CREATE TABLE moments (at timestamp);

  ${saying("a_pair() RETURNS pair", "AS $$ BEGIN RETURN ROW(1, 2)::pair; END $$")}
  ${saying("takes_code(short_code) RETURNS int", "AS $$ BEGIN RETURN 1; END $$")}
  CREATE TABLE staff (id int);
  CREATE TABLE managers () INHERITS (staff);
  INSERT INTO managers VALUES (1);
  ${saying("rank_of(staff) RETURNS int", "AS $$ BEGIN RETURN 1; END $$")}
  ${saying("fields_of(record) RETURNS int", "AS $$ BEGIN RETURN 1; END $$")}
  ${saying("members(VARIADIC people[]) RETURNS int", "AS $$ BEGIN RETURN 1; END $$")}

  CREATE TYPE solo AS (x int);
  ${saying("solo_cmp(solo, solo) RETURNS int", "IMMUTABLE AS $$ BEGIN RETURN ($1).x - ($2).x; END $$")}
  ${saying("solo_eq(solo, solo) RETURNS bool", "IMMUTABLE AS $$ BEGIN RETURN ($1).x = ($2).x; END $$")}
  ${saying("solo_lt(solo, solo) RETURNS bool", "IMMUTABLE AS $$ BEGIN RETURN ($1).x < ($2).x; END $$")}
  CREATE OPERATOR <# (LEFTARG = solo, RIGHTARG = solo, FUNCTION = solo_lt);
  CREATE OPERATOR =# (LEFTARG = solo, RIGHTARG = solo, FUNCTION = solo_eq);
  CREATE OPERATOR CLASS solo_ops DEFAULT FOR TYPE solo USING btree
    AS OPERATOR 1 <#, OPERATOR 3 =#, FUNCTION 1 solo_cmp(solo, solo);
  CREATE TABLE solos (s solo);
  INSERT INTO solos VALUES (ROW(1)), (ROW(2)), (ROW(1));
  ${saying("text_cmp(text, text) RETURNS int", "IMMUTABLE AS $$ BEGIN RETURN bttextcmp($1, $2); END $$")}
  CREATE OPERATOR CLASS own_text_ops FOR TYPE text USING btree
    AS OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 1 text_cmp(text, text);
  CREATE TABLE ordered (n text);
  CREATE INDEX ON ordered (n own_text_ops);
  INSERT INTO ordered VALUES ('a'), ('b');

  CREATE TABLE measured (day date, value int) PARTITION BY RANGE (day);
  CREATE TABLE measured_2026 PARTITION OF measured FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
  CREATE TABLE measured_2027 PARTITION OF measured FOR VALUES FROM ('2027-01-01') TO ('2028-01-01');
  CREATE TRIGGER stamp AFTER INSERT ON measured_2027 FOR EACH ROW EXECUTE FUNCTION stamped();
  INSERT INTO measured VALUES ('2026-05-05', 1);
  CREATE TABLE divided (a int) PARTITION BY RANGE (number_of(a));
  CREATE TABLE divided_low PARTITION OF divided FOR VALUES FROM (0) TO (100);

  CREATE VIEW shown_people AS SELECT id FROM people WHERE shown(id);
  CREATE TABLE secured (id int);
  INSERT INTO secured VALUES (1);
  ALTER TABLE secured ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
  CREATE POLICY own_rows ON secured USING (id IN (SELECT id FROM shown_people));

  CREATE TABLE watched (id int);
  INSERT INTO watched VALUES (1);
  CREATE TRIGGER stamp BEFORE UPDATE ON watched FOR EACH ROW EXECUTE FUNCTION stamped();
  CREATE TABLE silenced (id int);
  INSERT INTO silenced VALUES (1);
  CREATE TRIGGER stamp BEFORE UPDATE ON silenced FOR EACH ROW EXECUTE FUNCTION stamped();
  ALTER TABLE silenced DISABLE TRIGGER stamp;
  CREATE TABLE defaulted (id int, code text DEFAULT own('x'));

  CREATE DOMAIN way AS text CHECK (set_config('search_path', VALUE, false) IS NOT NULL);
  CREATE TABLE paths (p way);
  CREATE TABLE path_by_default (id int, p text DEFAULT set_config('search_path', 'elsewhere', false));
  CREATE TABLE path_by_check (p text CHECK (set_config('search_path', p, false) IS NOT NULL));
  CREATE AGGREGATE avg(text, bool) (SFUNC = pg_catalog.set_config, STYPE = text, INITCOND = 'search_path');
`;

/** By what makes something run. */
export const ways: Readonly<Record<string, readonly string[]>> = {
  "functions that look like columns": [
    "SELECT people.full_name FROM people",
    "SELECT p.length FROM people p",
    "SELECT p.id FROM people p ORDER BY p.full_name",
    "WITH p AS (SELECT * FROM people) SELECT p.full_name FROM p",
    "SELECT x.* FROM people p, LATERAL (SELECT p.full_name) x",
    "UPDATE people SET email = people.full_name",
    "INSERT INTO people VALUES (7) RETURNING people.full_name",
    "UPDATE people SET email = 'x' WHERE id = 2 RETURNING old.full_name",
    "SELECT m.rank_of FROM managers m",
    "SELECT s.fields_of FROM (SELECT 1 AS a) s",
    "SELECT p.members FROM people p",
  ],
  "aggregates that have the name of one of PostgreSQL's own": [
    "SELECT sum(note) FROM plain",
    "SELECT sum('x')",
    "SELECT sum(note) OVER () FROM plain",
    "SELECT * FROM summed",
  ],
  "checks of domains, wherever values are made": [
    "SELECT '(1,a)'::coded_pair",
    "SELECT ROW(1, 'a')::coded_pair",
    `SELECT '(1,"{""(1,a)""}")'::nested`,
    "SELECT '{a}'::short_code[]",
    "SELECT short_code('a')",
    "SELECT '[1,5)'::counted_range",
    "SELECT counted_range(1, 5)",
    "INSERT INTO code_lists VALUES ('{a}')",
    "INSERT INTO code_pairs VALUES (ROW(1, 'a'))",
    "INSERT INTO code_pairs (pair.c) VALUES ('a')",
    `INSERT INTO nestings VALUES ('(1,"{""(1,a)""}")')`,
    'SELECT * FROM json_to_record(\'{"a":"x"}\') AS x (a short_code)',
    'SELECT * FROM json_populate_record(NULL::coded_pair, \'{"c":"x"}\')',
    "SELECT * FROM JSON_TABLE('{\"a\":\"x\"}', '$' COLUMNS (a short_code PATH '$.a')) j",
    "SELECT JSON_VALUE('{\"a\":\"x\"}', '$.a' RETURNING short_code)",
    "SELECT * FROM XMLTABLE('/a' PASSING XML '<a>x</a>' COLUMNS c short_code PATH '.')",
    "PREPARE q (short_code) AS SELECT $1; EXECUTE q ('a')",
    "SELECT pg_input_is_valid('x', 'short_code')",
    "SELECT array_in('{x}'::cstring, 'short_code'::regtype, -1)",
    "SELECT record_in('(1,x)'::cstring, 'coded_pair'::regtype, -1)",
    "ALTER TABLE plain ADD COLUMN z short_code DEFAULT 'x'",
  ],
  "defaults of domains": ["INSERT INTO givens (id) VALUES (1)", "ALTER TABLE plain ADD COLUMN z given"],
  "casts that nobody writes": [
    "SELECT list::text[] FROM pairs",
    "SELECT people::text FROM people",
    "SELECT upper(people) FROM people",
    "INSERT INTO plain (note) SELECT people FROM people",
    "SELECT 5::timestamp",
    "INSERT INTO moments VALUES (5)",
  ],
  "what functions are given, and what they give": [
    "SELECT a_pair()::text",
    "SELECT upper(a_pair())",
    "SELECT takes_code('a')",
  ],
  "what orders a type": [
    "SELECT s FROM solos ORDER BY s",
    "SELECT DISTINCT s FROM solos",
    "SELECT s FROM solos UNION SELECT s FROM solos",
    "SELECT greatest(s, s) FROM solos",
    "SELECT count(*) OVER (PARTITION BY s) FROM solos",
    "SELECT solos FROM solos ORDER BY solos",
    "SELECT ROW(1)::solo AS x UNION SELECT ROW(2)::solo",
    "INSERT INTO ordered VALUES ('a')",
  ],
  partitions: ["UPDATE measured SET day = '2027-02-02'", "INSERT INTO divided_low VALUES (1)"],
  "row policies that read views": ["SELECT * FROM secured", "DELETE FROM secured WHERE id = 1"],
  "what was defined before it in the text": [
    "CREATE TABLE fresh (x short_code DEFAULT 'x'); INSERT INTO fresh DEFAULT VALUES",
    "CREATE TABLE coded_too AS SELECT * FROM coded; INSERT INTO coded_too VALUES ('a')",
    "CREATE TEMP TABLE c (LIKE defaulted INCLUDING ALL); INSERT INTO c (id) VALUES (1)",
    "ALTER TABLE watched RENAME TO w; UPDATE w SET id = 2",
    "ALTER TABLE silenced ENABLE TRIGGER stamp; UPDATE silenced SET id = 2",
  ],
};

/** They set the search_path, by no function but PostgreSQL's own. */
export const settings: readonly string[] = [
  "SELECT 'elsewhere'::way",
  "SELECT pg_input_is_valid('elsewhere', 'way')",
  "INSERT INTO paths VALUES ('elsewhere')",
  "INSERT INTO path_by_default (id) VALUES (1)",
  "INSERT INTO path_by_check VALUES ('elsewhere')",
  "SELECT avg('elsewhere', false)",
];
