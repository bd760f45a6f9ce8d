"""Commands that wait for a person, as asyncpg sees them."""

import asyncio

import asyncpg

from held import DENIED, REMOVE
from tap import check, play


class Session:
    """A connection for the length of an `async with`, and the notices that it is told."""

    async def __aenter__(self):
        self._connection = await asyncpg.connect()
        notices = asyncio.Queue()
        self._connection.add_log_listener(lambda _, notice: notices.put_nowait(notice))
        return self._connection, notices

    async def __aexit__(self, *_):
        await self._connection.close(timeout=10)


async def failure(kind, attempt):
    try:
        await attempt
    except kind as error:
        return error
    raise AssertionError(f"{kind.__name__} was not raised")


async def denied(attempt):
    error = await failure(asyncpg.InsufficientPrivilegeError, attempt)
    assert error.sqlstate == "42501" and DENIED in error.message, error


async def row(c, fate, name, table="held"):
    word = f"{fate} asyncpg: {name}"
    await c.execute(f"insert into {table} values ($1)", word)
    return word


async def left(c, word):
    return await c.fetchval("select count(*) from held where word = $1", word)


@check("approved, with the notice: with parameters, without, and rows")
async def _():
    async with Session() as (c, notices):
        word = await row(c, "approve", "parameters")
        assert await c.execute(REMOVE + "$1", word) == "DELETE 1"
        notice = await notices.get()
        assert notice.severity == "NOTICE" and notice.message.startswith('Held by the rule "deletes"'), notice
        assert notice.detail.startswith("Approval apr_") and "apr_" in notice.hint
        word = await row(c, "approve", "simple")
        assert await c.execute(f"{REMOVE}'{word}'") == "DELETE 1"
        word = await row(c, "approve", "rows")
        assert await c.fetchval(REMOVE + "$1 returning word", word) == word


@check("a prepared statement waits each time, and so does each of executemany and fetchmany")
async def _():
    async with Session() as (c, notices):
        statement = await c.prepare(REMOVE + "$1 returning word")
        word = await row(c, "approve", "prepared")
        assert [await statement.fetchval(word) for _ in range(3)] == [word, None, None]
        assert notices.qsize() == 3
        words = [(await row(c, "approve", f"many {n}"),) for n in range(4)]
        await c.executemany(REMOVE + "$1", words)
        assert [await left(c, word) for [word] in words] == [0] * 4
        words = [(await row(c, "approve", f"many {n}"),) for n in range(4)]
        rows = await c.fetchmany(REMOVE + "$1 returning word", words)
        assert [tuple(one) for one in rows] == words


@check("executemany with one that is denied: none is done")
async def _():
    async with Session() as (c, _):
        words = [(await row(c, fate, "executemany"),) for fate in ("approve", "deny")]
        await denied(c.executemany(REMOVE + "$1", words))
        assert [await left(c, word) for [word] in words] == [1, 1]
        # What was approved was undone together with the other one.
        await c.execute(REMOVE + "$1", words[0][0])


@check("by a cursor, in parts: once for all of them")
async def _():
    async with Session() as (c, notices), c.transaction():
        words = {await row(c, "approve", f"part {n}") for n in range(10)}
        query = "with gone as (delete from held where starts_with(word, $1) returning word) select word from gone"
        found = {one["word"] async for one in c.cursor(query, "approve asyncpg: part", prefetch=3)}
        assert found == words and notices.qsize() == 1


@check("in a transaction, several statements in one text")
async def _():
    async with Session() as (c, _):
        async with c.transaction():
            word = await row(c, "approve", "transaction")
            assert await c.execute(f"select 1; {REMOVE}'{word}'") == "DELETE 1"
            await row(c, "beside approve", "transaction")
        assert await left(c, f"beside {word}") == 1


@check("denied, in a transaction and not")
async def _():
    async with Session() as (c, _):
        word = await row(c, "deny", "")
        await denied(c.execute(REMOVE + "$1", word))
        async with c.transaction():

            async def nested():
                async with c.transaction():
                    await c.execute(REMOVE + "$1", word)

            await denied(nested())
            assert await left(c, word) == 1
        assert await left(c, word) == 1


@check("expired")
async def _():
    async with Session() as (c, _):
        word = await row(c, "expire", "", "brief")
        await failure(asyncpg.InsufficientPrivilegeError, c.execute("delete from brief where word = $1", word))
        assert await c.fetchval("select 1") == 1


@check("a task that is cancelled, and one whose time is up, take it back")
async def _():
    async with Session() as (c, notices):
        word = await row(c, "cancel", "task")
        waiting = asyncio.ensure_future(c.execute(REMOVE + "$1", word))
        await notices.get()
        waiting.cancel()
        await failure(asyncio.CancelledError, waiting)
        assert await left(c, word) == 1
        word = await row(c, "cancel", "timeout")
        await failure(asyncio.TimeoutError, c.execute(REMOVE + "$1", word, timeout=2))
        assert await left(c, word) == 1


@check("the client terminates while it waits")
async def _():
    async with Session() as (c, notices):
        word = await row(c, "leave", "terminate")
        waiting = asyncio.ensure_future(c.execute(REMOVE + "$1", word))
        await notices.get()
        c.terminate()
        await failure((asyncpg.ConnectionDoesNotExistError, asyncpg.InterfaceError, ConnectionError), waiting)


@check("a pool of ten sessions asks the same at once, and one yes lets them all go")
async def _():
    async with asyncpg.create_pool(min_size=10, max_size=10) as pool:
        # By one of the ten, which its pool resets behind that (RESET ALL, and more).
        await pool.execute("insert into shared values ('shared asyncpg')")
        remove = "delete from shared where word = $1"
        tags = await asyncio.gather(*(pool.execute(remove, "shared asyncpg") for _ in range(10)))
        assert sorted(tags) == ["DELETE 0"] * 9 + ["DELETE 1"]


play()
