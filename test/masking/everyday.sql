-- What the everyday statements are about: the tables of pgbench, of an order business in TPC-H's shape, of a shop by an
-- ORM, and of a web framework's accounts, with a few rows each.
create table pgbench_branches (bid integer primary key, bbalance integer, filler char(88));
create table pgbench_tellers (tid integer primary key, bid integer, tbalance integer, filler char(84));
create table pgbench_accounts (aid integer primary key, bid integer, abalance integer, filler char(84));
create table pgbench_history (tid integer, bid integer, aid integer, delta integer, mtime timestamp, filler char(22));
insert into pgbench_branches values (1, 0);
insert into pgbench_tellers select n, 1, 0 from generate_series(1, 10) n;
insert into pgbench_accounts select n, 1, 0, '' from generate_series(1, 100) n;

create table region (r_regionkey integer primary key, r_name char(25) not null, r_comment varchar(152));
create table nation (n_nationkey integer primary key, n_name char(25) not null, n_regionkey integer not null references region, n_comment varchar(152));
create table part (p_partkey integer primary key, p_name varchar(55) not null, p_mfgr char(25) not null, p_brand char(10) not null,
  p_type varchar(25) not null, p_size integer not null, p_container char(10) not null, p_retailprice numeric(15, 2) not null, p_comment varchar(23) not null);
create table supplier (s_suppkey integer primary key, s_name char(25) not null, s_address varchar(40) not null, s_nationkey integer not null references nation,
  s_phone char(15) not null, s_acctbal numeric(15, 2) not null, s_comment varchar(101) not null);
create table partsupp (ps_partkey integer not null references part, ps_suppkey integer not null references supplier, ps_availqty integer not null,
  ps_supplycost numeric(15, 2) not null, ps_comment varchar(199) not null, primary key (ps_partkey, ps_suppkey));
create table customer (c_custkey integer primary key, c_name varchar(25) not null, c_address varchar(40) not null, c_nationkey integer not null references nation,
  c_phone char(15) not null, c_acctbal numeric(15, 2) not null, c_mktsegment char(10) not null, c_comment varchar(117) not null);
create table orders (o_orderkey integer primary key, o_custkey integer not null references customer, o_orderstatus char(1) not null, o_totalprice numeric(15, 2) not null,
  o_orderdate date not null, o_orderpriority char(15) not null, o_clerk char(15) not null, o_shippriority integer not null, o_comment varchar(79) not null);
create table lineitem (l_orderkey integer not null references orders, l_partkey integer not null, l_suppkey integer not null, l_linenumber integer not null,
  l_quantity numeric(15, 2) not null, l_extendedprice numeric(15, 2) not null, l_discount numeric(15, 2) not null, l_tax numeric(15, 2) not null,
  l_returnflag char(1) not null, l_linestatus char(1) not null, l_shipdate date not null, l_commitdate date not null, l_receiptdate date not null,
  l_shipinstruct char(25) not null, l_shipmode char(10) not null, l_comment varchar(44) not null,
  primary key (l_orderkey, l_linenumber), foreign key (l_partkey, l_suppkey) references partsupp);
insert into region select n, (array['AFRICA', 'AMERICA', 'ASIA', 'EUROPE'])[n], '' from generate_series(1, 4) n;
insert into nation select n, (array['KENYA', 'BRAZIL', 'CHINA', 'FRANCE', 'GERMANY'])[n], 1 + n % 4, '' from generate_series(1, 5) n;
insert into part select n, 'green part ' || n, 'Manufacturer#1', 'Brand#12', 'ECONOMY ANODIZED STEEL', n, 'SM BOX', 900 + n, '' from generate_series(1, 20) n;
insert into supplier select n, 'Supplier#' || n, 'Street ' || n, 1 + n % 5, '11-719-748-' || n, n * 10, '' from generate_series(1, 5) n;
insert into partsupp select p, 1 + (p + s) % 5, 100, 10 + s, '' from generate_series(1, 20) p, generate_series(0, 2) s;
insert into customer select n, 'Customer#' || n, 'Road ' || n, 1 + n % 5, '13-555-' || n, n * 100, 'BUILDING', '' from generate_series(1, 10) n;
insert into orders select n, 1 + n % 10, 'O', n * 1000, date '1995-01-01' + n, '1-URGENT', 'Clerk#1', 0, '' from generate_series(1, 40) n;
insert into lineitem select n, 1 + n % 20, 1 + (1 + n % 20) % 5, 1, 10, 1000, 0.05, 0.02, 'N', 'O', date '1995-01-02' + n, date '1995-01-05' + n, date '1995-01-09' + n, 'NONE', 'MAIL', '' from generate_series(1, 40) n;

create type order_status as enum ('open', 'paid', 'sent');
create domain positive as integer check (value > 0);
create table users (
  id serial primary key, name varchar(50) not null unique, full_name varchar, email varchar(120), is_active boolean not null default true,
  created_at timestamptz not null default now(), settings jsonb
);
create table addresses (id serial primary key, user_id integer not null references users on delete cascade, street varchar(100) not null, city varchar(50) not null);
create index addresses_of_user on addresses (user_id);
create table items (id serial primary key, title varchar(80) not null, price numeric(10, 2) not null check (price >= 0), tags text[]);
create table baskets (id serial primary key, user_id integer not null references users, status order_status not null default 'open', placed_at timestamptz);
create table basket_items (
  basket_id integer references baskets on delete cascade, item_id integer references items, quantity positive not null default 1,
  primary key (basket_id, item_id)
);
comment on table users is 'Who buys.';
comment on column users.email is 'Where invoices go.';
insert into users (name, full_name, email, settings) values
  ('ann', 'Ann Ash', 'ann@shop.example', '{"theme": "dark"}'), ('bob', 'Bob Birch', 'bob@shop.example', '{}'), ('cyd', 'Cyd Cedar', 'cyd@shop.example', null);
insert into addresses (user_id, street, city) select 1 + n % 3, 'Lane ' || n, 'Oslo' from generate_series(1, 6) n;
insert into items (title, price, tags) select 'Item ' || n, n, '{new,small}' from generate_series(1, 8) n;
insert into baskets (user_id, placed_at) select 1 + n % 3, '2025-01-01' from generate_series(1, 4) n;
insert into basket_items select 1 + n % 4, 1 + n % 8, 2 from generate_series(1, 8) n;

create view active_users as select id, name from users where is_active;
create view user_cards as select u.id, u.name, u.email, a.city from users u left join addresses a on a.user_id = u.id;
create materialized view sales as select item_id, sum(quantity) as sold from basket_items group by item_id;
create table events (id bigint generated always as identity, at date not null, what text) partition by range (at);
create table events_2024 partition of events for values from ('2024-01-01') to ('2025-01-01');
create table events_2025 partition of events for values from ('2025-01-01') to ('2026-01-01');
create function total_of(basket integer) returns numeric language sql stable as
  $$ select sum(price * quantity) from basket_items join items on items.id = item_id where basket_id = basket $$;
create function touch() returns trigger language plpgsql as $$ begin new.placed_at := now(); return new; end $$;
create trigger baskets_touched before update on baskets for each row execute function touch();

create table django_migrations (id bigint generated by default as identity primary key, app varchar(255) not null, name varchar(255) not null, applied timestamptz not null);
create table django_content_type (id integer generated by default as identity primary key, app_label varchar(100) not null, model varchar(100) not null, unique (app_label, model));
create table django_session (session_key varchar(40) primary key, session_data text not null, expire_date timestamptz not null);
create table auth_user (
  id integer generated by default as identity primary key, password varchar(128) not null, last_login timestamptz, is_superuser boolean not null,
  username varchar(150) not null unique, first_name varchar(150) not null, last_name varchar(150) not null, email varchar(254) not null,
  is_staff boolean not null, is_active boolean not null, date_joined timestamptz not null
);
create table auth_group (id integer generated by default as identity primary key, name varchar(150) not null unique);
create table auth_permission (id integer generated by default as identity primary key, name varchar(255) not null, content_type_id integer not null references django_content_type deferrable initially deferred, codename varchar(100) not null);
create table auth_user_groups (id bigint generated by default as identity primary key, user_id integer not null references auth_user deferrable initially deferred, group_id integer not null references auth_group deferrable initially deferred);
create table auth_group_permissions (id bigint generated by default as identity primary key, group_id integer not null references auth_group deferrable initially deferred, permission_id integer not null references auth_permission deferrable initially deferred);
create table django_admin_log (id integer generated by default as identity primary key, action_time timestamptz not null, object_id text, object_repr varchar(200) not null, action_flag smallint not null check (action_flag >= 0), change_message text not null, content_type_id integer references django_content_type, user_id integer not null references auth_user);
insert into django_content_type (app_label, model) values ('auth', 'user'), ('auth', 'group'), ('admin', 'logentry');
insert into django_migrations (app, name, applied) values ('auth', '0001_initial', now());
insert into auth_user (password, is_superuser, username, first_name, last_name, email, is_staff, is_active, date_joined) values
  ('pbkdf2$1', true, 'root', '', '', 'root@site.example', true, true, now()), ('pbkdf2$2', false, 'eve', 'Eve', 'Elm', 'eve@site.example', false, true, now());
insert into auth_group (name) values ('editors');
insert into auth_permission (name, content_type_id, codename) values ('Can add user', 1, 'add_user');
insert into auth_user_groups (user_id, group_id) values (2, 1);
insert into auth_group_permissions (group_id, permission_id) values (1, 1);
insert into django_session values ('abc', 'e30', now() + interval '1 day');
analyze;
