/** What the lineage's tests run against: each kind of relation that values come by. */
export const SCHEMA = `
  CREATE TABLE customers (id int PRIMARY KEY, name text, email text UNIQUE, tags text[], doc jsonb);
  CREATE TABLE orders (id int PRIMARY KEY, customer_id int, status text, total numeric);
  CREATE TABLE copies (a text, b text);
  CREATE VIEW contacts AS SELECT id, name, email AS contact FROM customers;
  CREATE VIEW shouted AS SELECT id, upper(contact) AS loud FROM contacts;
  CREATE VIEW reachable AS SELECT id FROM customers WHERE email IS NOT NULL;
  CREATE MATERIALIZED VIEW kept AS SELECT id, contact FROM contacts;
  CREATE TABLE events (id int, at date, email text) PARTITION BY RANGE (at);
  CREATE TABLE events_old PARTITION OF events FOR VALUES FROM ('2000-01-01') TO ('2020-01-01');
  CREATE TABLE people (id int, email text, low text GENERATED ALWAYS AS (lower(email)) STORED, city text);
  CREATE TYPE place AS (street text, zip text);
  CREATE TABLE homes (id int, home place, former place[]);
  CREATE FUNCTION email_of(int) RETURNS text LANGUAGE sql STABLE AS 'SELECT email FROM customers WHERE id = $1';
  CREATE FUNCTION near(int, int) RETURNS bool LANGUAGE sql AS 'SELECT true';
  CREATE OPERATOR ~~~ (LEFTARG = int, RIGHTARG = int, FUNCTION = near);
  CREATE VIEW calls AS SELECT id, email_of(id) AS e FROM orders;
  CREATE TYPE mood AS ENUM ('ok');
  CREATE FUNCTION mood_text(mood) RETURNS text LANGUAGE sql AS 'SELECT email FROM customers LIMIT 1';
  CREATE CAST (mood AS text) WITH FUNCTION mood_text(mood);
  CREATE TABLE moods (id int, m mood);
  CREATE TABLE ruled (id int, email text);
  CREATE RULE other AS ON INSERT TO ruled DO ALSO NOTHING;
  CREATE SEQUENCE numbers;
  CREATE SCHEMA hidden; CREATE TABLE hidden.orders (id int);
`;
