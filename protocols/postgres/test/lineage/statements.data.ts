/**
 * Statements and where their values come from and go to, in the words of said.ts, on the relations of schema.ts.
 */
export const reading: readonly (readonly [string, string])[] = [
  // Names.
  ["select email from customers", "email=customers.email!"],
  ["select c.email as e from customers c", "e=customers.email!"],
  ["select public.customers.email from customers", "email=customers.email!"],
  [
    "select * from customers",
    "id=customers.id! name=customers.name! email=customers.email! tags=customers.tags! doc=customers.doc!",
  ],
  [
    "select o.*, c.email from customers c join orders o on o.customer_id = c.id",
    "id=orders.id! customer_id=orders.customer_id! status=orders.status! total=orders.total! email=customers.email! | by customers.id+orders.customer_id",
  ],
  ["select q.e from (select email from customers) q(e)", "e=customers.email!"],
  ["select a from customers as c(x, y, a)", "a=customers.email!"],
  [
    "select 1, $1, 'x', now()",
    "?column?= ?column?= ?column?= now= | gap: a cast by the function public.mood_text, which is not PostgreSQL's own",
  ],
  ["select ctid, tableoid, email from customers", "ctid= tableoid= email=customers.email!"],
  ["select (select email) from customers", "email=customers.email!"],
  ["select (select c.email from orders limit 1) from customers c", "email=customers.email!"],
  [
    "select email from customers c where exists (select from orders where customer_id = c.id)",
    "email=customers.email! | by customers.id+orders.customer_id",
  ],
  // Computed.
  [
    "select email || 'x', lower(email), email::varchar, length(email) from customers",
    "?column?=customers.email lower=customers.email email=customers.email length=customers.email",
  ],
  [
    "select coalesce(email, name), greatest(email, name) from customers",
    "coalesce=customers.email+customers.name greatest=customers.email+customers.name",
  ],
  [
    "select case when email like 'a%' then 1 else 2 end from customers",
    "case=customers.email | by customers.email",
  ],
  [
    "select case email when 'a' then name end from customers",
    "case=customers.email+customers.name | by customers.email",
  ],
  ["select nullif(email, 'a') from customers", "nullif=customers.email | by customers.email"],
  [
    "select email = 'a', email is null, 'a' in (email), not (email = 'a') from customers",
    "?column?=customers.email ?column?=customers.email ?column?=customers.email ?column?=customers.email",
  ],
  [
    "select array[email], row(email, 1), (array[email])[id] from customers",
    "array=customers.email row=customers.email array=customers.email+customers.id",
  ],
  [
    "select id in (select id from orders where status = 'x') from customers",
    "?column?=customers.id+orders.id | by orders.status",
  ],
  ["select 'a' = any (select email from customers)", "?column?=customers.email"],
  ["select exists (select email from customers where name = 'x')", "exists= | by customers.name"],
  ["select array(select email from customers)", "array=customers.email"],
  ['select email collate "C" from customers', "email=customers.email"],
  [
    "select xmlforest(email), json_object('a': email), json_array(select email from customers) from customers",
    "xmlforest=customers.email json_object=customers.email json_array=customers.email",
  ],
  // Rows as values.
  ["select c from customers c", "c=customers.doc+customers.email+customers.id+customers.name+customers.tags"],
  [
    "select row_to_json(c), to_jsonb(c.*), c::text from customers c",
    "row_to_json=customers.doc+customers.email+customers.id+customers.name+customers.tags to_jsonb=customers.doc+customers.email+customers.id+customers.name+customers.tags c=customers.doc+customers.email+customers.id+customers.name+customers.tags",
  ],
  [
    "select (c).email, (c).* from orders o, customers c",
    "email=customers.email! id=customers.id! name=customers.name! email=customers.email! tags=customers.tags! doc=customers.doc!",
  ],
  ["select (x).email from (select c as x from customers c) s", "email=customers.email!"],
  [
    "select (home).zip, (former[1]).street, (home).* from homes",
    "zip=homes.home street=homes.former street=homes.home zip=homes.home",
  ],
  [
    "select email_of(c) from customers c",
    "email_of=customers.doc+customers.email+customers.id+customers.name+customers.tags | gap: the function public.email_of, which is not PostgreSQL's own",
  ],
  [
    "select c.lower from customers c",
    "lower=customers.doc+customers.email+customers.id+customers.name+customers.tags",
  ],
  [
    "select c.email_of from customers c",
    "email_of=customers.doc+customers.email+customers.id+customers.name+customers.tags | gap: the function public.email_of, which is not PostgreSQL's own",
  ],
  // Aggregates and windows.
  ["select count(*) from customers", "count="],
  [
    "select count(email), max(email), string_agg(name, ',' order by email) from customers",
    "count=customers.email max=customers.email string_agg=customers.email+customers.name | by customers.email",
  ],
  [
    "select count(*) filter (where email like 'a%') from customers",
    "count=customers.email | by customers.email",
  ],
  [
    "select percentile_disc(0.5) within group (order by email) from customers",
    "percentile_disc=customers.email",
  ],
  [
    "select rank() over (partition by name order by email) from customers",
    "rank=customers.email+customers.name | by customers.email+customers.name",
  ],
  [
    "select sum(id) over w from customers window w as (order by email)",
    "sum=customers.email+customers.id | by customers.email",
  ],
  [
    "select lag(email) over (order by id) from customers",
    "lag=customers.email+customers.id | by customers.id",
  ],
  // What decides.
  ["select id from customers where email = 'a'", "id=customers.id! | by customers.email"],
  ["select id from customers order by email", "id=customers.id! | by customers.email"],
  [
    "select id, email as e from customers order by e",
    "id=customers.id! e=customers.email! | by customers.email",
  ],
  [
    "select id, email from customers order by 2",
    "id=customers.id! email=customers.email! | by customers.email",
  ],
  [
    "select name from customers group by name, email having max(tags) is null",
    "name=customers.name! | by customers.email+customers.name+customers.tags",
  ],
  ["select distinct email from customers", "email=customers.email! | by customers.email"],
  ["select distinct on (email) id from customers", "id=customers.id! | by customers.email"],
  [
    "select id from customers limit (select length(email) from customers limit 1)",
    "id=customers.id! | by customers.email",
  ],
  [
    "select name from customers group by rollup (name, (email))",
    "name=customers.name! | by customers.email+customers.name",
  ],
  [
    "select o.id from orders o join customers c on o.status = c.email",
    "id=orders.id! | by customers.email+orders.status",
  ],
  [
    "select * from customers natural join orders",
    "id=customers.id+orders.id name=customers.name! email=customers.email! tags=customers.tags! doc=customers.doc! customer_id=orders.customer_id! status=orders.status! total=orders.total! | by customers.id+orders.id",
  ],
  [
    "select status from customers c join orders o using (id)",
    "status=orders.status! | by customers.id+orders.id",
  ],
  [
    "select o.id from orders o, regexp_matches((select email from customers limit 1), 'a') m",
    "id=orders.id! | by customers.email",
  ],
  [
    "select generate_series(1, length(email)) from customers",
    "generate_series=customers.email | by customers.email",
  ],
  ["select pg_sleep(length(email)) from customers", "pg_sleep=customers.email | by customers.email"],
  [
    "select email like 'a%' and pg_sleep(1) is null from customers",
    "?column?=customers.email | by customers.email",
  ],
  [
    "select coalesce(email, pg_sleep(1)::text), email is null or nextval('numbers') > 0 from customers",
    "coalesce=customers.email ?column?=customers.email | by customers.email",
  ],
  [
    "select json_value(to_json(email), '$ ? (@ > \"a\")' default nextval('numbers') on empty) from customers",
    "json_value=customers.email | by customers.email",
  ],
  ["select id from customers tablesample system (50)", "id=customers.id!"],
  // Set operations.
  [
    "select email from customers union all select name from customers",
    "email=customers.email+customers.name",
  ],
  [
    "select email from customers union select email from customers",
    "email=customers.email! | by customers.email",
  ],
  ["select email from customers union all select email from customers", "email=customers.email!"],
  [
    "select id, email from customers except select id, status from orders order by email",
    "id=customers.id+orders.id email=customers.email+orders.status | by customers.email+customers.id+orders.id+orders.status",
  ],
  ["values (1, (select email from customers)), (2, 'x')", "column1= column2=customers.email"],
  [
    "select * from customers c, lateral (values (c.*, 1)) v",
    "id=customers.id! name=customers.name! email=customers.email! tags=customers.tags! doc=customers.doc! column1=customers.id column2=customers.name column3=customers.email column4=customers.tags column5=customers.doc column6=",
  ],
  // WITH.
  ["with x as (select email from customers) select * from x", "email=customers.email!"],
  ["with customers as (select 1 as email) select email from customers", "email="],
  ["with customers as (select * from customers) select email from customers", "email=customers.email!"],
  [
    "with recursive r(n, e) as (select 1, email from customers union all select n + 1, e from r where n < 5) select n, e from r",
    "n= e=customers.email",
  ],
  [
    "with recursive r(a, b, c) as (select 'x', 'x', email from customers union all select b, c, c from r) select a from r",
    "a=customers.email",
  ],
  [
    "with recursive r as (select id, name from customers union all select r.id, o.status from r join orders o on o.id = r.id) search depth first by name set s cycle id set c using p select s, c, p from r",
    "s=customers.name+orders.status c=customers.id p=customers.id | by customers.id+orders.id",
  ],
  [
    "with d as (delete from customers returning email) select * from d",
    "email=customers.email! | writes customers.doc+customers.email+customers.id+customers.name+customers.tags",
  ],
  [
    "with i as (insert into copies select email from customers returning a) select 1",
    "?column?= | writes copies.a+copies.b | to table public.copies: customers.email",
  ],
  // Functions in FROM.
  ["select * from unnest(array[1, 2]) with ordinality", "unnest= ordinality="],
  [
    "select t, e from customers c, unnest(c.tags) t, lateral (select c.email) l(e)",
    "t=customers.tags e=customers.email! | by customers.tags",
  ],
  [
    "select j.key, j.value from customers c, jsonb_each(c.doc) j",
    "key=customers.doc value=customers.doc | by customers.doc",
  ],
  [
    "select * from customers c, jsonb_to_record(c.doc) as x(a int, b text)",
    "id=customers.id! name=customers.name! email=customers.email! tags=customers.tags! doc=customers.doc! a=customers.doc b=customers.doc | by customers.doc",
  ],
  ["select * from rows from (generate_series(1, 2), jsonb_each('{}')) r", "generate_series= key= value="],
  [
    "select * from xmltable('/a' passing (select email::xml from customers) columns b text path 'b', n for ordinality)",
    "b=customers.email n=customers.email | by customers.email",
  ],
  [
    "select j.* from customers c, json_table(c.doc, '$' columns (a text path '$.a', nested path '$.b' columns (d int))) j",
    "a=customers.doc d=customers.doc | by customers.doc",
  ],
  ["select * from jsonb_populate_record(null::orders, '{}')", "id= customer_id= status= total="],
  // Views, partitions, generated columns.
  [
    "select * from contacts",
    "id=contacts.id+customers.id! name=contacts.name+customers.name! contact=contacts.contact+customers.email!",
  ],
  ["select loud from shouted", "loud=contacts.contact+customers.email+shouted.loud"],
  ["select id from reachable", "id=customers.id+reachable.id! | by customers.email"],
  ["select contact from kept", "contact=contacts.contact+customers.email+kept.contact!"],
  ["select email from events", "email=events.email+events_old.email!"],
  ["select email from events_old", "email=events.email+events_old.email!"],
  ["select low, city from people", "low=people.email+people.low city=people.city!"],
  [
    "select * from calls",
    "id=calls.id+orders.id! e=calls.e+orders.id | gap: the function public.email_of, which is not PostgreSQL's own, in the view public.calls",
  ],
  // Somebody's own.
  ["select email_of(1)", "email_of= | gap: the function public.email_of, which is not PostgreSQL's own"],
  ["select 1 ~~~ 2", "?column?= | gap: the operator public.~~~, which is not PostgreSQL's own"],
  [
    "select 1 operator(public.~~~) 2",
    "?column?= | gap: the operator public.~~~, which is not PostgreSQL's own",
  ],
  [
    "select m from moods",
    "m=moods.m! | gap: a cast by the function public.mood_text, which is not PostgreSQL's own",
  ],
  ["select mood 'ok'", "mood= | gap: a cast by the function public.mood_text, which is not PostgreSQL's own"],
  ["select no_such(1)", "no_such= | gap: the function no_such, which is not in the catalog"],
  ["select $1", "?column?= | gap: a cast by the function public.mood_text, which is not PostgreSQL's own"],
  [
    "select 1 + $1 from orders",
    "?column?= | gap: a cast by the function public.mood_text, which is not PostgreSQL's own",
  ],
  // What is not there.
  ["select nope from customers", "nope= | gap: nope, which is no column of what it is looked for in"],
  ["select * from nope", " | gap: nope, which is not in the catalog"],
  ["select * from other.customers", " | gap: other.customers, which is not in the catalog"],
  ["select x.email from customers", "email= | gap: x.email, whose table is not in reach"],
  [
    "select (tags).x from customers",
    "x=customers.tags | gap: the field x of a value whose type is not known",
  ],
  ["select * from pg_temp.customers", " | gap: the temporary relation customers"],
  // PostgreSQL's own relations.
  ["select relname from pg_class", "relname=pg_catalog.pg_class.relname!"],
  ["select rolpassword from pg_authid", "rolpassword=pg_catalog.pg_authid.rolpassword!"],
  // Side doors.
  [
    "select query_to_xml('select email from customers', true, true, '')",
    "query_to_xml= | gap: what the function query_to_xml shows",
  ],
  [
    "select table_to_xml('customers', true, true, '')",
    "table_to_xml= | gap: what the function table_to_xml shows",
  ],
  ["select pg_read_file('x')", "pg_read_file= | gap: what the function pg_read_file shows"],
  ["select lo_import('x')", "lo_import= | gap: what the function lo_import shows"],
  [
    "select set_config('a.b', email, false) from customers",
    "set_config=customers.email | to a setting: customers.email",
  ],
  ["select setval('numbers', id) from customers", "setval=customers.id | to a sequence: customers.id"],
  [
    "select pg_notify('c', email) from customers",
    "pg_notify=customers.email | to a notification: customers.email",
  ],
  [
    "select lo_from_bytea(0, email::bytea) from customers",
    "lo_from_bytea=customers.email | to a large object: customers.email",
  ],
  [
    "select pg_advisory_lock(length(email)) from customers",
    "pg_advisory_lock=customers.email | to a lock: customers.email",
  ],
  [
    "select currval('numbers'), nextval('numbers'), last_value from numbers",
    "currval= nextval= last_value=numbers.last_value!",
  ],
  ["select ts_stat('select 1')", "ts_stat= | gap: what the function ts_stat shows"],
  ["select dblink('x', 'select 1')", "dblink= | gap: the function dblink, which is not in the catalog"],
  ["do 'begin end'", "gap: a statement of the kind Do"],
  ["call p()", "gap: a statement of the kind Call"],
  ["execute p", "by name"],
  ["execute p((select email from customers limit 1))", "by name | gap: the parameters of EXECUTE"],
  ["fetch c", "by name"],
  ["alter table customers rename email to e", "gap: a statement of the kind Rename"],
];

export const changing: readonly (readonly [string, string])[] = [
  // Changes.
  ["insert into copies values ('a', 'b')", "writes copies.a+copies.b"],
  [
    "insert into copies select name, email from customers",
    "writes copies.a+copies.b | to table public.copies: customers.email+customers.name",
  ],
  [
    "insert into copies (b) select email from customers returning a, b",
    "a=copies.a! b=copies.b+customers.email | writes copies.b | to table public.copies: customers.email",
  ],
  [
    "insert into customers (id, email) values (1, 'x') returning *",
    "id=customers.id! name=customers.name! email=customers.email! tags=customers.tags! doc=customers.doc! | writes customers.email+customers.id",
  ],
  [
    "insert into customers (id, email) values (1, 'x') on conflict (email) do update set name = excluded.email, tags = customers.tags where customers.name = 'x'",
    "by customers.email+customers.name | writes customers.email+customers.id+customers.name+customers.tags",
  ],
  [
    "insert into customers (id) values (1) on conflict (id) do update set email = excluded.email returning email",
    "email=customers.email! | by customers.id | writes customers.email+customers.id",
  ],
  [
    "insert into contacts (id, contact) select 1, status from orders",
    "writes contacts.contact+contacts.id+customers.email+customers.id | to view public.contacts: orders.status",
  ],
  ["insert into ruled values (1)", "writes ruled.email+ruled.id | gap: the rules of public.ruled"],
  ["insert into nope values (1)", "gap: nope, which is not in the catalog"],
  [
    "insert into copies (nope) select email from customers",
    "to table public.copies: customers.email | gap: the column nope of public.copies, which is not in the catalog",
  ],
  [
    "update customers set email = lower(email)",
    "writes customers.email | to table public.customers: customers.email",
  ],
  [
    "update customers set name = email where id = 1 returning name, old.name, new.email",
    "name=customers.email+customers.name name=customers.email+customers.name email=customers.email! | by customers.id | writes customers.name | to table public.customers: customers.email",
  ],
  [
    "update customers set (name, email) = (select status, customers.email from orders limit 1)",
    "writes customers.email+customers.name | to table public.customers: orders.status",
  ],
  [
    "update customers set (name, email) = row(email, name)",
    "writes customers.email+customers.name | to table public.customers: customers.email+customers.name",
  ],
  [
    "update orders set status = c.email from customers c where c.id = orders.id returning orders.*, c.name",
    "id=orders.id! customer_id=orders.customer_id! status=customers.email+orders.status total=orders.total! name=customers.name! | by customers.id+orders.id | writes orders.status | to table public.orders: customers.email",
  ],
  [
    "update homes set home.zip = 'x', former[id] = null",
    "writes homes.former+homes.home | to table public.homes: homes.id",
  ],
  [
    "delete from customers where email = 'x' returning email",
    "email=customers.email! | by customers.email | writes customers.doc+customers.email+customers.id+customers.name+customers.tags",
  ],
  [
    "delete from orders using customers c where c.id = orders.customer_id and c.email = 'x'",
    "by customers.email+customers.id+orders.customer_id | writes orders.customer_id+orders.id+orders.status+orders.total",
  ],
  [
    "merge into orders o using customers c on o.id = c.id when matched and c.email = 'x' then update set status = c.name when not matched then insert (id, status) values (c.id, c.email) returning merge_action(), o.status",
    "merge_action= status=customers.email+customers.name+orders.status | by customers.email+customers.id+orders.id | writes orders.id+orders.status | to table public.orders: customers.email+customers.id+customers.name",
  ],
  [
    "merge into orders using customers c on false when not matched then insert (id) values (c.id) returning *",
    "id=customers.id! name=customers.name! email=customers.email! tags=customers.tags! doc=customers.doc! id=customers.id+orders.id customer_id=orders.customer_id! status=orders.status! total=orders.total! | writes orders.id | to table public.orders: customers.id",
  ],
  ["truncate customers", "writes customers.doc+customers.email+customers.id+customers.name+customers.tags"],
  ["update customers set email = email returning email", "email=customers.email! | writes customers.email"],
  [
    "merge into orders using customers c on false when not matched then insert default values",
    "writes orders.customer_id+orders.id+orders.status+orders.total",
  ],
  // COPY.
  [
    "copy customers to stdout",
    "id=customers.id! name=customers.name! email=customers.email! tags=customers.tags! doc=customers.doc!",
  ],
  ["copy customers (id, email) to stdout", "id=customers.id! email=customers.email!"],
  ["copy people to stdout", "id=people.id! email=people.email! city=people.city!"],
  [
    "copy (select email from customers where name = 'x') to stdout",
    "email=customers.email! | by customers.name",
  ],
  [
    "copy customers to '/tmp/x'",
    "to a file on the server: customers.doc+customers.email+customers.id+customers.name+customers.tags",
  ],
  ["copy (select email from customers) to program 'cat'", "to a program on the server: customers.email"],
  [
    "copy customers from stdin where email = 'x'",
    "writes customers.doc+customers.email+customers.id+customers.name+customers.tags",
  ],
  [
    "copy customers from '/tmp/x'",
    "writes customers.doc+customers.email+customers.id+customers.name+customers.tags | gap: what a file or a program on the server gives",
  ],
  [
    "copy (delete from customers returning email) to stdout",
    "email=customers.email! | writes customers.doc+customers.email+customers.id+customers.name+customers.tags",
  ],
  // Statements around statements.
  ["prepare p as select email from customers", "email=customers.email!"],
  [
    "prepare p(mood) as select $1::text",
    "text= | gap: a cast by the function public.mood_text, which is not PostgreSQL's own",
  ],
  [
    "prepare p as delete from customers",
    "writes customers.doc+customers.email+customers.id+customers.name+customers.tags",
  ],
  [
    "declare c cursor for select * from contacts",
    "id=contacts.id+customers.id! name=contacts.name+customers.name! contact=contacts.contact+customers.email!",
  ],
  ["explain select email from customers where email = 'x'", "QUERY PLAN= | by customers.email"],
  [
    "explain analyze insert into copies select email, name from customers",
    "QUERY PLAN= | writes copies.a+copies.b | to table public.copies: customers.email+customers.name",
  ],
  ["explain execute p", "QUERY PLAN= | gap: what p stands for"],
  ["create table t as select email from customers", "to table public.t: customers.email"],
  ["create table t as execute p", "gap: what p stands for"],
  ["create temp table t as select email from customers", "to temporary table t: customers.email"],
  ["select email into t from customers", "to table public.t: customers.email"],
  [
    "select email into t from customers union select name from customers",
    "by customers.email+customers.name | to table public.t: customers.email+customers.name",
  ],
  [
    "create materialized view m as select email from customers",
    "to materialized view public.m: customers.email",
  ],
  [
    "create view v as select * from contacts",
    "to view public.v: contacts.contact+contacts.id+contacts.name+customers.email+customers.id+customers.name",
  ],
  ["create table t (id int default 1, email text)", ""],
  ["create table t () inherits (customers)", "gap: CREATE TABLE as a part of another"],
  ["create index on customers (email)", ""],
  [
    "create index on customers (lower(email)) where email_of(id) is null",
    "gap: the function public.email_of, which is not PostgreSQL's own",
  ],
  ["show search_path", "search_path="],
  ["begin", ""],
  ["set search_path = public", ""],
  ["drop table customers", ""],
  [
    "create function f() returns int language sql as 'select 1'",
    "gap: a statement of the kind CreateFunction",
  ],
];
