"""asyncpg, with nothing but libpq's own variables. Everything it sends is prepared and binary."""

import asyncio
import datetime
import decimal
import io
import uuid

import asyncpg

from tap import REFUSED, check, is_refusal, play


async def failure(kind, attempt):
    """The error of this kind that an awaitable ends with."""
    try:
        await attempt
    except kind as error:
        return error
    raise AssertionError(f"{kind.__name__} was not raised")


class Session:
    """A connection for the length of an `async with`."""

    def __init__(self, **options):
        self._options = options

    async def __aenter__(self):
        self._connection = await asyncpg.connect(**self._options)
        return self._connection

    async def __aexit__(self, *_):
        await self._connection.close(timeout=10)


def refused(error):
    is_refusal(error.sqlstate, error.message, error.detail, error.hint)


VALUES = {
    "int2": 7,
    "int8": 2**40,
    "text": "Ada — ünïcode 🦆",
    "bool": True,
    "float8": 1.5,
    "numeric": decimal.Decimal("12345678901234567890.0123"),
    "bytea": b"\x00\xff",
    "date": datetime.date(2026, 1, 2),
    "timestamptz": datetime.datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=datetime.timezone.utc),
    "interval": datetime.timedelta(days=3, seconds=7),
    "uuid": uuid.UUID(int=42),
    "int4[]": [[1, None], [3, 4]],
    "text[]": ["a,b", 'c"d', None],
    "jsonb": '{"x": [1, null]}',
    "int4range": asyncpg.Range(1, 5),
    "inet": None,
}


@check("a bare connect() reads")
async def _():
    async with Session() as c:
        assert await c.fetchval("select count(*) from orders") == 50000
        row = await c.fetchrow("select * from customers where id = $1 and city = $2", 1, "Oslo")
        assert row["name"] == "Grace Hopper" and list(row.keys())[:2] == ["id", "name"]
        assert c.get_server_version().major >= 15


@check("values of every kind go there and back in binary")
async def _():
    async with Session() as c:
        marks = ", ".join(f"${n}::{kind}" for n, kind in enumerate(VALUES, 1))
        assert list(await c.fetchrow(f"select {marks}", *VALUES.values())) == list(VALUES.values())


@check("composite types, arrays of them, enums and domains are introspected")
async def _():
    async with Session() as c:
        await c.execute(
            "create type mood as enum ('sad', 'glad'); create domain positive as int check (value > 0);"
            "create type person as (name text, mood mood, age positive)"
        )
        person = await c.fetchval("select row('Ada', 'glad', 36)::person")
        assert (person["name"], person["mood"], person["age"]) == ("Ada", "glad", 36)
        several = await c.fetchval("select $1::person[]", [("Ada", "glad", 36), None])
        assert several[0]["age"] == 36 and several[1] is None
        await failure(asyncpg.CheckViolationError, c.fetchval("select 0::positive"))
        await c.set_type_codec("mood", encoder=str.lower, decoder=str.upper, schema="public")
        assert await c.fetchval("select $1::mood", "SAD") == "SAD"
        await c.execute("drop type person; drop domain positive; drop type mood")


@check("several statements in one text, and their status")
async def _():
    async with Session() as c:
        assert await c.execute("create temp table several (n int); insert into several values (1), (2)") == "INSERT 0 2"
        assert await c.execute("update several set n = n + $1", 1) == "UPDATE 2"
        assert await c.fetchval("select sum(n) from several") == 5


@check("prepared statements: described, run many times, and their plan")
async def _():
    async with Session() as c:
        statement = await c.prepare("select id, price from products where id = any($1::int[]) order by id")
        assert [p.name for p in statement.get_parameters()] == ["int4[]"]
        assert [(a.name, a.type.name) for a in statement.get_attributes()] == [("id", "int4"), ("price", "numeric")]
        for n in range(1, 30):
            assert [row["id"] for row in await statement.fetch([n, n + 1])] == [n, n + 1]
        assert (await statement.explain([1], analyze=True))[0]["Plan"]
        assert statement.get_statusmsg().startswith("SELECT")
        named = await c.prepare("select 1", name="a_name")
        assert await named.fetchval() == 1
        assert await c.fetchval("select count(*) from pg_prepared_statements where name = 'a_name'") == 1


@check("the cache of statements: hit, outgrown, switched off, invalid after DDL")
async def _():
    async with Session(statement_cache_size=5) as c:
        for n in range(40):
            assert await c.fetchval(f"select $1::int + {n % 8}", n) == n + n % 8
        await c.execute("create temp table changing as select 1 as a")
        assert tuple(await c.fetchrow("select * from changing")) == (1,)
        await c.execute("alter table changing add column b int default 2")
        await failure(asyncpg.InvalidCachedStatementError, nested(c, "select * from changing"))
        assert tuple(await c.fetchrow("select * from changing")) == (1, 2)
    async with Session(statement_cache_size=0) as c:
        assert await c.fetchval("select $1::int", 7) == 7
        assert await c.fetchval("select count(*) from pg_prepared_statements where name <> ''") == 0


async def nested(c, query):
    """In a transaction, where asyncpg may not prepare a stale statement anew by itself."""
    async with c.transaction():
        await c.fetchrow(query)


@check("cursors: by iteration with prefetch, by fetch and forward")
async def _():
    async with Session() as c, c.transaction():
        total = 0
        async for row in c.cursor("select id from orders where id <= $1", 5000, prefetch=100):
            total += row["id"]
        assert total == 5000 * 5001 // 2
        cursor = await c.cursor("select generate_series(1, 20) as n")
        assert await cursor.forward(5) == 5
        assert [row["n"] for row in await cursor.fetch(3)] == [6, 7, 8]
        # Two portals side by side.
        other = await c.cursor("select generate_series(101, 103) as n")
        assert (await other.fetchrow())["n"] == 101
        assert (await cursor.fetchrow())["n"] == 9


@check("a cursor of the protocol's is fetched from by SQL")
async def _():
    async with Session() as c, c.transaction():
        await c.execute("declare by_sql cursor for select generate_series(1, 4) as n")
        assert [row["n"] for row in await c.fetch("fetch 2 from by_sql")] == [1, 2]
        assert await c.execute("move 1 by_sql") == "MOVE 1"
        assert await c.fetchval("fetch 1 by_sql") == 4
        cursor = await c.cursor("select generate_series(1, 4) as n")
        assert (await cursor.fetchrow())["n"] == 1
        [portal] = await c.fetch("select name from pg_cursors where name like '%portal%'")
        assert await c.fetchval(f'fetch 1 from "{portal["name"]}"') == 2
        assert (await cursor.fetchrow())["n"] == 3


@check("SQL-level PREPARE and EXECUTE")
async def _():
    async with Session() as c:
        await c.execute("prepare named(int) as select $1 + 1")
        assert await c.fetchval("execute named(41)") == 42
        await c.execute("deallocate named")
        await failure(asyncpg.InvalidSQLStatementNameError, c.fetchval("execute named(1)"))


@check("executemany and fetchmany: pipelined, all or nothing")
async def _():
    async with Session() as c:
        await c.execute("create temp table many (n int primary key)")
        await c.executemany("insert into many values ($1)", [(n,) for n in range(3000)])
        assert await c.fetchval("select count(*) from many") == 3000
        returned = await c.fetchmany("insert into many values ($1) returning n", [(n,) for n in range(3000, 3050)])
        assert [row["n"] for row in returned] == list(range(3000, 3050))
        doubled = [(9001,), (9002,), (9001,)]
        await failure(asyncpg.UniqueViolationError, c.executemany("insert into many values ($1)", doubled))
        assert await c.fetchval("select count(*) from many") == 3050


@check("COPY: records in, table and query out, from and to streams")
async def _():
    async with Session() as c:
        await c.execute("create temp table copied (id int, name text, at timestamptz)")
        now = datetime.datetime.now(datetime.timezone.utc)
        records = [(n, f"row {n}", now) for n in range(5000)]
        assert await c.copy_records_to_table("copied", records=records) == "COPY 5000"
        out = io.BytesIO()
        assert await c.copy_from_query("select id from copied where id <= $1", 10, output=out, format="csv") == "COPY 11"
        back = io.BytesIO(out.getvalue())
        assert await c.copy_to_table("copied", source=back, columns=["id"], format="csv") == "COPY 11"
        out = io.BytesIO()
        assert await c.copy_from_table("copied", output=out, format="binary") == "COPY 5011"
        assert out.getvalue().startswith(b"PGCOPY\n\xff\r\n\0")

        def failing():
            yield (1, "one", now)
            raise LookupError("no more")

        await failure(LookupError, c.copy_records_to_table("copied", records=failing()))
        assert await c.fetchval("select count(*) from copied") == 5011


@check("transactions: nested, isolated, read only")
async def _():
    async with Session() as c:
        async with c.transaction(isolation="serializable", readonly=True, deferrable=True):
            assert await c.fetchval("show transaction_isolation") == "serializable"
        async with c.transaction():
            await failure(asyncpg.DivisionByZeroError, nested(c, "select 1/0"))
            assert await c.fetchval("select 1") == 1
        assert not c.is_in_transaction()


@check("LISTEN and NOTIFY by callback, notices by another")
async def _():
    async with Session() as ear, Session() as mouth:
        heard = asyncio.Queue()
        await ear.add_listener("async_news", lambda _c, _pid, channel, payload: heard.put_nowait((channel, payload)))
        await mouth.execute("select pg_notify('async_news', 'x')")
        assert await asyncio.wait_for(heard.get(), 20) == ("async_news", "x")
        ear.add_log_listener(lambda _c, message: heard.put_nowait(message.message))
        await ear.execute("do $$ begin raise notice 'noticed'; end $$")
        assert await asyncio.wait_for(heard.get(), 20) == "noticed"


@check("a query whose task is cancelled, or whose time is up, is cancelled at the server")
async def _():
    async with Session() as c, Session() as locker:
        await locker.execute("select pg_advisory_lock(77)")
        pid = await c.fetchval("select pg_backend_pid()")
        waiting = asyncio.ensure_future(c.fetchval("select pg_advisory_lock(77)"))
        held = "select count(*) from pg_locks where pid = $1 and not granted"
        while await locker.fetchval(held, pid) == 0:
            pass
        waiting.cancel()
        await failure(asyncio.CancelledError, waiting)
        assert await c.fetchval("select 1") == 1
        await failure(asyncio.TimeoutError, c.fetchval("select pg_advisory_lock(77)", timeout=0.2))
        assert await c.fetchval("select 2") == 2


@check("settings at start-up, changed, and reset")
async def _():
    settings = {"application_name": "a name", "statement_timeout": "54321", "search_path": "pg_catalog"}
    async with Session(server_settings=settings) as c:
        assert await c.fetchval("show statement_timeout") == "54321ms"
        assert await c.fetchval("show search_path") == "pg_catalog"
        assert c.get_settings().application_name == "a name"
        await c.execute("set timezone = 'Asia/Kolkata'; set statement_timeout = 1000")
        assert c.get_settings().TimeZone == "Asia/Kolkata"
        await c.reset()
        assert await c.fetchval("show statement_timeout") == "54321ms"


@check("a pool: sessions are taken, reset and given back")
async def _():
    async with asyncpg.create_pool(min_size=2, max_size=4) as pool:

        async def work(n):
            async with pool.acquire() as c:
                await c.execute("set application_name = 'dirty'")
                return await c.fetchval("select $1::int", n)

        assert await asyncio.gather(*map(work, range(50))) == list(range(50))
        assert await pool.fetchval("show application_name") != "dirty"


@check("parameters and columns without a type are text")
async def _():
    async with Session() as c:
        statement = await c.prepare("select $1 as given, null as nothing")
        assert [a.type.name for a in statement.get_attributes()] == ["text", "text"]


@check("a refusal has its SQLSTATE, message, hint and reference, and the session goes on")
async def _():
    async with Session() as c:
        kind = asyncpg.InsufficientPrivilegeError
        refused(await failure(kind, c.execute(REFUSED)))
        refused(await failure(kind, c.fetch(REFUSED)))
        refused(await failure(kind, c.prepare(REFUSED)))
        refused(await failure(kind, c.execute(f"select 1; {REFUSED}")))
        assert await c.fetchval("select 1") == 1


@check("a refusal in a transaction fails the transaction, and a savepoint mends it")
async def _():
    async with Session() as c:
        kind = asyncpg.InsufficientPrivilegeError
        async with c.transaction():
            refused(await failure(kind, nested(c, REFUSED)))
            assert await c.fetchval("select 2") == 2
        transaction = c.transaction()
        await transaction.start()
        refused(await failure(kind, c.execute(REFUSED)))
        await failure(asyncpg.InFailedSQLTransactionError, c.fetchval("select 1"))
        await transaction.rollback()
        assert await c.fetchval("select 3") == 3


@check("a refusal of a statement that would run many times, in its pipeline")
async def _():
    async with Session() as c:
        refused(await failure(asyncpg.InsufficientPrivilegeError, c.executemany(REFUSED, [(), ()])))
        assert await c.fetchval("select 1") == 1


play()
