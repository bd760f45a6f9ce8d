-- The demo's data: made up, the same each time. It belongs to a role that nobody logs in as.
grant create on schema public to orders_owner;
set role orders_owner;
create table customers (
  id integer primary key,
  name text not null,
  email text not null,
  phone text not null,
  ssn text not null,
  card_number text not null,
  city text not null,
  created_at timestamptz not null
);
create table products (id integer primary key, name text not null, price numeric(10, 2) not null);
create table orders (
  id integer primary key,
  customer_id integer not null references customers,
  status text not null,
  total numeric(10, 2) not null,
  placed_at timestamptz not null
);
create table order_items (
  order_id integer not null references orders on delete cascade,
  product_id integer not null references products,
  quantity integer not null,
  primary key (order_id, product_id)
);
create table payments (
  id integer primary key,
  order_id integer not null references orders on delete cascade,
  amount numeric(10, 2) not null,
  method text not null,
  paid_at timestamptz not null
);

-- The check digit that makes a card number one (ISO/IEC 7812-1, annex B).
create function pg_temp.check_digit(digits text) returns text language sql immutable as $$
  select ((10 - sum(case when i % 2 = 1 then case when d * 2 > 9 then d * 2 - 9 else d * 2 end else d end) % 10) % 10)::text
  from (select i, substr(reverse(digits), i, 1)::integer as d from generate_series(1, length(digits)) i) s
$$;

insert into customers
select
  id,
  first || ' ' || last,
  lower(first) || '.' || lower(last) || id || '@example.com',
  '+1-555-' || lpad((id % 1000)::text, 3, '0') || '-' || lpad((id * 7 % 10000)::text, 4, '0'),
  lpad((100 + id % 800)::text, 3, '0') || '-' || lpad((1 + id % 98)::text, 2, '0') || '-' || lpad((1 + id * 3 % 9998)::text, 4, '0'),
  card || pg_temp.check_digit(card),
  (array['Lisbon', 'Oslo', 'Nairobi', 'Austin', 'Kyoto', 'Lima', 'Tallinn', 'Perth'])[1 + id % 8],
  timestamptz '2024-01-01 00:00:00Z' + id * interval '37 minutes'
from (
  select
    id,
    (array['Ada', 'Grace', 'Alan', 'Edsger', 'Barbara', 'Ken', 'Radia', 'Linus', 'Margaret', 'Donald'])[1 + id % 10] as first,
    (array['Lovelace', 'Hopper', 'Turing', 'Dijkstra', 'Liskov', 'Thompson', 'Perlman', 'Hamilton', 'Knuth'])[1 + id % 9] as last,
    '4000' || lpad((id * 7919::bigint % 100000000000)::text, 11, '0') as card
  from generate_series(1, 10000) id
) made;

insert into products
select id, (array['Lamp', 'Chair', 'Desk', 'Shelf', 'Clock'])[1 + id % 5] || ' no. ' || id, 5 + id * 13 % 200
from generate_series(1, 200) id;

insert into orders
select
  id,
  1 + id * 31 % 10000,
  (array['open', 'paid', 'shipped', 'shipped', 'cancelled'])[1 + id % 5],
  0,
  timestamptz '2025-01-01 00:00:00Z' + id * interval '9 minutes'
from generate_series(1, 50000) id;

insert into order_items
select id, 1 + (id * 17 + n * 53) % 200, 1 + (id + n) % 3 from generate_series(1, 50000) id, generate_series(1, 2) n;

update orders set total = sums.total
from (
  select order_id, sum(price * quantity) as total from order_items join products on products.id = product_id group by 1
) sums
where sums.order_id = orders.id;

insert into payments
select id, id, total, (array['card', 'transfer', 'invoice'])[1 + id % 3], placed_at + interval '1 hour'
from orders where status in ('paid', 'shipped');

create view customer_contacts as select id, name, email as contact from customers;
create function customer_email(id integer) returns text language sql stable as
  $$ select email from customers where customers.id = customer_email.id $$;

create index on orders (customer_id);
create index on payments (order_id);
analyze;

grant select, insert, update, delete on all tables in schema public to orders_writer;
