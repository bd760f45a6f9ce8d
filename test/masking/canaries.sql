-- A small firm's data with canaries in every column that the oracle masks: values that stand nowhere else, so that one
-- byte of them which reaches a client has come from the column. The other columns hold plain words.
create role helper login superuser password 'only for servers of this test';

create domain national_id as text check (value !~ '[A-Z]');
create type mood as enum ('calm', 'cross');
create type address as (street text, pin integer);

create table people (
  id integer primary key,
  handle text not null unique,
  team text not null,
  email text not null unique,
  nick varchar(40) not null,
  code char(16) not null,
  profile json not null,
  settings jsonb not null,
  phones text[] not null,
  scores integer[] not null,
  salary integer not null constraint pay_is_positive check (salary > 0),
  account bigint not null,
  balance numeric(20, 4) not null,
  ratio double precision not null,
  born date not null,
  seen timestamptz not null,
  token uuid not null,
  secret bytea not null,
  host inet not null,
  vip boolean not null,
  ssn national_id not null,
  mood mood not null,
  home address not null,
  tagline text generated always as (nick || ' of ' || team) stored
);
insert into people values
  (1, 'ann', 'north', 'quolmxavretin@dwokzurnpel.qx', 'vrizpondulek', 'kyltomberwasqvun',
   '{"pet": "jomvrekulpast"}', '{"pin": {"word": "glarnuvixtop"}}', '{frelkuzmodny,wixqarbultem}', '{817264935,736158294}',
   194827156, 8273645190273645, 7316482950.1837, 73164829501.25, '1871-03-17', '1868-11-23 04:05:06.738291+00',
   'c4f7a1e2-9b3d-4d58-8e61-5fa09c72d3b6', '\x9af3c7e1b2d48596a7b8', '198.51.100.213', true,
   'zemtakvolurin', 'cross', row ('hufkrendolpaz', 629384715)),
  (2, 'bob', 'north', 'bremvukolzax@tyndorfmekul.qx', 'sligtarnovwem', 'puwenkraldmizoft',
   '{"pet": "dwelkormuzvat"}', '{"pin": {"word": "trobnizulkaf"}}', '{nupqolderviz,karvomtulgex}', '{948372615,571829364}',
   285739164, 9182736455463728, 8427593160.2948, 84275931602.5, '1873-07-29', '1869-02-14 17:28:39.614752+00',
   'a8d2e6f4-1c7b-4e93-b5f8-27d0c3e9614a', '\xd17e5b3fa9c80462e5f1', '203.0.113.178', false,
   'yaxqumtelfrod', 'calm', row ('gnolvetrumsix', 518273946)),
  (3, 'cyd', 'south', 'kelpfumdrovix@sanquzwotrem.qx', 'ombrexulvatid', 'dertwilgonfumqax',
   '{"pet": "ypsulkrandom"}', '{"pin": {"word": "muxdelvorpag"}}', '{zatrelminkovd,huxbondelprat}', '{362915748,195738264}',
   376918245, 7465839201928374, 9538614270.4057, 95386142704.75, '1876-12-05', '1870-09-08 21:43:57.829163+00',
   'e1b9d7c3-6f25-4a80-9c4e-83b1f5a7d29e', '\x64b8fa1d93e7c25087be', '192.0.2.147', true,
   'lorvitzakpume', 'cross', row ('pitwulkenforz', 847162935));

-- What refers to a canary has a copy of it.
create table badges (id integer primary key, email text not null constraint badge_holder references people (email));
insert into badges select id, email from people where id < 3;

create table letters (id integer primary key, writer integer not null references people, body text not null, pages integer);
insert into letters values (1, 1, 'felmtropquind rastvoklumen'), (2, 1, 'gwirnextolpam'), (3, 2, 'bashkudrolvint');
create table letters_seen (letter integer, body text);

-- Partitions: the mask names the parent. Inheritance: it names one child, and another parent.
create table visits (id integer, day date, guest text) partition by range (day);
create table visits_2020 partition of visits for values from ('2020-01-01') to ('2021-01-01');
create table visits_2021 partition of visits default;
insert into visits values (1, '2020-05-05', 'snelquarvomit'), (2, '2021-06-06', 'truxpolendwak');

create table staff (id integer, title text);
create table managers (bonus integer) inherits (staff);
insert into staff values (1, 'chair');
insert into managers values (2, 'wolgtrenkumaf', 738291645);
create table devices (id integer, label text, serial text);
create table phones_lent () inherits (devices);
insert into phones_lent values (1, 'phone', 'xulmterqovand');

-- What follows a change of another table, and fails. The mask of `archive.*.email` is theirs too.
create schema archive;
create table gangs (id integer primary key);
insert into gangs values (1), (2);
create table archive.members (gang integer not null references gangs on delete set null, email text);
create table archive.guests (gang integer references gangs on update cascade check (gang < 5), email text);
insert into archive.members values (1, 'mopzentrulvaks');
insert into archive.guests values (2, 'mopzentrulvaks');

create table "Odd.Names" (id integer, "e.mail" text, "quo""ted" text);
insert into "Odd.Names" values (1, 'drimvoltqasek', 'hepknolwurtiz');

create table archive.people (id integer, email text);
insert into archive.people values (1, 'mopzentrulvaks');

create view contacts as select id, handle, email as contact, profile from people;
create view louder as select id, upper(contact) as loud from contacts;
create view loudest as select '<' || loud || '>' as line, row_number() over (order by id) as n from louder;
create view everything as select * from people;
create view by_team as select team, string_agg(email, ', ' order by id) as mails, max(salary) as top from people group by team;
create view everyone as
  select handle as name, email as value from people union all select title, id::text from staff;
create view chains as
  with recursive chain as (select id, email as mails from people where id = 1
    union all select p.id, chain.mails || ' ' || p.email from chain join people p on p.id = chain.id + 1)
  select * from chain;
create view fenced with (security_barrier) as select id, ssn as n from people where team = 'north';
create materialized view directory as select id, handle || ': ' || email as entry from people;

create view some_letters as select id, writer, body from letters where writer > 0 with check option;
create view cast_away as with x as materialized (select id, nick::integer as n from people) select id, n from x;
create materialized view failing as select nick::integer as n from people with no data;

create function email_of(person integer) returns text language sql stable as
  $$ select email from people where id = person $$;
create function salary_of(person integer) returns integer language plpgsql stable as
  $$ begin return (select salary from people where id = person); end $$;
create function whisper() returns setof text language sql stable security definer begin atomic
  select email from people;
end;
create function anyone() returns setof people language sql stable as $$ select * from people $$;
create function shout(person people) returns text language sql immutable as $$ select upper(person.email) $$;
create function echo(value text) returns text language plpgsql as $$ begin raise notice 'heard: %', value; return value; end $$;
create function reads_out() returns integer language plpgsql as
  $$ begin raise exception 'the first is %', (select email from people where id = 1) using errcode = 'ZZ001'; end $$;
create function pick(wanted text) returns text language plpgsql as
  $$ declare found text; begin execute 'select ' || wanted || '::text from people where id = 1' into found; return found; end $$;
create procedure tell(inout what text) language plpgsql as
  $$ begin select email into what from people where id = 1; end $$;
create aggregate glue (text) (sfunc = textcat, stype = text, initcond = '');

create function note_letter() returns trigger language plpgsql as
  $$ begin raise notice 'it was: %', old.body; return new; end $$;
create trigger letter_is_noted before update on letters for each row execute function note_letter();

create sequence counter;
grant all on all tables in schema public to public;
analyze;
