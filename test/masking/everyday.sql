-- What the everyday statements are about: the tables of pgbench, of an order business in TPC-H's shape, of a shop by an
-- ORM, of a web framework's accounts, and of a chain of shops in the star shape of TPC-DS, with a few rows each.
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

create table days (day_id integer primary key, day date not null unique, year integer not null, quarter integer not null, month integer not null, week integer not null,
  weekday text not null, holiday boolean not null);
create table times (time_id integer primary key, hour integer not null, minute integer not null, shift text not null, meal text);
create table goods (good_id integer primary key, name text not null, brand text not null, class text not null, category text not null, maker text not null, colour text,
  list_price numeric(10, 2) not null, cost numeric(10, 2) not null);
create table income_bands (band_id integer primary key, lower_bound integer not null, upper_bound integer not null);
create table households (household_id integer primary key, band_id integer references income_bands, buying_potential text not null, dependants integer not null, vehicles integer not null);
create table demographics (demographic_id integer primary key, gender char(1) not null, marital_status char(1) not null, education text not null, credit text not null);
create table homes (home_id integer primary key, street text not null, city text not null, county text not null, state char(2) not null, zip varchar(10), utc_offset integer not null);
create table buyers (buyer_id integer primary key, first_name text, last_name text, email text, phone text, born date, home_id integer references homes,
  demographic_id integer references demographics, household_id integer references households, first_day_id integer references days, preferred boolean not null);
create table shops (shop_id integer primary key, name text not null, city text not null, county text not null, state char(2) not null, employees integer not null, floor_area integer not null);
create table sites (site_id integer primary key, name text not null, company text not null);
create table depots (depot_id integer primary key, name text not null, state char(2) not null, floor_area integer not null);
create table promotions (promotion_id integer primary key, name text not null, by_mail boolean not null, on_radio boolean not null, cost numeric(10, 2) not null);
create table shop_sales (ticket integer not null, good_id integer not null references goods, day_id integer references days, time_id integer references times, buyer_id integer references buyers,
  demographic_id integer references demographics, household_id integer references households, home_id integer references homes, shop_id integer references shops,
  promotion_id integer references promotions, quantity integer not null, list_price numeric(10, 2) not null, price numeric(10, 2) not null, wholesale numeric(10, 2) not null,
  discount numeric(10, 2) not null, tax numeric(10, 2) not null, profit numeric(10, 2) not null, primary key (ticket, good_id));
create table shop_returns (ticket integer not null, good_id integer not null, day_id integer references days, buyer_id integer references buyers, shop_id integer references shops,
  reason text, quantity integer not null, amount numeric(10, 2) not null, loss numeric(10, 2) not null, primary key (ticket, good_id), foreign key (ticket, good_id) references shop_sales);
create table web_sales (order_id integer not null, good_id integer not null references goods, day_id integer references days, time_id integer references times, shipped_day_id integer references days,
  buyer_id integer references buyers, receiver_id integer references buyers, home_id integer references homes, site_id integer references sites, depot_id integer references depots,
  promotion_id integer references promotions, quantity integer not null, list_price numeric(10, 2) not null, price numeric(10, 2) not null, shipping numeric(10, 2) not null,
  discount numeric(10, 2) not null, profit numeric(10, 2) not null, primary key (order_id, good_id));
create table web_returns (order_id integer not null, good_id integer not null, day_id integer references days, buyer_id integer references buyers, reason text, quantity integer not null,
  amount numeric(10, 2) not null, loss numeric(10, 2) not null, primary key (order_id, good_id), foreign key (order_id, good_id) references web_sales);
create table catalogue_sales (order_id integer not null, good_id integer not null references goods, day_id integer references days, shipped_day_id integer references days,
  buyer_id integer references buyers, receiver_id integer references buyers, home_id integer references homes, depot_id integer references depots, promotion_id integer references promotions,
  call_centre text not null, quantity integer not null, list_price numeric(10, 2) not null, price numeric(10, 2) not null, shipping numeric(10, 2) not null, discount numeric(10, 2) not null,
  profit numeric(10, 2) not null, primary key (order_id, good_id));
create table catalogue_returns (order_id integer not null, good_id integer not null, day_id integer references days, buyer_id integer references buyers, reason text, quantity integer not null,
  amount numeric(10, 2) not null, loss numeric(10, 2) not null, primary key (order_id, good_id), foreign key (order_id, good_id) references catalogue_sales);
create table stock (day_id integer not null references days, good_id integer not null references goods, depot_id integer not null references depots, on_hand integer, primary key (day_id, good_id, depot_id));
insert into days select d - date '2023-01-01' + 1, d, extract(year from d), extract(quarter from d), extract(month from d), (d - date '2023-01-02') / 7,
  trim(to_char(d, 'Day')), extract(doy from d) = 1 from generate_series(timestamp '2023-01-01', '2025-12-31', '1 day') g, lateral (select g::date) x (d);
insert into times select n, n / 4, n % 4 * 15, case when n < 32 then 'early' when n < 64 then 'day' else 'late' end, case when n between 48 and 56 then 'lunch' end from generate_series(0, 95) n;
insert into goods select n, 'Good ' || n, 'Brand ' || n % 5, 'Class ' || n % 4, (array['Books', 'Home', 'Music', 'Sports'])[1 + n % 4], 'Maker ' || n % 7,
  (array['red', 'blue', null])[1 + n % 3], 10 + n, 5 + n from generate_series(1, 24) n;
insert into income_bands select n, n * 10000, n * 10000 + 9999 from generate_series(0, 4) n;
insert into households select n, n % 5, (array['low', 'high'])[1 + n % 2], n % 6, n % 4 from generate_series(1, 12) n;
insert into demographics select n, (array['M', 'F'])[1 + n % 2], (array['M', 'S', 'D'])[1 + n % 3], (array['College', 'Primary'])[1 + n % 2], 'Good' from generate_series(1, 12) n;
insert into homes select n, 'Elm Street ' || n || ', at ann.example', 'City ' || n % 4, 'County ' || n % 3, (array['NV', 'OH', 'TX'])[1 + n % 3], (10000 + n)::text, -5 - n % 3 from generate_series(1, 15) n;
insert into buyers select n, 'First ' || n % 9, 'Last ' || n, 'buyer' || n || '@post.example', '555-01' || n, date '1950-03-01' + n * 400, 1 + n % 15, 1 + n % 12, 1 + n % 12, n, n % 2 = 0 from generate_series(1, 30) n;
insert into shops select n, 'Shop ' || n, 'City ' || n % 4, 'County ' || n % 3, (array['NV', 'OH', 'TX'])[1 + n % 3], 200 + n, 5000 + n from generate_series(1, 6) n;
insert into sites select n, 'Site ' || n, 'Company ' || n % 2 from generate_series(1, 3) n;
insert into depots select n, 'Depot ' || n, (array['NV', 'OH', 'TX'])[1 + n % 3], 9000 + n from generate_series(1, 3) n;
insert into promotions select n, 'Offer ' || n, n % 2 = 0, n % 3 = 0, 100 * n from generate_series(1, 5) n;
insert into shop_sales select n, 1 + n % 24, 1 + n * 7 % 1096, n % 96, nullif(n % 31, 0), 1 + n % 12, 1 + n % 12, 1 + n % 15, 1 + n % 6, nullif(n % 6, 0), 1 + n % 9, 20 + n % 24, 15 + n % 24, 5 + n % 24, n % 3, 1, n % 11 - 3 from generate_series(1, 300) n;
insert into shop_returns select ticket, good_id, least(day_id + 20, 1096), buyer_id, shop_id, 'broken', 1, price, 2 from shop_sales where ticket % 5 = 0;
insert into web_sales select n, 1 + n % 24, 1 + n * 11 % 1000, n % 96, 1 + n * 11 % 1000 + n % 95, 1 + n % 30, 1 + n % 29, 1 + n % 15, 1 + n % 3, 1 + n % 3, nullif(n % 6, 0), 1 + n % 9, 20 + n % 24, 16 + n % 24, 3, n % 3, n % 13 - 3 from generate_series(1, 200) n;
insert into web_returns select order_id, good_id, shipped_day_id, buyer_id, 'late', 1, price, 1 from web_sales where order_id % 6 = 0;
insert into catalogue_sales select n, 1 + n % 24, 1 + n * 13 % 1000, 1 + n * 13 % 1000 + n % 95, 1 + n % 30, 1 + n % 29, 1 + n % 15, 1 + n % 3, nullif(n % 6, 0), 'Centre ' || n % 2, 1 + n % 9, 20 + n % 24, 16 + n % 24, 3, n % 3, n % 7 - 2 from generate_series(1, 200) n;
insert into catalogue_returns select order_id, good_id, shipped_day_id, buyer_id, 'wrong', 1, price, 1 from catalogue_sales where order_id % 7 = 0;
insert into stock select d * 30 + 1, g, w, (d * g * w) % 97 from generate_series(0, 35) d, generate_series(1, 24) g, generate_series(1, 3) w;
analyze;
